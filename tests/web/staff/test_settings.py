import pytest

from gridtill.apps.organization.models import UtilitySettings

pytestmark = [pytest.mark.web, pytest.mark.django_db]
FORM = {
    "version": 0,
    "time_zone": "Africa/Accra",
    "language": "fr",
    "sale_maximum_minor": "50,000.00",
    "reversal_approval_minor": "200",
    "cash_rounding_minor": "0.50",
    "receipt_header": "Northern Power",
    "receipt_footer": "",
    "public_url": "https://power.example",
}


def test_settings_are_shown_as_they_are_and_saved(office):
    assert 'value="10000000.00"' in office.get("/settings/").content.decode()

    answer = office.post("/settings/", FORM)

    row = UtilitySettings.objects.get()
    assert answer["Location"] == "/settings/"
    assert (row.time_zone, row.sale_maximum_minor, row.reversal_approval_minor, row.cash_rounding_minor) == (
        "Africa/Accra",
        50_000_00,
        200_00,
        50,
    )
    assert "Saved. The settings hold from now on." in office.get("/settings/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("sale_maximum_minor", "lots", "err"),
        ("sale_maximum_minor", "0", "This amount is too small or too large."),
        ("cash_rounding_minor", "0.001", "err"),
        ("time_zone", "Mars/Olympus", "Select a valid choice."),
        ("public_url", "power.example", "An address begins with http:// or https://"),
        ("receipt_header", "x" * 201, "at most 200 characters"),
    ],
)
def test_wrong_setting_is_refused_beside_its_field(office, field, value, words):
    answer = office.post("/settings/", FORM | {field: value})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert words in answer.content.decode()
    assert UtilitySettings.objects.get().version == 0


def test_second_editor_of_the_settings_sees_a_conflict(office):
    office.post("/settings/", FORM)

    answer = office.post("/settings/", FORM | {"language": "en"})

    assert answer.status_code == 409
    assert UtilitySettings.objects.get().language == "fr"


def test_zone_of_no_list_is_kept_in_the_choice(office):
    UtilitySettings.objects.update(time_zone="GMT")

    assert '<option value="GMT" selected>' in office.get("/settings/").content.decode()


def test_settings_need_the_right_and_the_whole_utility(bureau, scene, enter):
    assert bureau.get("/settings/").status_code == 403
    assert bureau.post("/settings/", FORM).status_code == 403
    assert enter(scene.asha).get("/settings/").status_code == 403
    assert UtilitySettings.objects.get().version == 0
