import pytest
from django.conf import settings
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from gridtill.apps.staff.models import Operator, Role, SignIn
from tests.factories.scene import make_scene

pytestmark = pytest.mark.django_db
GOOD = {"username": "asha", "password": "correct horse battery"}


@pytest.fixture
def scene():
    return make_scene()


def test_right_password_signs_in_and_goes_where_one_wanted_to(client, scene):
    answer = client.post("/login/", GOOD | {"next": "/styleguide/"})

    assert (answer.status_code, answer["Location"]) == (302, "/styleguide/")
    assert list(SignIn.objects.values_list("username", "outcome")) == [("asha", "OK")]


def test_next_page_of_another_site_is_not_followed(client, scene):
    assert client.post("/login/", GOOD | {"next": "https://elsewhere.example/"})["Location"] == "/"


@pytest.mark.parametrize("username", ["asha", "nobody"])
def test_wrong_password_and_unknown_name_answer_alike(client, scene, username):
    answer = client.post("/login/", {"username": username, "password": "wrong"})

    assert answer.status_code == 422
    assert "User name or password is wrong. 4 tries left before a 15-minute lock." in answer.content.decode()


def test_fifth_wrong_try_locks_even_the_right_password(client, scene):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post("/login/", GOOD | {"password": "wrong"})

    answer = client.post("/login/", GOOD)

    assert answer.status_code == 422
    assert "Too many wrong tries. Wait 15 minutes" in answer.content.decode()
    assert SignIn.objects.filter(outcome="LOCKED").exists()


def test_page_without_signing_in_sends_to_the_sign_in(client, scene):
    assert client.get("/styleguide/?a=1")["Location"] == "/login/?next=%2Fstyleguide%2F%3Fa%3D1"


def test_first_password_has_to_be_changed_before_anything_else(client, scene):
    Operator.objects.filter(username="asha").update(must_change_password=True)
    client.post("/login/", GOOD)
    assert client.get("/styleguide/")["Location"] == "/password/"

    change = {"old_password": GOOD["password"], "new_password": "another long phrase", "again": "another long phrase"}
    assert client.post("/password/", change).status_code == 302

    assert client.get("/styleguide/").status_code == 200
    assert Operator.objects.get(username="asha").check_password("another long phrase")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"old_password": "wrong"}, "That is not your password now."),
        ({"new_password": "short", "again": "short"}, "too short"),
        ({"again": "different"}, "The two new passwords differ."),
        ({"new_password": GOOD["password"], "again": GOOD["password"]}, "Choose another password"),
    ],
)
def test_password_that_cannot_be_says_why_and_changes_nothing(client, scene, change, words):
    client.post("/login/", GOOD)
    form = {"old_password": GOOD["password"], "new_password": "another long phrase", "again": "another long phrase"}

    answer = client.post("/password/", form | change)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Operator.objects.get(username="asha").check_password(GOOD["password"])


def test_second_factor_is_asked_when_the_role_requires_it(client, scene):
    Role.objects.update(second_factor_required=True)
    client.post("/login/", GOOD)
    assert client.get("/styleguide/")["Location"] == "/second-factor/"
    assert "data:image/svg+xml" in client.get("/second-factor/").content.decode()
    device = TOTPDevice.objects.get()

    assert client.post("/second-factor/", {"code": "000000"}).status_code == 422
    TOTPDevice.objects.update(throttling_failure_count=0)
    code = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift).token()
    assert client.post("/second-factor/", {"code": f"{code:06d}"}).status_code == 302

    assert client.get("/styleguide/").status_code == 200


def test_idle_session_ends(client, scene):
    client.post("/login/", GOOD)
    session = client.session
    session["seen_at"] = session["seen_at"] - settings.IDLE_TIMEOUT_S - 1 if "seen_at" in session else 0
    session.save()

    assert client.get("/styleguide/")["Location"].startswith("/login/?next=%2Fstyleguide%2F&why=idle")


def test_signing_out_takes_a_post(client, scene):
    client.post("/login/", GOOD)

    client.get("/logout/")
    assert client.get("/styleguide/").status_code == 200
    client.post("/logout/")
    assert client.get("/styleguide/").status_code == 302


def test_password_is_not_changed_before_the_second_factor(client, scene):
    operator = Operator.objects.get(username="asha")
    TOTPDevice.objects.create(user=operator, confirmed=True, name="phone")
    client.post("/login/", GOOD)

    change = {"old_password": GOOD["password"], "new_password": "another long phrase", "again": "another long phrase"}
    assert client.post("/password/", change)["Location"] == "/second-factor/"
    operator.refresh_from_db()
    assert operator.check_password(GOOD["password"])

    operator.must_change_password = True
    operator.save()
    assert client.get("/styleguide/")["Location"] == "/second-factor/"


def test_two_authenticators_that_were_begun_at_once_do_not_shut_anybody_out(client, scene):
    operator = Operator.objects.get(username="asha")
    Role.objects.filter(pk=operator.role_id).update(second_factor_required=True)
    for _page in range(2):
        TOTPDevice.objects.create(user=operator, confirmed=False, name="authenticator")
    client.post("/login/", GOOD)

    assert client.get("/second-factor/").status_code == 200
