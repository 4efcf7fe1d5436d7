from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gridtill.apps.pricing.models import PricingStructure, TariffVersion
from gridtill.apps.pricing.operations import draft_tariff
from gridtill.apps.pricing.queries import shipped_documents, tariff_version
from gridtill.kernel.clock import now
from tests.factories.scene import FLAT, actor_for, make_operator

pytestmark = [pytest.mark.web, pytest.mark.django_db]
NEW = FLAT.replace("Flat rate", "Flat rate, dearer").replace('rate = "20.00"', 'rate = "25.00"').replace('"5"', '"4"')
NAIROBI = timezone(timedelta(hours=3))
READ = frozenset({"tariff.view"})
WRITE = READ | {"tariff.edit"}
DECIDE = READ | {"tariff.activate"}


@pytest.fixture(autouse=True)
def _nothing_remembered():
    # Row ids begin again in each test, while what a process has read of them stays.
    tariff_version.cache_clear()
    yield
    tariff_version.cache_clear()


@pytest.fixture
def author(scene):
    return replace(scene.bram, permissions=WRITE | DECIDE)


@pytest.fixture
def desk(author, enter):
    return enter(author)


@pytest.fixture
def second(scene, enter):
    """A browser of somebody else who may put tariffs into force."""
    return enter(actor_for(make_operator("chen", "Chen Wei", scene.bureau), DECIDE))


@pytest.fixture
def draft(author):
    return draft_tariff(document=NEW, actor=author, at=now())


def drafted(author, name):
    return draft_tariff(document=shipped_documents()[name], actor=author, at=now())


def test_list_tells_what_is_in_force_and_what_waits(desk, scene, draft):
    (row,) = desk.get("/tariffs/").context["list"].table.data.data

    assert (row.code, row.number_now, row.drafts) == ("FLAT", 1, 1)
    assert f'href="/tariffs/{scene.structure.pk}/"' in desk.get("/tariffs/?q=flat").content.decode()
    assert "Nothing matches" in desk.get("/tariffs/?q=shop").content.decode()


def test_list_of_three_costs_what_a_list_of_one_costs(desk, author):
    desk.get("/tariffs/")  # The first page of a session also writes when it was seen.
    with CaptureQueriesContext(connection) as one:
        desk.get("/tariffs/")
    for name in ("ke-domestic-2023", "ke-dc-old"):
        drafted(author, name)
    with CaptureQueriesContext(connection) as three:
        page = desk.get("/tariffs/")

    assert len(page.context["list"].table.data.data) == 3
    assert len(three) == len(one)


def test_reader_sees_no_way_to_write(scene, enter, draft):
    reader = enter(replace(scene.bram, permissions=READ, id=scene.asha.id))

    assert "/tariffs/add/" not in reader.get("/tariffs/").content.decode()
    page = reader.get(f"/tariffs/versions/{draft.pk}/").content.decode()
    assert "waits for somebody" in page
    assert "/activate/" not in page
    assert "/withdraw/" not in page


@pytest.mark.parametrize(
    ("url", "rights"),
    [
        ("/tariffs/", frozenset({"vend.sell"})),
        ("/tariffs/{structure}/", frozenset()),
        ("/tariffs/versions/{version}/", frozenset()),
        ("/tariffs/versions/{version}/try/", frozenset({"tariff.edit"})),
        ("/tariffs/add/", DECIDE),
        ("/tariffs/published/", DECIDE),
        ("/tariffs/versions/{version}/activate/", WRITE),
        ("/tariffs/versions/{version}/withdraw/", WRITE),
    ],
)
def test_screens_need_their_rights(scene, enter, url, rights):
    client = enter(replace(scene.asha, permissions=rights))
    address = url.format(structure=scene.structure.pk, version=scene.version.pk)

    assert client.get(address).status_code == 403
    assert client.post(address, {"reason": "because", "document": NEW}).status_code == 403
    assert TariffVersion.objects.get().status == "ACTIVE"


@pytest.mark.parametrize(
    "url",
    [
        "/tariffs/999/",
        "/tariffs/versions/999/",
        "/tariffs/versions/999/try/",
        "/tariffs/versions/999/activate/",
        "/tariffs/versions/999/withdraw/",
        "/tariffs/add/?copy=../secret",
        "/tariffs/add/?version=999",
        "/tariffs/add/?version=x",
    ],
)
def test_what_does_not_exist_is_not_found(desk, url):
    assert desk.get(url).status_code == 404


def test_price_list_opens_with_the_version_in_force(desk, scene, draft):
    answer = desk.get(f"/tariffs/{scene.structure.pk}/")

    assert answer.context["row"].id == scene.version.pk
    page = answer.content.decode()
    assert "All agree" in page
    assert f'href="/tariffs/versions/{draft.pk}/"' in page
    TariffVersion.objects.filter(pk=scene.version.pk).update(status="WITHDRAWN")
    assert desk.get(f"/tariffs/{scene.structure.pk}/").context["row"].id == draft.pk


def test_price_list_without_a_version_is_not_found(desk):
    bare = PricingStructure.objects.create(code="BARE", name="Bare", price_class="residential")

    assert desk.get(f"/tariffs/{bare.pk}/").status_code == 404


@pytest.mark.parametrize("name", ["sample-time-of-use", "ke-domestic-2023", "na-erongo-red", "za-city-power-2023"])
def test_every_kind_of_tariff_is_shown(desk, author, name):
    version = drafted(author, name)

    page = desk.get(f"/tariffs/versions/{version.pk}/").content.decode()

    assert "Worked figures" in page
    assert version.digest in page
    assert desk.get(f"/tariffs/versions/{version.pk}/try/").status_code == 200


def test_draft_shows_what_it_changes(desk, scene, draft):
    number, lines = desk.get(f"/tariffs/versions/{draft.pk}/").context["changes"]

    assert number == 1
    assert [(line.sign, line.text) for line in lines if line.sign] == [
        ("-", 'title = "Flat rate"'),
        ("+", 'title = "Flat rate, dearer"'),
        ("-", 'rate = "20.00"'),
        ("+", 'rate = "25.00"'),
        ("-", 'energy_kwh = "5"'),
        ("+", 'energy_kwh = "4"'),
    ]
    page = desk.get(f"/tariffs/versions/{draft.pk}/").content.decode()
    assert "<ins>+ rate = &quot;25.00&quot;</ins>" in page
    assert desk.get(f"/tariffs/versions/{scene.version.pk}/").context["changes"] is None


def test_copy_without_a_change_says_so_and_a_first_version_has_nothing_to_compare(desk, author):
    same = draft_tariff(document=FLAT, actor=author, at=now())

    assert "The two documents are the same" in desk.get(f"/tariffs/versions/{same.pk}/").content.decode()
    assert desk.get(f"/tariffs/versions/{drafted(author, 'ke-dc-old').pk}/").context["changes"] is None


def test_figure_that_fails_is_shown(desk, author):
    version = draft_tariff(document=NEW.replace('"4"', '"5"'), actor=author, at=now())

    page = desk.get(f"/tariffs/versions/{version.pk}/").content.decode()

    assert "1 fails" in page
    assert "expected 5 kWh, found 4 kWh" in page


def test_published_tariffs_are_offered_to_copy(desk):
    page = desk.get("/tariffs/published/").content.decode()
    narrowed = desk.get("/tariffs/published/?q=kenya").content.decode()
    copied = desk.get("/tariffs/add/?copy=ke-domestic-2023").context["form"].initial["document"]

    assert 'href="/tariffs/add/?copy=ke-domestic-2023"' in page
    assert "gh-ecg" in page
    assert "gh-ecg" not in narrowed
    assert copied.startswith("# Kenya")


def test_new_version_begins_with_the_last_document(desk, scene):
    form = desk.get(f"/tariffs/add/?version={scene.version.pk}").context["form"]

    assert form.initial["document"] == FLAT
    assert desk.get("/tariffs/add/").context["form"].initial["document"] == ""


def test_draft_is_kept_as_it_was_written(desk):
    answer = desk.post("/tariffs/add/", {"document": NEW.replace("\n", "\r\n"), "act": "keep"})

    version = TariffVersion.objects.latest("pk")
    assert answer["Location"] == f"/tariffs/versions/{version.pk}/"
    assert (version.number, version.status, version.document) == (2, "DRAFT", NEW)


def test_checking_keeps_nothing(desk):
    good = desk.post("/tariffs/add/", {"document": NEW, "act": "check"})
    bad = desk.post("/tariffs/add/", {"document": NEW.replace('"4"', '"5"'), "act": "check"})

    assert (good.status_code, good.context["failing"]) == (200, 0)
    assert (bad.status_code, bad.context["failing"]) == (200, 1)
    assert "five units" in bad.content.decode()
    assert TariffVersion.objects.count() == 1


@pytest.mark.parametrize("act", ["check", "keep"])
def test_wrong_document_is_shown_at_its_line(desk, act):
    answer = desk.post("/tariffs/add/", {"document": NEW.replace('"25.00"', '"dear"'), "act": act})

    assert answer.status_code == 422
    (wrong,) = [line for line in answer.context["excerpt"] if line.wrong]
    assert wrong.text == 'rate = "dear"'
    assert f"Line {wrong.number}: energy.rate" in answer.context["form"].errors["document"][0]
    assert "dear" in answer.content.decode()
    assert TariffVersion.objects.count() == 1


def test_document_without_a_line_to_show_still_says_why(desk):
    answer = desk.post("/tariffs/add/", {"document": "energy = {}"})

    assert (answer.status_code, answer.context["excerpt"]) == (422, [])
    assert desk.post("/tariffs/add/", {"document": ""}).status_code == 422


def test_author_is_told_that_somebody_else_decides(desk, draft):
    page = desk.get(f"/tariffs/versions/{draft.pk}/").content.decode()
    refused = desk.post(f"/tariffs/versions/{draft.pk}/activate/", {"active_from": ""})

    assert "You wrote this draft" in page
    assert f"/tariffs/versions/{draft.pk}/activate/" not in page
    assert (refused.status_code, "their own" in refused.content.decode()) == (422, True)


def test_second_person_puts_into_force_at_once(second, draft):
    assert "/activate/" in second.get(f"/tariffs/versions/{draft.pk}/").content.decode()
    assert second.get(f"/tariffs/versions/{draft.pk}/activate/").status_code == 200

    answer = second.post(f"/tariffs/versions/{draft.pk}/activate/", {"active_from": ""}, follow=True)

    assert answer.context["row"].state == "IN_FORCE"
    assert TariffVersion.objects.get(pk=draft.pk).activated_by == "Chen Wei"


def test_second_person_puts_into_force_from_a_day_and_withdraws(second, draft):
    soon = now().replace(second=0, microsecond=0) + timedelta(days=3)

    typed = soon.astimezone(NAIROBI).strftime("%Y-%m-%dT%H:%M")
    second.post(f"/tariffs/versions/{draft.pk}/activate/", {"active_from": typed})
    draft.refresh_from_db()
    assert (draft.status, draft.active_from) == ("ACTIVE", soon)
    assert "Begins later" in second.get(f"/tariffs/versions/{draft.pk}/").content.decode()

    url = f"/tariffs/versions/{draft.pk}/withdraw/"
    assert second.get(url).status_code == 200
    assert second.post(url, {"reason": ""}).status_code == 422
    assert "is withdrawn" in second.post(url, {"reason": "Wrong rate"}, follow=True).content.decode()
    draft.refresh_from_db()
    assert draft.status == "WITHDRAWN"
    assert "already" in second.post(url, {"reason": "Wrong rate"}).content.decode()


@pytest.mark.parametrize("moment", ["2020-01-01T00:00", "0001-01-01T00:00", "9999-12-31T23:59", "soon"])
def test_moment_that_cannot_be_is_refused_beside_its_field(second, draft, moment):
    answer = second.post(f"/tariffs/versions/{draft.pk}/activate/", {"active_from": moment})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["active_from"]
    assert TariffVersion.objects.get(pk=draft.pk).status == "DRAFT"


def test_version_in_force_cannot_be_withdrawn_by_address(second, scene):
    answer = second.post(f"/tariffs/versions/{scene.version.pk}/withdraw/", {"reason": "Wrong rate"})

    assert answer.status_code == 422
    assert "in force" in answer.content.decode()


def tried(desk, version, **given):
    asked = {"unit": "money", "amount": "100", "at": "2026-11-24T09:00"} | given
    return desk.get(f"/tariffs/versions/{version.pk}/try/", asked)


def test_money_is_worked_out_line_by_line(desk, scene):
    answer = tried(desk, scene.version)

    assert answer.context["quote"].energy_wh == 5_000
    assert answer.context["lines"] == [("Energy", "5 kWh × 20.00", 100_00)]
    assert "5 kWh × 20.00" in answer.content.decode()


def test_energy_and_carried_money_are_worked_out(desk, scene):
    quote = tried(desk, scene.version, unit="kwh", amount="5", carry="1.00").context["quote"]

    assert (quote.tender_minor, quote.energy_wh) == (99_00, 5_000)


def test_history_moves_the_price(desk, author):
    version = drafted(author, "ke-domestic-2023")

    low = tried(desk, version, amount="500", recent="25 25;25").context["quote"]
    high = tried(desk, version, amount="500", recent="120 115 105").context["quote"]

    assert (low.energy_wh, high.energy_wh) == (33_600, 19_600)
    assert set(tried(desk, version).context["form"].fields) == {"unit", "amount", "at", "recent", "carry"}


def test_blocks_by_month_and_monthly_charges_ask_for_what_they_need(desk, author):
    answer = tried(desk, drafted(author, "ke-dc-old"), amount="1000", month="50", charged="2026-09", opened="2026-01")

    assert set(answer.context["form"].fields) == {"unit", "amount", "at", "month", "charged", "opened", "carry"}
    assert answer.context["quote"].charged_through.isoformat() == "2026-11-01"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"amount": "1.005"}, "amount"),
        ({"unit": "x"}, "unit"),
        ({"at": "later"}, "at"),
        ({"at": "9999-12-31T23:59"}, "at"),
        ({"carry": "x"}, "carry"),
        ({"month": "x"}, "month"),
        ({"month": "-5"}, "month"),
        ({"charged": "11/26"}, "charged"),
        ({"opened": "0001-01"}, "opened"),
    ],
)
def test_wrong_value_answers_beside_its_field(desk, author, given, field):
    answer = tried(desk, drafted(author, "ke-dc-old"), **given)

    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {field}
    assert answer.context["quote"] is None


def test_too_many_months_are_refused(desk, author):
    answer = tried(desk, drafted(author, "ke-domestic-2023"), recent="1 " * 37)

    assert set(answer.context["form"].errors) == {"recent"}


@pytest.mark.parametrize("given", [{"amount": "0"}, {"amount": "0.01"}, {"at": "2025-12-31T09:00"}])
def test_what_cannot_be_sold_says_why(desk, scene, given):
    answer = tried(desk, scene.version, **given)

    assert answer.status_code == 422
    assert "Nothing can be sold like this" in answer.content.decode()
    assert answer.context["quote"] is None
