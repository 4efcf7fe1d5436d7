from dataclasses import replace

import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.organization.models import UtilitySettings
from gridtill.apps.organization.operations import SettingsChange, SettingsChanged, modify_settings
from gridtill.kernel.actors import NotAllowed
from gridtill.kernel.errors import InvalidValue
from tests.factories.scene import MORNING, make_scene

pytestmark = [pytest.mark.db, pytest.mark.django_db]

CHANGE = SettingsChange(
    time_zone="Africa/Accra",
    language="fr",
    sale_maximum_minor=50_000_00,
    reversal_approval_minor=200_00,
    cash_rounding_minor=50,
    receipt_header=" Northern Power ",
    receipt_footer="Thank you",
    public_url="https://power.example/",
)


@pytest.fixture
def scene():
    return make_scene()


def change(scene, values=CHANGE, version=0, actor=None):
    actor = actor or replace(scene.bram, unit_path=scene.utility.path)
    return modify_settings(version=version, change=values, actor=actor, at=MORNING)


def test_settings_are_saved_and_the_change_is_on_record(scene):
    change(scene)

    row = UtilitySettings.objects.get()
    record = AuditRecord.objects.get(action="organization.settings.modified")
    assert (row.time_zone, row.receipt_header, row.public_url, row.version) == (
        "Africa/Accra",
        "Northern Power",
        "https://power.example",
        1,
    )
    assert (row.currency, row.receipt_secret) == ("KES", "5ce8e")
    assert (record.before["time_zone"], record.after["time_zone"]) == ("Africa/Nairobi", "Africa/Accra")
    assert "receipt_secret" not in record.after


def test_second_editor_of_the_settings_is_told_and_saves_nothing(scene):
    change(scene)

    with pytest.raises(SettingsChanged):
        change(scene, replace(CHANGE, language="en"), version=0)

    assert UtilitySettings.objects.get().language == "fr"


def test_settings_belong_to_the_whole_utility(scene):
    with pytest.raises(NotAllowed):
        change(scene, actor=scene.bram)
    with pytest.raises(NotAllowed):
        change(scene, actor=replace(scene.asha, unit_path=scene.utility.path))

    assert UtilitySettings.objects.get().version == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "Africa"),
        ("time_zone", "../../etc/passwd"),
        ("language", ""),
        ("sale_maximum_minor", 0),
        ("sale_maximum_minor", 10**15),
        ("reversal_approval_minor", -1),
        ("cash_rounding_minor", 0),
        ("receipt_footer", "x" * 201),
        ("public_url", "javascript:alert(1)"),
        ("public_url", "https://a b"),
    ],
)
def test_wrong_setting_names_its_field_and_changes_nothing(scene, field, value):
    with pytest.raises(InvalidValue) as refused:
        change(scene, replace(CHANGE, **{field: value}))

    assert refused.value.field == field
    assert UtilitySettings.objects.get().version == 0
