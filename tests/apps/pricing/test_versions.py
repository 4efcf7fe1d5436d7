from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.pricing import queries
from gridtill.apps.pricing.models import PricingStructure, TariffVersion
from gridtill.apps.pricing.operations import TariffNotActivated, activate_tariff, draft_tariff, withdraw_tariff
from gridtill.kernel.actors import SYSTEM, NotAllowed
from gridtill.kernel.errors import InvalidValue
from gridtill.tariff.document import TariffInvalid
from tests.factories.scene import FLAT, MORNING, actor_for, make_operator, make_scene, make_unit

pytestmark = [pytest.mark.db, pytest.mark.django_db]
SOON = MORNING + timedelta(days=1)
NEW = FLAT.replace("Flat rate", "Flat rate, dearer").replace('rate = "20.00"', 'rate = "25.00"').replace('"5"', '"4"')


@pytest.fixture
def scene():
    # Row ids begin again in each test, while what a process has read of them stays.
    queries.tariff_version.cache_clear()
    yield make_scene()
    queries.tariff_version.cache_clear()


@pytest.fixture
def chen(scene):
    """A second person with all rights."""
    return actor_for(make_operator("chen", "Chen Wei", scene.bureau), scene.bram.permissions)


def draft(scene, document=NEW):
    return draft_tariff(document=document, actor=scene.bram, at=MORNING)


def activate(version, actor, active_from=SOON, at=MORNING):
    return activate_tariff(version_id=version.pk, active_from=active_from, actor=actor, at=at)


def withdraw(version, actor, at=MORNING, reason="Wrong rate"):
    return withdraw_tariff(version_id=version.pk, reason=reason, actor=actor, at=at)


def states(scene, at):
    return [(row.number, row.state.value) for row in queries.version_rows(scene.structure.pk, at)]


def test_draft_is_the_next_version_of_its_price_list(scene):
    version = draft(scene)

    assert (version.structure, version.number, version.status) == (scene.structure, 2, "DRAFT")
    assert queries.version_document(version.pk) == NEW
    assert (str(version), str(scene.structure)) == (f"{scene.structure.pk} v2", "FLAT FLAT")
    assert queries.structure_of(version.pk) == scene.structure.pk
    assert list(queries.drafts_waiting()) == [version]
    record = AuditRecord.objects.get(action="pricing.version.drafted")
    assert record.after == {"code": "FLAT", "number": 2, "digest": version.digest}


def test_draft_with_a_new_code_makes_a_price_list(scene):
    version = draft(scene, FLAT.replace('"FLAT"', '"SHOP"').replace("Flat rate", "Shops"))

    made = PricingStructure.objects.get(code="SHOP")
    assert (version.structure, version.number) == (made, 1)
    assert (made.name, made.price_class) == ("Shops", "residential")


def test_draft_cannot_move_a_price_list_to_another_class(scene):
    with pytest.raises(InvalidValue, match="booked under residential") as refused:
        draft(scene, FLAT.replace('"residential"', '"commercial"'))

    assert refused.value.field == "document"
    assert TariffVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("code = ", "not TOML"),
        (FLAT.replace('"20.00"', '"cheap"'), "energy.rate"),
        (FLAT.replace("Flat rate", "x" * 121), "title must be plain text of at most 120"),
        (FLAT.replace('"FLAT"', f'"{"F" * 31}"'), "code must be plain text of at most 30"),
        (FLAT.replace('"residential"', f'"{"r" * 31}"'), "price_class must be plain text"),
        (FLAT.replace("Flat rate", "a\\u0000b"), "title must be plain text"),
    ],
)
def test_document_that_cannot_be_kept_is_refused(scene, document, words):
    with pytest.raises(TariffInvalid, match=words) as refused:
        draft(scene, document)

    assert refused.value.field == "document"
    assert TariffVersion.objects.count() == 1


def test_document_is_bounded_in_bytes(scene):
    with pytest.raises(InvalidValue, match="256 KiB"):
        draft(scene, FLAT + "# " + "é" * (128 * 1024))


def test_writing_and_activating_need_their_rights(scene, chen):
    version = draft(scene)
    writer = replace(chen, permissions=frozenset({"tariff.edit", "tariff.view"}))
    chief = replace(chen, permissions=frozenset({"tariff.activate"}))

    with pytest.raises(NotAllowed):
        activate(version, writer)
    with pytest.raises(NotAllowed):
        withdraw(version, writer)
    with pytest.raises(NotAllowed):
        draft_tariff(document=NEW, actor=chief, at=MORNING)
    assert TariffVersion.objects.get(pk=version.pk).status == "DRAFT"


def test_second_person_puts_a_draft_into_force_from_a_moment(scene, chen):
    version = draft(scene)

    activate(version, chen)

    assert queries.version_in_force(scene.structure.pk, SOON - timedelta(seconds=1)) == scene.version.pk
    assert queries.version_in_force(scene.structure.pk, SOON) == version.pk
    assert queries.tariff_version(version.pk).tariff.title == "Flat rate, dearer"
    record = AuditRecord.objects.get(action="pricing.version.activated")
    assert (record.actor_name, record.after["active_from"]) == ("Chen Wei", SOON.isoformat())


def test_nobody_activates_their_own_draft(scene):
    version = draft(scene)

    with pytest.raises(TariffNotActivated, match="their own"):
        activate(version, scene.bram)


def test_only_a_draft_is_activated(scene, chen):
    with pytest.raises(TariffNotActivated, match="Only a draft"):
        activate(scene.version, chen)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (NEW.replace('energy_kwh = "4"', 'energy_kwh = "5"'), "five units: expected 5 kWh, found 4 kWh"),
        (NEW[: NEW.index("[[vectors]]")], "it has none"),
        (NEW.replace('"KES"', '"UGX"').replace('"100.00"', '"100"'), "sells in KES"),
        (NEW.replace("2026-01-01", "2026-12-01").replace("2026-11-23T", "2026-12-23T"), "applies from 01 Dec 2026"),
    ],
)
def test_tariff_that_is_not_right_stays_a_draft(scene, chen, document, words):
    version = draft(scene, document)

    with pytest.raises(TariffNotActivated, match=words):
        activate(version, chen)
    assert TariffVersion.objects.get(pk=version.pk).status == "DRAFT"


def test_person_cannot_begin_a_tariff_in_the_past_but_setting_up_can(scene, chen):
    past = MORNING - timedelta(seconds=1)

    with pytest.raises(TariffNotActivated, match="in the past") as refused:
        activate(draft(scene), chen, past)
    assert refused.value.field == "active_from"
    assert activate(draft(scene), SYSTEM, past).status == "ACTIVE"


def test_version_cannot_begin_before_one_that_is_planned(scene, chen):
    activate(draft(scene), chen, SOON + timedelta(days=30))

    with pytest.raises(TariffNotActivated, match="at that moment or later"):
        activate(draft(scene), chen, SOON)


def test_planned_version_is_withdrawn_with_a_reason(scene, chen):
    version = activate(draft(scene), chen)

    withdraw(version, chen, reason=" Wrong rate ")

    assert queries.version_in_force(scene.structure.pk, SOON) == scene.version.pk
    assert AuditRecord.objects.get(action="pricing.version.withdrawn").reason == "Wrong rate"
    with pytest.raises(TariffNotActivated, match="already"):
        withdraw(version, chen)


@pytest.mark.parametrize("reason", ["", "  x ", "x" * 501])
def test_withdrawing_needs_a_reason_of_some_length(scene, chen, reason):
    with pytest.raises(InvalidValue) as refused:
        withdraw(draft(scene), chen, reason=reason)

    assert refused.value.field == "reason"


def test_version_in_force_is_not_withdrawn(scene, chen):
    with pytest.raises(TariffNotActivated, match="in force"):
        withdraw(scene.version, chen)

    assert queries.version_in_force(scene.structure.pk, MORNING) == scene.version.pk


def test_draft_is_not_read_as_a_tariff_to_sell_on(scene):
    with pytest.raises(TariffVersion.DoesNotExist):
        queries.tariff_version(draft(scene).pk)


def test_states_follow_the_dates(scene, chen):
    taken_back, planned, waiting = draft(scene), draft(scene), draft(scene)
    withdraw(taken_back, chen)
    activate(planned, chen)

    assert waiting.number == 4
    assert states(scene, MORNING) == [(4, "DRAFT"), (3, "PLANNED"), (2, "WITHDRAWN"), (1, "IN_FORCE")]
    assert states(scene, SOON) == [(4, "DRAFT"), (3, "IN_FORCE"), (2, "WITHDRAWN"), (1, "ENDED")]
    oldest = queries.version_rows(scene.structure.pk, MORNING)[-1]
    assert (str(oldest), oldest.until) == ("FLAT 1", SOON)


def test_version_that_began_together_with_another_is_followed_at_once(scene):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    TariffVersion.objects.filter(pk=draft(scene).pk).update(status="ACTIVE", active_from=start)

    assert states(scene, MORNING) == [(2, "IN_FORCE"), (1, "ENDED")]
    assert (
        queries.version_in_force(scene.structure.pk, MORNING) == queries.version_rows(scene.structure.pk, start)[0].id
    )


def test_price_lists_tell_what_applies_and_what_comes(scene, chen, django_assert_num_queries):
    activate(draft(scene), chen)
    draft(scene)
    draft(scene, FLAT.replace('"FLAT"', '"SHOP"').replace("Flat rate", "Shops"))

    with django_assert_num_queries(1):
        shop, flat = sorted(queries.price_lists(MORNING), key=lambda row: row.drafts + row.pk)[::-1]

    assert (flat.code, flat.number_now, flat.next_from, flat.drafts) == ("FLAT", 1, SOON, 1)
    assert (shop.code, shop.number_now, shop.since, shop.next_from, shop.drafts) == ("SHOP", None, None, None, 1)
    assert [row.code for row in queries.find_price_lists(queries.price_lists(MORNING), "shop")] == ["SHOP"]


def test_shipped_documents_can_all_be_drafted():
    shipped = queries.shipped_documents()

    assert len(shipped) >= 5
    for document in shipped.values():
        version = draft_tariff(document=document, actor=SYSTEM, at=MORNING)
        assert len(version.structure.name) <= 120
        assert len(version.structure.code) <= 30


def test_prices_of_everybody_are_not_set_from_one_corner(scene, chen):
    office = actor_for(make_operator("olga", "Olga", scene.office), scene.bram.permissions)
    version = draft(scene)

    for act in (
        lambda: draft_tariff(document=NEW, actor=office, at=MORNING),
        lambda: activate(version, office),
        lambda: withdraw(version, office),
    ):
        with pytest.raises(NotAllowed):
            act()
    activate(version, chen)
    # A second bureau makes the utility more than the first one.
    make_unit("BUREAU", "B2", scene.utility)
    with pytest.raises(NotAllowed):
        draft_tariff(document=NEW.replace("dearer", "dearest"), actor=chen, at=MORNING)


def test_what_was_done_to_prices_is_in_the_log_of_the_bureau(scene):
    draft(scene)

    assert AuditRecord.objects.get(action="pricing.version.drafted").unit_path == scene.bureau.path
