from datetime import UTC, datetime

import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.audit.queries import changes_of, find_records, records_of, records_within
from gridtill.kernel.actors import SYSTEM
from tests.factories.scene import MORNING, make_scene

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def scene():
    scene = make_scene()
    for subject, path in (("7", scene.utility.path), ("8", scene.bureau.path), ("9", "")):
        written(subject_id=subject, unit_path=path)
    return scene


def written(**values):
    base = {"at": MORNING, "actor_name": "Bram", "action": "staff.role.made_up", "subject_kind": "staff.role"}
    return AuditRecord.objects.create(**base | values)


def seen(rows):
    return [row.subject_id for row in rows.filter(action="staff.role.made_up")]


def test_log_is_bounded_by_the_unit_and_newest_first(scene):
    assert seen(records_within(scene.bureau.path)) == ["8"]
    assert seen(records_within(scene.office.path)) == []
    assert seen(records_within(scene.utility.path)) == ["9", "8", "7"]
    assert seen(records_within(SYSTEM.unit_path)) == ["9", "8", "7"]


def test_log_is_searched_by_actor_act_reason_and_subject(scene):
    written(subject_id="10", unit_path="", actor_name="Asha", reason="Customer asked")
    rows = records_within("")

    assert seen(find_records(rows, "asha")) == ["10"]
    assert seen(find_records(rows, "CUSTOMER")) == ["10"]
    assert seen(find_records(rows, "made up")) == ["10", "9", "8", "7"]
    assert seen(find_records(rows, "8")) == ["8"]
    assert seen(records_of("staff.role", 7)) == ["7"]


def test_changes_are_said_in_words(scene):
    record = written(
        subject_kind="staff.operator",
        subject_id="1",
        before={"full_name": "Asha", "is_active": "False", "unit_id": str(scene.office.pk), "version": "0"},
        after={"full_name": "Asha M", "is_active": "True", "unit_id": str(scene.bureau.pk), "version": "1"},
    )

    plain = {change.field: (change.label, change.before, change.after) for change in changes_of(record)}
    named = {change.field: (change.before, change.after) for change in changes_of(record, named=True)}

    assert plain == {
        "full_name": ("Full name", "Asha", "Asha M"),
        "is_active": ("Is active", False, True),
        "unit_id": ("Unit", str(scene.office.pk), str(scene.bureau.pk)),
    }
    assert named["unit_id"] == (str(scene.office), str(scene.bureau))


def test_moments_are_read_back_and_choices_are_worded(scene):
    notice = written(
        subject_kind="notices.notice", after={"active_from": MORNING.isoformat(), "title": "", "body": "x"}
    )
    unit = written(subject_kind="organization.organizationunit", after={"kind": "BUREAU", "commissioned_date": "soon"})

    assert [(change.field, change.after) for change in changes_of(notice)] == [
        ("active_from", datetime(2026, 11, 23, 6, 0, tzinfo=UTC)),
        ("body", "x"),
    ]
    assert {change.field: change.after for change in changes_of(unit)} == {
        "kind": "Power supply bureau",
        "commissioned_date": "soon",
    }


@pytest.mark.parametrize("kind", ["gone.thing", "nonsense", "staff.role"])
def test_record_of_what_the_program_no_longer_knows_is_still_read(scene, kind):
    record = written(subject_kind=kind, after={"old_field": 3, "old_id": 4})

    assert [(change.label, change.after) for change in changes_of(record, named=True)] == [
        ("Old field", 3),
        ("Old id", 4),
    ]


def test_row_that_is_gone_is_named_by_its_id(scene):
    record = written(subject_kind="staff.operator", before={"unit_id": "999999"})

    assert changes_of(record, named=True)[0].before == "999999"
