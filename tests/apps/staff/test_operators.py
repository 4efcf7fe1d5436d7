from dataclasses import replace

import pytest
from django_otp.plugins.otp_totp.models import TOTPDevice

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.staff.models import Operator, Role
from gridtill.apps.staff.operations import (
    LastAdministrator,
    NewOperator,
    OperatorChange,
    OperatorChanged,
    SecondPersonNeeded,
    create_operator,
    ensure_default_roles,
    forget_second_factor,
    modify_operator,
    modify_own_contact,
    reset_password,
    set_active,
)
from gridtill.apps.staff.queries import actor_of
from gridtill.kernel.actors import SYSTEM, NotAllowed
from gridtill.kernel.errors import InvalidValue
from tests.factories.scene import MORNING, make_scene, make_unit

pytestmark = [pytest.mark.db, pytest.mark.django_db]
PASSWORD = "nine green lamps"


@pytest.fixture
def scene():
    scene = make_scene()
    ensure_default_roles(actor=SYSTEM, at=MORNING)
    return scene


def hired(scene, username="eve", role="cashier", unit=None, actor=SYSTEM):
    new = NewOperator(username, username.title(), role, (unit or scene.office).pk)
    return create_operator(new=new, password=PASSWORD, actor=actor, at=MORNING)


@pytest.fixture
def manager(scene):
    return actor_of(hired(scene, "mona", "bureau_manager", scene.bureau))


@pytest.fixture
def chief(scene):
    return actor_of(hired(scene, "ada", "administrator", scene.utility))


def changed(operator, scene, actor, version=None, **values):
    base = OperatorChange(full_name="Eve Kamau", role="cashier", unit_id=scene.office.pk)
    return modify_operator(
        operator_id=operator.pk,
        version=operator.version if version is None else version,
        change=replace(base, **values),
        actor=actor,
        at=MORNING,
    )


def test_manager_hires_a_cashier_without_being_one(scene, manager):
    operator = hired(scene, actor=manager)

    assert operator.must_change_password
    assert operator.check_password(PASSWORD)
    assert "password" not in AuditRecord.objects.get(action="staff.operator.added", actor_id=manager.id).after


@pytest.mark.parametrize(("role", "unit"), [("administrator", "office"), ("cashier", "utility")])
def test_manager_hires_nobody_above_themselves(scene, manager, role, unit):
    with pytest.raises(NotAllowed):
        hired(scene, role=role, unit=getattr(scene, unit), actor=manager)

    assert not Operator.objects.filter(username="eve").exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"username": "E"}, "username"),
        ({"username": "asha"}, "username"),
        ({"full_name": " "}, "full_name"),
        ({"phone": "call me"}, "phone"),
        ({"email": "eve"}, "email"),
        ({"email": f"{'e' * 64}@{'.'.join(['d' * 60] * 4)}.com"}, "email"),
        ({"language": "tlh"}, "language"),
    ],
)
def test_new_operator_with_a_wrong_field_is_not_made(scene, values, field):
    new = replace(NewOperator("eve", "Eve", "cashier", scene.office.pk), **values)

    with pytest.raises(InvalidValue) as refused:
        create_operator(new=new, password=PASSWORD, actor=SYSTEM, at=MORNING)

    assert refused.value.field == field
    assert not Operator.objects.filter(username="eve").exists()


def test_weak_password_is_refused_beside_its_field(scene):
    with pytest.raises(InvalidValue) as refused:
        create_operator(
            new=NewOperator("eve", "Eve", "cashier", scene.office.pk), password="short", actor=SYSTEM, at=MORNING
        )

    assert refused.value.field == "new_password"


def test_changed_operator_is_saved_with_before_and_after(scene, manager):
    operator = hired(scene)

    saved = changed(operator, scene, manager, role="supervisor", phone="+254 700 1", email="eve@power.example")

    record = AuditRecord.objects.get(action="staff.operator.modified")
    assert (saved.full_name, saved.role.code, saved.version) == ("Eve Kamau", "supervisor", 1)
    assert (record.before["full_name"], record.after["full_name"]) == ("Eve", "Eve Kamau")
    assert record.after["role_id"] == str(Role.objects.get(code="supervisor").pk)


def test_second_editor_of_an_operator_is_told(scene, manager):
    operator = hired(scene)
    changed(operator, scene, manager)

    with pytest.raises(OperatorChanged):
        changed(operator, scene, manager, version=0, full_name="Other")

    assert Operator.objects.get(pk=operator.pk).full_name == "Eve Kamau"


@pytest.mark.parametrize("field", ["role", "unit_id"])
def test_nobody_is_moved_beyond_the_one_who_moves_them(scene, manager, field):
    operator = hired(scene)
    value = "administrator" if field == "role" else scene.utility.pk

    with pytest.raises(NotAllowed):
        changed(operator, scene, manager, **{field: value})

    assert (operator.role.code, Operator.objects.get(pk=operator.pk).unit_id) == ("cashier", scene.office.pk)


def test_nobody_changes_their_own_role(scene, manager):
    me = Operator.objects.get(pk=manager.id)

    with pytest.raises(NotAllowed):
        changed(me, scene, manager, role="cashier", unit_id=scene.bureau.pk)

    assert Operator.objects.get(pk=manager.id).role.code == "bureau_manager"


def test_nobody_outside_the_unit_is_changed(scene, manager):
    elsewhere = make_unit("BUREAU", "B2", scene.utility)
    operator = hired(scene, unit=elsewhere)

    for act in (
        lambda: changed(operator, scene, manager, unit_id=elsewhere.pk),
        lambda: set_active(operator_id=operator.pk, active=False, actor=manager, at=MORNING),
        lambda: reset_password(operator_id=operator.pk, password=PASSWORD, actor=manager, at=MORNING),
        lambda: forget_second_factor(operator_id=operator.pk, actor=manager, at=MORNING),
    ):
        with pytest.raises(NotAllowed):
            act()

    assert AuditRecord.objects.filter(subject_kind="staff.operator", actor_id=manager.id).count() == 0


def test_manager_does_not_take_over_an_administrator_of_the_same_unit(scene, manager):
    boss = hired(scene, "boss", "administrator", scene.bureau)

    with pytest.raises(NotAllowed):
        reset_password(operator_id=boss.pk, password="another long phrase", actor=manager, at=MORNING)

    assert Operator.objects.get(pk=boss.pk).check_password(PASSWORD)


@pytest.mark.parametrize("change", [{"role": "cashier"}, {"unit_id": "bureau"}, {"active": False}])
def test_last_administrator_of_the_utility_stays(scene, chief, change):
    boss = Operator.objects.get(pk=chief.id)
    # An administrator of one bureau is none of the whole utility.
    hired(scene, "branch", "administrator", scene.bureau)
    values = {"role": "administrator", "unit_id": scene.utility.pk} | change

    with pytest.raises(LastAdministrator):
        let_go(boss, scene, values)

    boss.refresh_from_db()
    assert (boss.is_active, boss.role.code, boss.unit_id) == (True, "administrator", scene.utility.pk)


def let_go(boss, scene, values):
    if "active" in values:
        return set_active(operator_id=boss.pk, active=False, actor=SYSTEM, at=MORNING)
    unit_id = scene.bureau.pk if values["unit_id"] == "bureau" else values["unit_id"]
    return changed(boss, scene, SYSTEM, role=values["role"], unit_id=unit_id)


def test_one_of_two_administrators_may_go(scene, chief):
    other = hired(scene, "olga", "administrator", scene.utility)

    set_active(operator_id=other.pk, active=False, actor=chief, at=MORNING)
    set_active(operator_id=other.pk, active=False, actor=chief, at=MORNING)

    assert not Operator.objects.get(pk=other.pk).is_active
    assert AuditRecord.objects.filter(action="staff.operator.deactivated").count() == 1


def test_administrator_who_leaves_the_role_is_let_go_while_another_remains(scene, chief):
    other = hired(scene, "olga", "administrator", scene.utility)

    assert changed(other, scene, chief).role.code == "cashier"


def test_nobody_keeps_themselves_out(scene, chief):
    hired(scene, "olga", "administrator", scene.utility)

    with pytest.raises(NotAllowed):
        set_active(operator_id=chief.id, active=False, actor=chief, at=MORNING)

    assert Operator.objects.get(pk=chief.id).is_active


def test_operator_kept_out_is_let_in_again(scene, manager):
    operator = hired(scene)
    set_active(operator_id=operator.pk, active=False, actor=manager, at=MORNING)

    assert set_active(operator_id=operator.pk, active=True, actor=manager, at=MORNING).is_active


def test_reset_password_has_to_be_changed_at_the_next_sign_in(scene, manager):
    operator = hired(scene)
    Operator.objects.filter(pk=operator.pk).update(must_change_password=False)

    reset_password(operator_id=operator.pk, password="another long phrase", actor=manager, at=MORNING)

    operator.refresh_from_db()
    assert operator.must_change_password
    assert operator.check_password("another long phrase")
    assert AuditRecord.objects.get(action="staff.operator.password_reset").after is None


def test_own_password_and_second_factor_are_not_reset_this_way(scene, manager):
    with pytest.raises(NotAllowed):
        reset_password(operator_id=manager.id, password="another long phrase", actor=manager, at=MORNING)
    with pytest.raises(NotAllowed):
        forget_second_factor(operator_id=manager.id, actor=manager, at=MORNING)

    assert Operator.objects.get(pk=manager.id).check_password(PASSWORD)


def test_lost_authenticator_is_forgotten(scene, manager):
    operator = hired(scene)
    TOTPDevice.objects.create(user=operator, name="phone", confirmed=True)

    assert forget_second_factor(operator_id=operator.pk, actor=manager, at=MORNING) == 1

    assert not TOTPDevice.objects.exists()
    assert AuditRecord.objects.filter(action="staff.operator.second_factor_forgotten").count() == 1


def test_own_contact_is_changed_by_oneself(scene):
    me = actor_of(hired(scene))

    modify_own_contact(version=0, phone="0700", email="", language="fr", actor=me, at=MORNING)
    with pytest.raises(OperatorChanged):
        modify_own_contact(version=0, phone="0800", email="", language="en", actor=me, at=MORNING)

    saved = Operator.objects.get(pk=me.id)
    assert (saved.phone, saved.language, saved.role.code) == ("0700", "fr", "cashier")


def test_nobody_lets_themselves_in_as_an_equal(scene, manager, chief):
    equal = hired(scene, "noah", "bureau_manager", scene.bureau)
    TOTPDevice.objects.create(user=equal, confirmed=True, name="phone")

    for approver in (None, manager, actor_of(equal), replace(chief, permissions=frozenset({"vend.sell"}))):
        with pytest.raises(SecondPersonNeeded):
            reset_password(
                operator_id=equal.pk, password="seven red boats", actor=manager, at=MORNING, approver=approver
            )
        with pytest.raises(SecondPersonNeeded):
            forget_second_factor(operator_id=equal.pk, actor=manager, at=MORNING, approver=approver)
    assert Operator.objects.get(pk=equal.pk).check_password(PASSWORD)

    reset_password(operator_id=equal.pk, password="seven red boats", actor=manager, at=MORNING, approver=chief)
    assert AuditRecord.objects.get(action="staff.operator.password_reset").after == {"second_person": chief.name}


def test_somebody_with_fewer_rights_is_helped_by_one_person(scene, manager):
    cashier = hired(scene)

    reset_password(operator_id=cashier.pk, password="seven red boats", actor=manager, at=MORNING)
    assert Operator.objects.get(pk=cashier.pk).check_password("seven red boats")


def test_two_administrators_need_a_third_person_for_each_other(scene, chief, manager):
    other = hired(scene, "bob", "administrator", scene.utility)

    with pytest.raises(SecondPersonNeeded):
        reset_password(operator_id=other.pk, password="seven red boats", actor=chief, at=MORNING)


def test_names_are_told_apart_letter_by_letter(scene):
    hired(scene, "supervisor", "supervisor")

    for look_alike in ("ſupervisor", "superviſor", "supervıſor"):
        with pytest.raises(Operator.DoesNotExist):
            Operator.objects.get_by_natural_key(look_alike)
    assert Operator.objects.get_by_natural_key("SuperVisor").username == "supervisor"


def test_who_moves_is_in_the_log_of_both_units(scene, chief):
    operator = hired(scene)
    other = make_unit("SUPPLY_OFFICE", "S9", scene.bureau)
    changed(operator, scene, chief, unit_id=other.pk)

    paths = AuditRecord.objects.filter(action="staff.operator.modified").values_list("unit_path", flat=True)
    assert set(paths) == {scene.office.path, other.path}
