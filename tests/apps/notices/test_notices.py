from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.notices.models import Notice
from gridtill.apps.notices.operations import (
    NoticeChanged,
    NoticeDraft,
    create_notice,
    modify_notice,
    withdraw_notice,
)
from gridtill.apps.notices.queries import current_notices, find_notices, notices_within
from gridtill.kernel.actors import NotAllowed
from gridtill.kernel.errors import InvalidValue
from tests.factories.scene import MORNING, make_scene

pytestmark = [pytest.mark.db, pytest.mark.django_db]
HOUR = timedelta(hours=1)


@pytest.fixture
def scene():
    return make_scene()


def draft(scene, **values):
    base = NoticeDraft("Works", "No power in Mission Street.", scene.bureau.pk, MORNING, MORNING + HOUR)
    return replace(base, **values)


def written(scene, **values):
    return create_notice(draft=draft(scene, **values), actor=scene.bram, at=MORNING)


def titles(path, at):
    return [notice.title for notice in current_notices(path, at)]


def test_notice_is_shown_below_its_unit_from_its_beginning_until_before_its_end(scene):
    written(scene)

    assert titles(scene.office.path, MORNING) == ["Works"]
    assert titles(scene.utility.path, MORNING) == []
    assert titles(scene.office.path, MORNING - HOUR) == []
    assert titles(scene.office.path, MORNING + HOUR) == []


def test_pinned_notice_stands_above_newer_ones(scene):
    written(scene, title="Newer", active_from=MORNING + timedelta(minutes=1))
    written(scene, title="Pinned", is_pinned=True)

    assert titles(scene.office.path, MORNING + timedelta(minutes=2)) == ["Pinned", "Newer"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"body": ""}, "body"),
        ({"body": "x" * 2001}, "body"),
        ({"active_to": MORNING}, "active_to"),
        ({"active_from": datetime(1, 1, 2, tzinfo=UTC)}, "active_from"),
        ({"unit_id": 0}, "unit"),
    ],
)
def test_wrong_notice_names_its_field_and_is_not_kept(scene, values, field):
    with pytest.raises(InvalidValue) as refused:
        written(scene, **values)

    assert refused.value.field == field
    assert not Notice.objects.exists()


def test_notice_does_not_reach_beyond_its_author(scene):
    with pytest.raises(InvalidValue):
        written(scene, unit_id=scene.utility.pk)
    with pytest.raises(NotAllowed):
        create_notice(draft=draft(scene), actor=scene.asha, at=MORNING)

    assert not Notice.objects.exists()


def test_changed_notice_is_on_record_and_a_second_editor_is_told(scene):
    notice = written(scene)
    change = draft(scene, title="Works end later", active_to=None)

    modify_notice(notice_id=notice.pk, version=0, draft=change, actor=scene.bram, at=MORNING)
    with pytest.raises(NoticeChanged):
        modify_notice(notice_id=notice.pk, version=0, draft=draft(scene), actor=scene.bram, at=MORNING)

    record = AuditRecord.objects.get(action="notices.notice.modified")
    assert Notice.objects.get().title == "Works end later"
    assert (record.before["title"], record.after["title"]) == ("Works", "Works end later")


def test_notice_of_a_unit_above_is_not_changed_from_below(scene):
    notice = written(scene)
    below = replace(scene.bram, unit_path=scene.office.path)

    with pytest.raises(NotAllowed):
        withdraw_notice(notice_id=notice.pk, version=0, actor=below, at=MORNING)

    assert titles(scene.office.path, MORNING) == ["Works"]


def test_withdrawn_notice_is_gone_at_once_and_stays_withdrawn(scene):
    notice = written(scene, active_to=None)

    withdraw_notice(notice_id=notice.pk, version=0, actor=scene.bram, at=MORNING + HOUR)
    again = withdraw_notice(notice_id=notice.pk, version=1, actor=scene.bram, at=MORNING + 2 * HOUR)

    assert titles(scene.office.path, MORNING + HOUR) == []
    assert (again.active_to, again.version) == (MORNING + HOUR, 1)


def test_list_tells_planned_from_shown_and_ended(scene):
    written(scene, title="later", active_from=MORNING + HOUR, active_to=None)
    written(scene, title="now")
    written(scene, title="over", active_from=MORNING - 2 * HOUR, active_to=MORNING)

    rows = notices_within(scene.bureau.path, MORNING)

    assert [(row.title, row.state) for row in rows] == [("later", "PLANNED"), ("now", "ACTIVE"), ("over", "ENDED")]
    assert [row.title for row in find_notices(rows, "OVE")] == ["over"]
    assert not notices_within(scene.office.path, MORNING).exists()
