import re
from dataclasses import replace

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_otp.plugins.otp_totp.models import TOTPDevice

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.staff.models import Operator, Role, SignIn
from gridtill.apps.staff.operations import NewOperator, create_operator
from gridtill.apps.staff.queries import actor_of
from gridtill.kernel.actors import SYSTEM
from gridtill.kernel.clock import now
from tests.factories.scene import make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]
PASSWORD = "nine green lamps"


def hired(scene, username="eve", role="cashier", unit=None):
    new = NewOperator(username, f"{username.title()} Kamau", role, (unit or scene.office).pk)
    return create_operator(new=new, password=PASSWORD, must_change=False, actor=SYSTEM, at=now())


def filled(scene, **values):
    return {
        "username": "eve",
        "full_name": "Eve Kamau",
        "role": "cashier",
        "unit": scene.office.pk,
        "language": "en",
        "version": 0,
        **values,
    }


def signed_in(username, password):
    client = Client()
    client.post("/login/", {"username": username, "password": password})
    return client


def test_list_shows_the_operators_of_ones_unit_only(bureau, scene):
    elsewhere = make_unit("BUREAU", "B2", scene.utility)
    hired(scene, "eve")
    hired(scene, "far", unit=elsewhere)

    text = bureau.get("/operators/").content.decode()

    assert "Eve Kamau" in text
    assert "Far Kamau" not in text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=EVE", {"eve"}),
        ("is_active=False", {"gone"}),
        ("role=auditor", {"gone"}),
        ("q=eve&is_active=False", set()),
    ],
)
def test_list_is_searched_and_filtered(bureau, scene, query, names):
    hired(scene, "eve")
    hired(scene, "gone", role="auditor")
    Operator.objects.filter(username="gone").update(is_active=False)

    rows = bureau.get(f"/operators/?{query}").context["list"].table.rows

    assert {row.record.username for row in rows} == names


def test_list_asks_the_database_equally_for_one_row_and_three(bureau, scene):
    hired(scene, "eve")

    def asked():
        with CaptureQueriesContext(connection) as queries:
            bureau.get("/operators/?q=kamau")
        return len(queries)

    asked()
    first = asked()
    hired(scene, "eva")
    hired(scene, "evi")

    assert asked() == first


def test_list_is_exported_with_states_in_words(bureau, scene):
    hired(scene, "eve")

    lines = b"".join(bureau.get("/operators/?export=csv&q=eve").streaming_content).decode("utf-8-sig").splitlines()

    assert lines[1].startswith("Eve Kamau,eve,Cashier,S1,Active,")


@pytest.mark.parametrize("url", ["/operators/", "/operators/add/", "/operators/{eve}/", "/operators/{eve}/edit/"])
def test_pages_of_operators_need_the_right(scene, chief, enter, url):
    eve = hired(scene)

    assert enter(scene.asha).get(url.format(eve=eve.pk)).status_code == 403


@pytest.mark.parametrize("url", ["", "edit/", "password/", "active/", "unlock/", "second-factor/"])
def test_operator_of_another_bureau_is_not_found(bureau, scene, url):
    far = hired(scene, "far", unit=make_unit("BUREAU", "B2", scene.utility))

    assert bureau.get(f"/operators/{far.pk}/{url}").status_code == 404
    assert bureau.post(f"/operators/{far.pk}/{url or 'active/'}").status_code == 404


@pytest.mark.parametrize("url", ["edit/", "password/", "active/", "unlock/", "second-factor/"])
def test_reading_operators_is_not_changing_them(scene, chief, enter, url):
    eve = hired(scene)
    reader = enter(replace(chief, permissions=frozenset({"staff.view"})))

    assert reader.post(f"/operators/{eve.pk}/{url}").status_code == 403
    assert "Reset password" not in reader.get(f"/operators/{eve.pk}/").content.decode()
    assert Operator.objects.get(pk=eve.pk).check_password(PASSWORD)


def test_added_operator_signs_in_with_the_password_shown_once(bureau, scene):
    answer = bureau.post("/operators/add/", filled(scene))

    word = re.search(r"<b>([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})</b>", answer.content.decode()).group(1)
    assert answer.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert signed_in("eve", word).get("/operators/")["Location"] == "/password/"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"username": "asha"}, "This user name is taken."),
        ({"username": "E V E"}, "A user name has 2 to 60"),
        ({"full_name": ""}, "This field is required."),
        ({"role": "nobody"}, "Select a valid choice."),
        ({"unit": "999999"}, "Select a valid choice."),
        ({"email": "eve"}, "Enter a valid email address."),
        ({"phone": "call me"}, "A telephone number has"),
        ({"version": "x"}, "Enter a whole number."),
    ],
)
def test_wrong_operator_is_refused_on_the_form(bureau, scene, values, words):
    answer = bureau.post("/operators/add/", filled(scene, **values))

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Operator.objects.filter(username="eve").exists()


def test_form_offers_only_units_and_roles_within_reach(scene, chief, enter):
    manager = hired(scene, "mona", "bureau_manager", scene.bureau)
    client = Client()
    client.force_login(manager, backend="django.contrib.auth.backends.ModelBackend")

    form = client.get("/operators/add/").context["form"]

    assert [value for value, _label in form.fields["unit"].choices] == [str(scene.bureau.pk), str(scene.office.pk)]
    assert form.fields["unit"].choices[1][1] == "\N{EM SPACE}S1"
    assert "administrator" not in dict(form.fields["role"].choices)
    assert "cashier" in dict(form.fields["role"].choices)


def test_changed_operator_is_saved(bureau, scene):
    eve = hired(scene)

    answer = bureau.post(f"/operators/{eve.pk}/edit/", filled(scene, full_name="Eve Otieno", role="supervisor"))

    eve.refresh_from_db()
    assert answer["Location"] == f"/operators/{eve.pk}/"
    assert (eve.full_name, eve.role.code, eve.username) == ("Eve Otieno", "supervisor", "eve")


def test_second_editor_sees_a_conflict(bureau, scene):
    eve = hired(scene)
    bureau.post(f"/operators/{eve.pk}/edit/", filled(scene, full_name="First"))

    answer = bureau.post(f"/operators/{eve.pk}/edit/", filled(scene, full_name="Second"))

    assert answer.status_code == 409
    assert "was changed by somebody else meanwhile" in answer.content.decode()
    assert Operator.objects.get(pk=eve.pk).full_name == "First"


def test_page_of_oneself_leads_to_the_profile(bureau, scene):
    text = bureau.get(f"/operators/{scene.bram.id}/").content.decode()

    assert 'href="/profile/"' in text
    assert bureau.get(f"/operators/{scene.bram.id}/edit/").status_code == 403


def test_page_shows_the_operators_own_sign_ins(bureau, scene):
    eve = hired(scene)
    signed_in("eve", PASSWORD)
    signed_in("eve", "wrong")
    signed_in("asha", "wrong")

    rows = bureau.get(f"/operators/{eve.pk}/").context["list"].table.rows
    exported = b"".join(bureau.get(f"/operators/{eve.pk}/?export=csv").streaming_content).decode()

    assert [row.record.outcome for row in rows] == ["WRONG", "OK"]
    assert "Wrong user name or password" in exported


def test_reset_password_ends_the_session_and_must_be_changed(bureau, scene):
    eve = hired(scene)
    session = signed_in("eve", PASSWORD)
    assert session.get("/profile/").status_code == 200

    text = bureau.post(f"/operators/{eve.pk}/password/").content.decode()

    word = re.search(r"<b>([a-z2-9-]{14})</b>", text).group(1)
    assert session.get("/profile/")["Location"].startswith("/login/")
    assert signed_in("eve", word).get("/profile/")["Location"] == "/password/"


def test_operator_kept_out_loses_the_session_at_once(bureau, scene):
    eve = hired(scene)
    session = signed_in("eve", PASSWORD)

    bureau.post(f"/operators/{eve.pk}/active/", {"active": "0"})

    assert session.get("/profile/")["Location"].startswith("/login/")
    assert signed_in("eve", PASSWORD).get("/profile/")["Location"].startswith("/login/")
    bureau.post(f"/operators/{eve.pk}/active/", {"active": "1"})
    assert signed_in("eve", PASSWORD).get("/profile/").status_code == 200


@pytest.mark.parametrize("url", ["password/", "active/", "unlock/", "second-factor/"])
def test_acts_take_a_post(bureau, scene, url):
    eve = hired(scene)

    assert bureau.get(f"/operators/{eve.pk}/{url}")["Location"] == f"/operators/{eve.pk}/"
    assert AuditRecord.objects.filter(actor_id=scene.bram.id, subject_kind="staff.operator").count() == 0


def test_last_administrator_is_not_kept_out_and_the_page_says_why(chief, enter, scene):
    boss = hired(scene, "boss", "administrator", scene.utility)

    answer = enter(chief).post(f"/operators/{boss.pk}/active/", {"active": "0"})

    assert answer.status_code == 422
    assert "This is the last administrator of the utility." in answer.content.decode()
    assert Operator.objects.get(pk=boss.pk).is_active


def test_lock_is_seen_and_lifted(bureau, scene):
    eve = hired(scene)
    for _try in range(settings.AXES_FAILURE_LIMIT):
        signed_in("eve", "wrong")
    assert "Lift the lock" in bureau.get(f"/operators/{eve.pk}/").content.decode()

    bureau.post(f"/operators/{eve.pk}/unlock/")
    bureau.post(f"/operators/{eve.pk}/unlock/")

    assert not AccessAttempt.objects.filter(username="eve").exists()
    assert signed_in("eve", PASSWORD).get("/profile/").status_code == 200
    assert AuditRecord.objects.filter(action="staff.operator.lockout_lifted").count() == 1


def test_lost_authenticator_is_forgotten(bureau, scene):
    eve = hired(scene)
    Role.objects.filter(code="cashier").update(second_factor_required=True)
    TOTPDevice.objects.create(user=eve, name="phone", confirmed=True)
    assert "Forget second factor" in bureau.get(f"/operators/{eve.pk}/").content.decode()

    bureau.post(f"/operators/{eve.pk}/second-factor/")

    assert not TOTPDevice.objects.exists()
    assert "will be set up at the next sign-in" in bureau.get(f"/operators/{eve.pk}/").content.decode()


@pytest.mark.usefixtures("bureau")
def test_equals_are_helped_by_two_persons_on_the_page(scene, enter):
    manager = hired(scene, "mona", "bureau_manager", scene.bureau)
    equal = hired(scene, "noah", "bureau_manager", scene.bureau)
    hired(scene, "olive", "bureau_manager", scene.bureau)
    page = enter(actor_of(manager))

    asked = page.post(f"/operators/{equal.pk}/password/")
    assert asked.status_code == 422
    assert "may do as much as you" in asked.content.decode()
    wrong = page.post(f"/operators/{equal.pk}/password/", {"approver": "olive", "approver_password": "wrong"})
    assert wrong.status_code == 422
    assert SignIn.objects.get(username="olive").outcome == "WRONG"
    equal.refresh_from_db()
    assert equal.check_password(PASSWORD)

    Operator.objects.filter(username="olive").update(must_change_password=False)
    given = page.post(f"/operators/{equal.pk}/password/", {"approver": "olive", "approver_password": PASSWORD})
    assert "first password" in given.content.decode().lower()
    equal.refresh_from_db()
    assert not equal.check_password(PASSWORD)
