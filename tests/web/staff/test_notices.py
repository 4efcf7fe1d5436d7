from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gridtill.apps.notices.models import Notice
from gridtill.apps.notices.operations import NoticeDraft, create_notice
from gridtill.apps.staff.models import Operator
from gridtill.kernel.clock import now
from tests.factories.scene import make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]
HOUR = timedelta(hours=1)


def written(scene, chief, title="Works", unit=None):
    draft = NoticeDraft(title, "No power in Mission Street.", (unit or scene.bureau).pk, now() - HOUR)
    return create_notice(draft=draft, actor=chief, at=now())


def filled(scene, **values):
    return {
        "title": "Works",
        "body": "No power.",
        "unit": scene.bureau.pk,
        "active_from": "2026-11-23T09:00",
        "active_to": "",
        "version": 0,
        **values,
    }


def test_written_notice_reaches_the_desktop_at_the_hour_of_the_utility(bureau, scene):
    answer = bureau.post("/notices/add/", filled(scene, active_from="2020-01-01T09:00"))

    notice = Notice.objects.get()
    assert answer["Location"] == "/notices/"
    # Nairobi is three hours ahead.
    assert (notice.active_from.hour, notice.author_name) == (6, "Bram Otieno")
    assert "No power." in bureau.get("/").content.decode()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"title": ""}, "This field is required."),
        ({"active_to": "2026-11-23T08:00"}, "The end has to be after the beginning."),
        ({"active_from": "soon"}, "Enter a valid date/time."),
        ({"active_from": "1900-01-01T00:00"}, "This moment is too far away."),
        ({"unit": "999999"}, "Select a valid choice."),
        ({"body": "x" * 2001}, "at most 2000 characters"),
    ],
)
def test_wrong_notice_is_refused_on_the_form(bureau, scene, values, words):
    answer = bureau.post("/notices/add/", filled(scene, **values))

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Notice.objects.exists()


def test_notice_is_not_written_for_a_unit_above(bureau, scene):
    assert bureau.post("/notices/add/", filled(scene, unit=scene.utility.pk)).status_code == 422
    assert not Notice.objects.exists()


@pytest.mark.parametrize("url", ["/notices/", "/notices/add/", "/notices/1/", "/notices/1/withdraw/"])
def test_notices_need_the_right(scene, enter, url):
    assert enter(scene.asha).get(url).status_code == 403


def test_list_holds_the_notices_of_ones_unit_only(scene, chief, enter):
    written(scene, chief, "Own")
    far = written(scene, chief, "Far", make_unit("BUREAU", "B2", scene.utility))
    below = enter(scene.bram)
    Operator.objects.filter(pk=scene.bram.id).update(unit=scene.bureau)

    text = below.get("/notices/").content.decode()

    assert "Own" in text
    assert "Far" not in text
    assert below.get(f"/notices/{far.pk}/").status_code == 404
    assert below.post(f"/notices/{far.pk}/withdraw/").status_code == 404


def test_list_asks_the_database_equally_for_one_row_and_three(office, scene, chief):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert "Works" in office.get("/notices/?q=works").content.decode()
        return len(queries)

    written(scene, chief)
    asked()
    first = asked()
    written(scene, chief)
    written(scene, chief)

    assert asked() == first


def test_empty_list_offers_to_write_one(bureau):
    assert "Write a notice" in bureau.get("/notices/").content.decode()


def test_notice_is_changed_and_a_second_editor_sees_a_conflict(bureau, scene, chief):
    notice = written(scene, scene.bram)
    page = bureau.get(f"/notices/{notice.pk}/").content.decode()
    assert f'value="{timezone.localtime(notice.active_from, now().tzinfo):%Y-%m-%d}' in page

    first = bureau.post(f"/notices/{notice.pk}/", filled(scene, title="Works end"))
    second = bureau.post(f"/notices/{notice.pk}/", filled(scene, title="Works go on"))

    assert (first.status_code, second.status_code) == (302, 409)
    assert Notice.objects.get().title == "Works end"


def test_withdrawn_notice_leaves_the_desktop(bureau, scene):
    notice = written(scene, scene.bram)
    assert "No power in Mission Street." in bureau.get("/").content.decode()
    bureau.get(f"/notices/{notice.pk}/withdraw/")
    bureau.post(f"/notices/{notice.pk}/withdraw/", {"version": "x"})
    assert Notice.objects.get().active_to is None

    bureau.post(f"/notices/{notice.pk}/withdraw/", {"version": 0})

    assert "No power in Mission Street." not in bureau.get("/").content.decode()
    assert "Ended" in bureau.get("/notices/").content.decode()
    assert "Withdraw" not in bureau.get(f"/notices/{notice.pk}/").content.decode()
