"""Metering points and the meters that hang at them, from whichever store they came."""

from __future__ import annotations

import pytest

from gridtill.apps.assets.models import Meter
from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.customers.models import CustomerAgreement, UsagePoint
from gridtill.apps.customers.operations.common import CustomerStateWrong
from gridtill.apps.customers.operations.points import delete_usage_point, install_meter, remove_meter
from gridtill.apps.customers.queries import meters_within, reach_of
from gridtill.apps.vending.choices import EngineeringKind
from gridtill.apps.vending.operations.engineering import EngineeringOrder, MetersUnfit, request_engineering
from gridtill.kernel.errors import InvalidValue
from gridtill.kernel.ids import new_id
from tests.factories.scene import MORNING, actor_for, make_operator, make_scene, make_supply, make_unit

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    return make_scene()


@pytest.fixture
def point(scene):
    """A metering point whose account was cancelled, with the meter still there."""
    found = make_supply(scene).usage_point
    CustomerAgreement.objects.update(status="CLOSED")
    return found


@pytest.fixture
def other(scene):
    """An office whose store the meter came from."""
    return make_unit("SUPPLY_OFFICE", "S2", scene.bureau)


@pytest.fixture
def borrowed(point, other):
    """A meter of the other office's store on the wall of this office's customer."""
    Meter.objects.update(store=other)
    return Meter.objects.get()


def clerk(scene, unit, name):
    return actor_for(make_operator(name, name.title(), unit), scene.bram.permissions)


def test_a_meter_belongs_to_where_it_hangs(scene, other, borrowed):
    assert list(meters_within(scene.office.path)) == [borrowed]
    assert list(meters_within(other.path)) == []
    assert reach_of(borrowed) == scene.office.path


def test_a_meter_in_store_belongs_to_its_store(scene, other, borrowed, point):
    remove_meter(usage_point_id=point.pk, register_wh=0, actor=scene.bram, at=MORNING)

    assert list(meters_within(scene.office.path)) == []
    assert list(meters_within(other.path)) == [borrowed]
    assert reach_of(borrowed) == other.path


def test_the_customers_own_office_takes_it_down(scene, borrowed, point):
    remove_meter(usage_point_id=point.pk, register_wh=5, actor=clerk(scene, scene.office, "omar"), at=MORNING)

    assert Meter.objects.get().status == "REMOVED"


def test_engineering_tokens_go_to_the_office_where_it_hangs(scene, other, borrowed):
    order = EngineeringOrder(EngineeringKind.POWER_LIMIT, "because", 2500)

    def ask(actor):
        return request_engineering(
            batch_id=new_id(), order=order, meter_numbers=[borrowed.number], actor=actor, at=MORNING
        )

    with pytest.raises(MetersUnfit, match="no such meter"):
        ask(clerk(scene, other, "olga"))
    assert ask(clerk(scene, scene.office, "omar"))[0].state == "APPROVED"


def test_the_store_is_not_told_whose_wall_it_hangs_on(scene, other, borrowed, client):
    from gridtill.apps.staff.models import Operator, Role, RolePermission

    keeper = clerk(scene, other, "olga")
    role = Role.objects.create(code="keeper", name="Keeper")
    RolePermission.objects.create(role=role, permission="assets.view")
    operator = Operator.objects.get(pk=keeper.id)
    operator.role = role
    operator.save()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")

    page = client.get(f"/assets/meters/{borrowed.pk}/")
    assert page.status_code == 200
    assert "Customer 1" not in page.content.decode()


@pytest.mark.parametrize("register", [-1, 10**13 + 1, 999])
def test_a_register_does_not_run_backwards(scene, point, register):
    point.installations.update(installed_register_wh=1_000)

    with pytest.raises(InvalidValue) as refused:
        remove_meter(usage_point_id=point.pk, register_wh=register, actor=scene.bram, at=MORNING)
    assert refused.value.field == "register"
    assert Meter.objects.get().status == "INSTALLED"


def test_nothing_is_installed_at_a_point_out_of_use(scene, point):
    remove_meter(usage_point_id=point.pk, register_wh=0, actor=scene.bram, at=MORNING)
    UsagePoint.objects.update(status="RETIRED")
    Meter.objects.update(status="IN_STORE")

    with pytest.raises(CustomerStateWrong, match="out of use"):
        install_meter(
            usage_point_id=point.pk,
            meter_number=Meter.objects.get().number,
            register_wh=0,
            actor=scene.bram,
            at=MORNING,
        )


def test_the_log_keeps_what_was_deleted(scene, point):
    agreement = point.agreement
    agreement.standing.delete()
    point.installations.all().delete()
    UsagePoint.objects.update(status="PLANNED")
    delete_usage_point(usage_point_id=point.pk, actor=scene.bram, at=MORNING)

    record = AuditRecord.objects.get(action="customers.usage_point.deleted")
    assert record.after is None
    assert (record.before["number"], str(record.before["agreement"]["id"])) == (point.number, str(agreement.pk))


def test_a_meter_of_an_open_account_stays(scene, point):
    CustomerAgreement.objects.update(status="ACTIVE")

    with pytest.raises(CustomerStateWrong, match="account is open"):
        remove_meter(usage_point_id=point.pk, register_wh=0, actor=scene.bram, at=MORNING)
