import pytest
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from gridtill.apps.staff.models import Operator, Role

pytestmark = [pytest.mark.web, pytest.mark.django_db]
CONTACT = {"version": 0, "phone": "+254 700 1", "email": "asha@power.example", "language": "fr"}


@pytest.fixture
def asha(scene, enter):
    return enter(scene.asha)


def test_everybody_sees_their_profile_and_ways_to_protect_it(asha):
    text = asha.get("/profile/").content.decode()

    assert "Asha Mwangi" in text
    assert 'href="/password/"' in text
    assert 'href="/second-factor/"' in text


def test_profile_lists_ones_own_sign_ins_only(client, scene):
    client.post("/login/", {"username": "bram", "password": "wrong"})
    client.post("/login/", {"username": "asha", "password": "correct horse battery"})

    rows = client.get("/profile/").context["list"].table.rows

    assert [(row.record.username, row.record.outcome) for row in rows] == [("asha", "OK")]
    assert client.get("/profile/?export=csv").headers["Content-Type"].startswith("text/csv")


def test_contact_is_changed_by_oneself_but_no_more(asha, scene):
    answer = asha.post("/profile/", CONTACT | {"role": "administrator", "unit": scene.utility.pk})

    saved = Operator.objects.get(pk=scene.asha.id)
    assert answer["Location"] == "/profile/"
    assert (saved.phone, saved.email, saved.language) == ("+254 700 1", "asha@power.example", "fr")
    assert (saved.role.is_administrator, saved.unit_id) == (False, scene.office.pk)


@pytest.mark.parametrize(
    ("values", "status"),
    [({"phone": "call me"}, 422), ({"email": "asha"}, 422), ({"language": "tlh"}, 422), ({"version": 7}, 409)],
)
def test_wrong_contact_is_refused(asha, scene, values, status):
    assert asha.post("/profile/", CONTACT | values).status_code == status
    assert Operator.objects.get(pk=scene.asha.id).phone == ""


def test_set_up_factor_is_not_offered_again(asha, scene):
    TOTPDevice.objects.create(user_id=scene.asha.id, name="phone", confirmed=True)

    assert 'href="/second-factor/"' not in asha.get("/profile/").content.decode()


def test_factor_that_somebody_set_up_is_asked_for_at_every_sign_in(client, scene):
    good = {"username": "asha", "password": "correct horse battery"}
    client.post("/login/", good)
    client.get("/second-factor/")
    device = TOTPDevice.objects.get()
    code = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift).token()
    client.post("/second-factor/", {"code": f"{code:06d}"})
    assert client.get("/profile/").status_code == 200

    again = Client()
    again.post("/login/", good)

    assert again.get("/profile/")["Location"] == "/second-factor/"


def test_profile_says_when_the_role_asks_for_a_factor(client, scene):
    Role.objects.update(second_factor_required=True)
    client.post("/login/", {"username": "asha", "password": "correct horse battery"})

    assert client.get("/profile/")["Location"] == "/second-factor/"
