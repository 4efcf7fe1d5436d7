from __future__ import annotations

import pytest
from tests.apps.assets.stores import AT, GOOD, clerk_of, make_stores, meter_fields

from gridtill.apps.assets.models import Meter
from gridtill.apps.assets.operations import (
    delete_asset,
    modify_asset,
    move_asset,
    note_installed,
    note_removed,
    register_collector,
    register_concentrator,
    register_meter,
)
from gridtill.apps.assets.operations.archive import AssetChanged, AssetExists, AssetInUse
from gridtill.apps.assets.queries import (
    asset_by_id,
    assets_within,
    concentrator_by_number,
    find_assets,
    history_of,
    meter_by_number,
)
from gridtill.apps.assets.queries.archive import AssetNotFound
from gridtill.apps.assets.states import AssetMoveRefused
from gridtill.kernel.actors import Actor, NotAllowed
from gridtill.kernel.errors import InvalidValue

pytestmark = pytest.mark.django_db


@pytest.fixture
def stores():
    return make_stores()


@pytest.fixture
def clerk(stores):
    return clerk_of(stores.office)


@pytest.fixture
def meter(stores, clerk):
    return register_meter(fields=meter_fields(1), store_id=stores.office.pk, actor=clerk, at=AT)


def move(meter, clerk, status, **more):
    return move_asset(
        kind="meter", asset_id=meter.pk, new_status=status, actor=clerk, at=AT, **({"reason": "Count"} | more)
    )


def test_meter_begins_in_store_with_supply_group(stores, meter):
    stored = Meter.objects.get()

    assert (stored.status, stored.supply_group_code, stored.store) == ("IN_STORE", "201457", stores.office)
    assert [record.action for record in history_of("meter", meter.pk)] == ["assets.meter.registered"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "12345678904"),
        ("number", "3700000001"),
        ("number", ""),
        ("asset_number", ""),
        ("asset_number", "x" * 31),
        ("supply_group_code", "12345"),
        ("tariff_index", "123"),
        ("key_revision", "0"),
        ("key_revision", "10"),
        ("key_type", "4"),
        ("key_expiry", "256"),
        ("base_date", "2000"),
        ("encryption_algorithm", "09"),
        ("ct_ratio", "0"),
        ("pt_ratio", "-1"),
        ("ct_ratio", "9" * 1_000_000),
        ("ct_ratio", "²"),
        ("payment_mode", "SOMETIMES"),
        ("purchase_date", "yesterday"),
        ("remarks", "bell\x07"),
        ("status", "INSTALLED"),
    ],
)
def test_wrong_field_is_refused_beside_itself(stores, clerk, field, value):
    with pytest.raises(InvalidValue) as refused:
        register_meter(fields=meter_fields(1) | {field: value}, store_id=stores.office.pk, actor=clerk, at=AT)

    assert refused.value.field == field
    assert Meter.objects.count() == 0


def test_card_meter_needs_no_check_digit(stores, clerk):
    fields = meter_fields(1) | {"number": "123456", "token_carrier": "CARD"}

    assert register_meter(fields=fields, store_id=stores.office.pk, actor=clerk, at=AT).number == "123456"


def test_taken_number_is_refused(stores, clerk, meter):
    with pytest.raises(AssetExists) as refused:
        register_meter(fields=meter_fields(2) | {"number": meter.number}, store_id=stores.office.pk, actor=clerk, at=AT)

    assert refused.value.field == "number"


def test_clerk_cannot_use_store_outside_unit(stores, clerk):
    with pytest.raises(InvalidValue):
        register_meter(fields=meter_fields(1), store_id=stores.other.pk, actor=clerk, at=AT)

    assert Meter.objects.count() == 0


def test_registering_needs_the_right(stores):
    viewer = Actor(id=1, name="V", unit_path=stores.office.path, permissions=frozenset({"assets.view"}))

    with pytest.raises(NotAllowed):
        register_meter(fields=GOOD, store_id=stores.office.pk, actor=viewer, at=AT)

    assert Meter.objects.count() == 0


def test_meter_of_another_unit_is_not_found(stores, meter):
    with pytest.raises(AssetNotFound):
        asset_by_id("meter", meter.pk, stores.other.path)

    assert list(assets_within("meter", stores.other.path)) == []


def test_collector_hangs_below_concentrator(stores, clerk):
    upper = register_concentrator(fields={"asset_number": "D1"}, store_id=stores.office.pk, actor=clerk, at=AT)

    lower = register_collector(
        fields={"asset_number": "L1", "channels": 8},
        store_id=stores.office.pk,
        actor=clerk,
        at=AT,
        concentrator_id=upper.pk,
    )

    assert lower.concentrator == upper
    with pytest.raises(AssetInUse):
        delete_asset(kind="concentrator", asset_id=upper.pk, actor=clerk, at=AT, reason="Mistake")


def test_second_editor_is_told_of_the_first(clerk, meter):
    modify_asset(kind="meter", asset_id=meter.pk, version=0, fields={"maker": "Acme"}, actor=clerk, at=AT)

    with pytest.raises(AssetChanged):
        modify_asset(kind="meter", asset_id=meter.pk, version=0, fields={"maker": "Other"}, actor=clerk, at=AT)

    assert Meter.objects.get().maker == "Acme"


def test_card_number_is_checked_when_carrier_becomes_keypad(stores, clerk):
    fields = meter_fields(1) | {"number": "123456", "token_carrier": "CARD"}
    meter = register_meter(fields=fields, store_id=stores.office.pk, actor=clerk, at=AT)

    with pytest.raises(InvalidValue):
        modify_asset(kind="meter", asset_id=meter.pk, version=0, fields={"token_carrier": "KEYPAD"}, actor=clerk, at=AT)


def test_installed_meter_keeps_its_number(clerk, meter):
    note_installed(kind="meter", asset_id=meter.pk, actor=clerk, at=AT)

    with pytest.raises(AssetInUse):
        modify_asset(kind="meter", asset_id=meter.pk, version=1, fields={"number": "12345678903"}, actor=clerk, at=AT)


@pytest.mark.parametrize("status", ["INSTALLED", "REMOVED"])
def test_storekeeper_cannot_install_or_remove_meter(clerk, meter, status):
    with pytest.raises(AssetMoveRefused):
        move(meter, clerk, status)

    assert Meter.objects.get().status == "IN_STORE"


@pytest.mark.parametrize("status", ["FAULTY", "LOST", "IN_STORE", "SCRAPPED"])
def test_installed_meter_leaves_through_its_point_only(clerk, meter, status):
    note_installed(kind="meter", asset_id=meter.pk, actor=clerk, at=AT)

    with pytest.raises(AssetMoveRefused):
        move(meter, clerk, status)

    assert Meter.objects.get().status == "INSTALLED"


def test_meter_goes_up_down_and_to_scrap(clerk, meter):
    note_installed(kind="meter", asset_id=meter.pk, actor=clerk, at=AT)
    note_removed(kind="meter", asset_id=meter.pk, actor=clerk, at=AT)
    move(meter, clerk, "SCRAPPED")

    actions = [record.action.split(".")[-1] for record in history_of("meter", meter.pk)]
    assert actions == ["moved", "removed", "installed", "registered"]
    with pytest.raises(AssetMoveRefused):
        move(meter, clerk, "IN_STORE")


def test_installing_twice_is_refused(clerk, meter):
    note_installed(kind="meter", asset_id=meter.pk, actor=clerk, at=AT)

    with pytest.raises(AssetMoveRefused):
        note_installed(kind="meter", asset_id=meter.pk, actor=clerk, at=AT)


def test_move_needs_reason(clerk, meter):
    with pytest.raises(InvalidValue) as refused:
        move(meter, clerk, "FAULTY", reason="  ")

    assert refused.value.field == "reason"


def test_meter_changes_store_and_keeps_state(stores, meter):
    manager = clerk_of(stores.bureau)

    moved = move(meter, manager, "IN_STORE", store_id=stores.other.pk)

    assert (moved.store, moved.status) == (stores.other, "IN_STORE")


def test_never_used_meter_is_deleted(clerk, meter):
    delete_asset(kind="meter", asset_id=meter.pk, actor=clerk, at=AT, reason="Typed twice")

    assert Meter.objects.count() == 0
    assert history_of("meter", meter.pk).first().action == "assets.meter.deleted"


def test_once_installed_meter_is_never_deleted(clerk, meter):
    note_installed(kind="meter", asset_id=meter.pk, actor=clerk, at=AT)
    note_removed(kind="meter", asset_id=meter.pk, actor=clerk, at=AT)
    move(meter, clerk, "IN_STORE")

    with pytest.raises(AssetInUse):
        delete_asset(kind="meter", asset_id=meter.pk, actor=clerk, at=AT, reason="Old")

    assert Meter.objects.count() == 1


def test_collector_changes_its_concentrator_only_within_reach(stores):
    clerk, whole = clerk_of(stores.office), clerk_of(stores.bureau)
    near = register_concentrator(fields={"asset_number": "C1"}, store_id=stores.office.pk, actor=clerk, at=AT)
    far = register_concentrator(fields={"asset_number": "C2"}, store_id=stores.other.pk, actor=whole, at=AT)
    collector = register_collector(fields={"asset_number": "K1"}, store_id=stores.office.pk, actor=clerk, at=AT)

    def change(concentrator_id, version):
        fields = {"concentrator_id": concentrator_id}
        return modify_asset(
            kind="collector", asset_id=collector.pk, version=version, fields=fields, actor=clerk, at=AT
        ).concentrator_id

    with pytest.raises(AssetNotFound):
        change(far.pk, 0)
    assert change(near.pk, 0) == near.pk
    assert change(None, 1) is None


def test_assets_are_found_by_how_their_numbers_begin(stores):
    clerk = clerk_of(stores.office)
    for serial in (1, 2):
        register_meter(fields=meter_fields(serial), store_id=stores.office.pk, actor=clerk, at=AT)
    rows = assets_within("meter", clerk.unit_path)
    number = str(meter_fields(2)["number"])

    def found(text):
        return [row.asset_number for row in find_assets(rows, text)]

    assert found("m00001") == ["M00001"]
    assert found(f"{number[:4]} {number[4:8]}-{number[8:]}") == ["M00002"]
    assert found("00001") == []


def test_concentrator_is_found_within_reach_only(stores):
    far = clerk_of(stores.other)
    register_concentrator(fields={"asset_number": "C2"}, store_id=stores.other.pk, actor=far, at=AT)

    assert concentrator_by_number("C2", far.unit_path).asset_number == "C2"
    with pytest.raises(InvalidValue):
        concentrator_by_number("C2", stores.office.path)


def test_list_is_narrowed_and_read_on_from_a_number(stores):
    clerk = clerk_of(stores.bureau)
    for serial, maker, store in ((1, "Acme", stores.office), (2, "Zenith", stores.office), (3, "Acme", stores.other)):
        register_meter(fields=meter_fields(serial) | {"maker": maker}, store_id=store.pk, actor=clerk, at=AT)
    lost = meter_by_number(str(meter_fields(2)["number"]), clerk.unit_path)
    assert lost is not None
    move_asset(kind="meter", asset_id=lost.pk, new_status="LOST", actor=clerk, at=AT, reason="Stock check")

    def narrowed(**by):
        return [row.asset_number for row in assets_within("meter", clerk.unit_path, **by)]

    assert narrowed(text="M00001") == ["M00001"]
    assert narrowed(text=lost.number) == ["M00002"]
    assert narrowed(status="LOST") == ["M00002"]
    assert narrowed(maker="Acme") == ["M00001", "M00003"]
    assert narrowed(store_id=stores.other.pk) == ["M00003"]
    assert narrowed(after="M00001") == ["M00002", "M00003"]
    assert meter_by_number(lost.number, stores.other.path) is None


def test_unknown_kind_and_state_are_refused(stores, clerk, meter):
    with pytest.raises(AssetNotFound):
        assets_within("car", clerk.unit_path)
    with pytest.raises(InvalidValue, match="no such state"):
        move_asset(kind="meter", asset_id=meter.pk, new_status="EATEN", actor=clerk, at=AT, reason="?")


@pytest.mark.parametrize("number", ["1" * 14, "12a"])
def test_card_meter_has_at_most_thirteen_digits(stores, clerk, number):
    fields = {"asset_number": "M1", "number": number, "token_carrier": "CARD"}

    with pytest.raises(InvalidValue, match="at most 13 digits"):
        register_meter(fields=fields, store_id=stores.office.pk, actor=clerk, at=AT)
