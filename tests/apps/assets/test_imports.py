from __future__ import annotations

from uuid import UUID

import pytest
from tests.apps.assets.stores import AT, clerk_of, make_stores, meter_fields

from gridtill.apps.assets.models import ImportBatch, Meter
from gridtill.apps.assets.operations import note_installed, register_meter
from gridtill.apps.assets.operations.imports import (
    AlreadyImported,
    RowsWrong,
    apply_import,
    match_columns,
    stage_import,
)
from gridtill.apps.assets.queries.imports import BatchNotFound, batch_of, checked_rows, counts_of, matched_columns
from gridtill.apps.audit.models import AuditRecord
from gridtill.kernel.actors import Actor, NotAllowed
from gridtill.kernel.errors import InvalidValue

pytestmark = pytest.mark.django_db
BATCH = UUID(int=1)
HEADERS = ("Asset No.", "Meter No.", "Manufacturer", "Store code")


@pytest.fixture
def stores():
    return make_stores()


@pytest.fixture
def clerk(stores):
    return clerk_of(stores.office)


def row(serial, maker="Acme", store=""):
    fields = meter_fields(serial)
    return (fields["asset_number"], fields["number"], maker, store)


def stage(stores, clerk, *rows, batch_id=BATCH, headers=HEADERS):
    return stage_import(
        request_id=batch_id,
        kind="meter",
        file_name="meters.csv",
        table=(headers, rows),
        store_id=stores.office.pk,
        actor=clerk,
        at=AT,
    )


def apply(clerk, accept_good=False):
    return apply_import(batch_id=BATCH, accept_good=accept_good, actor=clerk, at=AT)


def test_headings_are_matched_by_name_and_alias():
    headers = ["ASSET NUMBER", "drn", "Colour", "SGC", "meter no."]

    assert matched_columns("meter", headers) == ["asset_number", "number", "", "supply_group_code", ""]


def test_rows_are_told_apart(stores, clerk):
    for serial in (1, 2):
        fields = meter_fields(serial) | {"maker": "Acme"}
        register_meter(fields=fields, store_id=stores.office.pk, actor=clerk, at=AT)

    batch = stage(stores, clerk, row(1), row(2, "Other"), row(3), ("M4", "123", "", ""))

    checked = checked_rows(batch, clerk.unit_path)
    assert [(line.line, line.verdict) for line in checked] == [(2, "same"), (3, "changed"), (4, "new"), (5, "wrong")]
    assert checked[3].wrong == {
        "number": "A meter number has 11 or 13 digits; this one has 3. Correct the meter number."
    }
    assert Meter.objects.count() == 2


@pytest.mark.parametrize(
    ("rows", "field", "words"),
    [
        ([row(1), ("M9", row(1)[1], "", "")], "number", "Row 2 has this number too. Keep one of them."),
        ([row(1), (row(1)[0], row(2)[1], "", "")], "asset_number", "Row 2 has this number too. Keep one of them."),
        ([row(1), row(2, "=1+1")], "maker", "This is a formula. Write its value."),
        ([row(1), row(2, store="S2")], "store", "There is no store S2 within your unit."),
        ([row(1), ("", row(2)[1], "", "")], "asset_number", "This is missing. Fill it in."),
    ],
)
def test_wrong_cell_is_named_with_its_reason(stores, clerk, rows, field, words):
    batch = stage(stores, clerk, *rows)

    assert checked_rows(batch, clerk.unit_path)[1].wrong == {field: words}


def test_one_wrong_row_stops_all(stores, clerk):
    stage(stores, clerk, row(1), ("M2", "123", "", ""))

    with pytest.raises(RowsWrong):
        apply(clerk)

    assert Meter.objects.count() == 0
    assert ImportBatch.objects.get().applied_at is None


def test_good_rows_are_imported_when_accepted(stores, clerk):
    stage(stores, clerk, row(1), ("M2", "123", "", ""))

    batch = apply(clerk, accept_good=True)

    assert batch.counts == {"new": 1, "changed": 0, "same": 0, "wrong": 1}
    meter = Meter.objects.get()
    assert (meter.maker, meter.status, meter.supply_group_code) == ("Acme", "IN_STORE", "201457")


def test_nothing_good_is_refused_even_when_accepted(stores, clerk):
    stage(stores, clerk, ("M2", "123", "", ""))

    with pytest.raises(RowsWrong):
        apply(clerk, accept_good=True)


def test_importing_twice_imports_once(stores, clerk):
    stage(stores, clerk, row(1), row(2))

    first, second = apply(clerk), apply(clerk)

    assert (first.counts, first.applied_at) == (second.counts, second.applied_at)
    assert AuditRecord.objects.filter(action="assets.meter.registered").count() == 2


def test_staging_twice_keeps_one_batch(stores, clerk):
    assert stage(stores, clerk, row(1)) == stage(stores, clerk, row(1))
    assert ImportBatch.objects.count() == 1


def test_changed_row_counts_version_and_is_audited(stores, clerk):
    register_meter(fields=meter_fields(1), store_id=stores.office.pk, actor=clerk, at=AT)
    stage(stores, clerk, row(1, "Other"))

    apply(clerk)

    meter = Meter.objects.get()
    assert (meter.maker, meter.version) == ("Other", 1)
    record = AuditRecord.objects.get(action="assets.meter.modified")
    assert (record.before["maker"], record.after["maker"], record.request_id) == ("", "Other", BATCH)


def test_asset_of_another_unit_is_wrong_and_unchanged(stores, clerk):
    other = clerk_of(stores.other)
    register_meter(fields=meter_fields(1), store_id=stores.other.pk, actor=other, at=AT)

    batch = stage(stores, clerk, row(1, "Mine"))

    assert counts_of(checked_rows(batch, clerk.unit_path))["wrong"] == 1


def test_columns_are_matched_by_hand(stores, clerk):
    batch = stage(stores, clerk, ("M1", meter_fields(1)["number"]), headers=("A", "B"))
    assert batch.columns == ["", ""]

    matched = match_columns(batch_id=BATCH, columns=["asset_number", "number"], actor=clerk, at=AT)

    assert counts_of(checked_rows(matched, clerk.unit_path))["new"] == 1


@pytest.mark.parametrize("columns", [["number"] * 4, ["asset_number"], ["", "number", "", ""], ["status", "", "", ""]])
def test_columns_that_do_not_fit_are_refused(stores, clerk, columns):
    stage(stores, clerk, row(1))

    with pytest.raises(InvalidValue):
        match_columns(batch_id=BATCH, columns=columns, actor=clerk, at=AT)


def test_imported_batch_keeps_its_columns(stores, clerk):
    stage(stores, clerk, row(1))
    apply(clerk)

    with pytest.raises(AlreadyImported):
        match_columns(batch_id=BATCH, columns=["asset_number", "", "", ""], actor=clerk, at=AT)


def test_batch_belongs_to_who_uploaded_it(stores, clerk):
    stage(stores, clerk, row(1))

    with pytest.raises(BatchNotFound):
        batch_of(BATCH, 8, clerk.unit_path)


def test_importing_needs_the_right(stores):
    viewer = Actor(id=7, name="V", unit_path=stores.office.path, permissions=frozenset({"assets.edit"}))

    with pytest.raises(NotAllowed):
        stage(stores, viewer, row(1))

    assert ImportBatch.objects.count() == 0


def test_checking_costs_the_same_for_more_rows(stores, clerk, django_assert_num_queries):
    batch = stage(stores, clerk, *[row(serial) for serial in range(1, 400)])

    with django_assert_num_queries(3):
        checked_rows(batch, clerk.unit_path)


def test_empty_cell_keeps_what_is_there(stores, clerk):
    fields = meter_fields(1) | {"maker": "Acme"}
    register_meter(fields=fields, store_id=stores.office.pk, actor=clerk, at=AT)

    batch = stage(stores, clerk, row(1, maker=""))

    assert [line.verdict for line in checked_rows(batch, clerk.unit_path)] == ["same"]


def test_rows_are_held_against_what_the_archive_has(stores, clerk):
    whole = clerk_of(stores.bureau)
    kept = register_meter(fields=meter_fields(1), store_id=stores.office.pk, actor=whole, at=AT)
    put_up = register_meter(fields=meter_fields(2), store_id=stores.office.pk, actor=whole, at=AT)
    note_installed(kind="meter", asset_id=put_up.pk, actor=whole, at=AT)

    batch = stage(
        stores,
        whole,
        ("M00009", kept.number, "", ""),
        ("M00001", "", "", "S2"),
        ("M00002", meter_fields(3)["number"], "", ""),
    )

    assert [line.wrong for line in checked_rows(batch, whole.unit_path)] == [
        {"number": "Asset M00001 has this number already."},
        {"store": "It is kept in another store. Move it there first."},
        {"number": "It is not in store, so its number stays."},
    ]


def test_change_of_carrier_holds_the_number_to_it(stores, clerk):
    fields = {"asset_number": "M1", "number": "12345", "token_carrier": "CARD"}
    register_meter(fields=fields, store_id=stores.office.pk, actor=clerk, at=AT)

    batch = stage(stores, clerk, ("M1", "KEYPAD"), headers=("Asset No.", "Token type"))

    wrong = checked_rows(batch, clerk.unit_path)[0].wrong
    assert wrong["number"].startswith("A meter number has 11 or 13 digits; this one has 5.")


def test_file_without_rows_is_refused(stores, clerk):
    with pytest.raises(InvalidValue, match="no rows"):
        stage(stores, clerk)


def test_key_of_a_meter_on_the_wall_is_not_imported(stores, clerk):
    put_up = register_meter(fields=meter_fields(1), store_id=stores.office.pk, actor=clerk, at=AT)
    register_meter(fields=meter_fields(2), store_id=stores.office.pk, actor=clerk, at=AT)
    note_installed(kind="meter", asset_id=put_up.pk, actor=clerk, at=AT)
    headers = ("Asset No.", "Key revision")

    batch = stage(stores, clerk, ("M00001", "7"), ("M00002", "7"), headers=headers)

    on_the_wall, in_store = checked_rows(batch, clerk.unit_path)
    assert on_the_wall.wrong["key_revision"].startswith("It is not in store, so its key stays.")
    assert in_store.wrong == {}


def test_numbers_of_elsewhere_are_not_told(stores, clerk):
    whole = clerk_of(stores.bureau)
    hidden = register_meter(fields=meter_fields(1), store_id=stores.other.pk, actor=whole, at=AT)

    batch = stage(stores, clerk, ("M00009", hidden.number, "", ""))

    assert checked_rows(batch, clerk.unit_path)[0].wrong == {
        "number": "An asset of another unit has this number already."
    }
