"""Engineering tokens on the screen: asked for, agreed to, made, given out, and told apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gridtill.apps.assets.models import Meter
from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.keystore.operations import NewVendingKey, forget_issuers, store_vending_key
from gridtill.apps.vending.models import EngineeringToken
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.queries.verify import TokenOrigin, verify_token
from gridtill.drivers.security.base import IssueRefused, IssueUnknown
from gridtill.kernel.actors import SYSTEM
from gridtill.kernel.clock import now
from gridtill.kernel.ids import new_id
from gridtill.sts.keys import KeyContext, derive_decoder_key
from gridtill.sts.pan import MeterPan
from gridtill.sts.tokens import encode_credit, encode_test
from gridtill.web.tokens import views
from tests.factories.sales import sell
from tests.factories.scene import VENDING_KEY, actor_for, make_operator, make_supply, make_unit, meter_number

pytestmark = [pytest.mark.web, pytest.mark.django_db]


@pytest.fixture
def edna(scene):
    return actor_for(make_operator("edna", "Edna Engineer", scene.office), frozenset({"tokens.issue"}))


@pytest.fixture
def chief(scene):
    return replace(scene.bram, permissions=frozenset({"tokens.approve"}))


@pytest.fixture
def bench(edna, enter):
    return enter(edna)


@pytest.fixture
def boss(chief, enter):
    return enter(chief)


@pytest.fixture
def meter(scene):
    make_supply(scene)
    return Meter.objects.get()


def ask(client, kind, *meters, **fields):
    filled = {
        "request_id": str(new_id()),
        "meters": "\n".join(meter if isinstance(meter, str) else meter.number for meter in meters),
        "reason": "the customer asked",
    }
    return client.post(f"/tokens/ask/{kind}/", filled | fields)


def second_revision():
    store_vending_key(new=NewVendingKey("201457", 2, 2014, bytes(range(20))), actor=SYSTEM, at=now())
    # A test never commits, which is when it would happen by itself.
    forget_issuers()


def page_of(client, answer):
    assert answer.status_code == 302, answer.context["form"].errors
    return client.get(answer.url)


def test_power_limit_is_made_at_once_and_shown(bench, meter):
    page = page_of(bench, ask(bench, "power-limit", meter, watts="2500"))
    row = EngineeringToken.objects.get()

    assert row.state == "ISSUED"
    for group in range(0, 20, 4):
        assert row.digits[group : group + 4] in page.content.decode()
    assert "2,500 W" in page.content.decode()


def test_list_finds_by_meter_kind_and_state(bench, meter, scene):
    make_supply(scene, 2)
    ask(bench, "power-limit", meter, watts="2500")
    ask(bench, "clear-tamper", Meter.objects.latest("pk"))

    def shown(**query):
        page = bench.get("/tokens/", query)
        return [row.record.kind for row in page.context["list"].table.paginated_rows]

    assert sorted(shown()) == ["CLEAR_TAMPER", "POWER_LIMIT"]
    assert shown(state="REQUESTED") == ["CLEAR_TAMPER"]
    assert shown(kind="POWER_LIMIT") == ["POWER_LIMIT"]
    assert shown(q=meter.number) == ["POWER_LIMIT"]
    export = b"".join(bench.get("/tokens/", {"export": "csv"}).streaming_content).decode()
    assert "2,500 W" in export
    assert EngineeringToken.objects.get(kind="POWER_LIMIT").digits not in export


def test_clearing_waits_for_another_person_and_is_among_their_alerts(bench, boss, meter):
    answer = ask(bench, "clear-credit", meter, register="0")
    own = page_of(bench, answer)
    assert "Somebody else has to agree" in own.content.decode()
    assert bench.post(f"{answer.url}decide/", {"answer": "yes"}).status_code == 403

    alerts = boss.get("/").context["alerts"]
    assert [alert["text"] for alert in alerts] == ["1 engineering act waits for approval"]
    boss.post(f"{answer.url}decide/", {"answer": "yes", "note": "seen"})

    row = EngineeringToken.objects.get()
    assert (row.state, row.decided_by.full_name, row.note) == ("ISSUED", "Bram Otieno", "seen")


def test_declining_without_a_word_is_refused(bench, boss, meter):
    answer = ask(bench, "clear-tamper", meter)

    page = boss.post(f"{answer.url}decide/", {"answer": "no"}, follow=True)
    assert "Say why not." in page.content.decode()
    boss.post(f"{answer.url}decide/", {"answer": "no", "note": "look at the seal"})
    assert EngineeringToken.objects.get().state == "DECLINED"
    assert "look at the seal" in bench.get(answer.url).content.decode()


def test_every_meter_that_cannot_get_it_is_named(bench, meter):
    page = ask(bench, "power-limit", meter, "12", meter_number(99), watts="1")

    assert page.status_code == 422
    assert [number for number, _problem in page.context["problems"]] == ["12", meter_number(99)]
    assert EngineeringToken.objects.count() == 0
    assert page.context["form"]["watts"].value() == "1"


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("power-limit", {"watts": "-1"}, "watts"),
        ("power-limit", {"watts": "2.5"}, "watts"),
        ("power-limit", {"watts": "99999999999"}, "watts"),
        ("power-limit", {"watts": "5", "reason": "x"}, "reason"),
        ("clear-credit", {"register": "7"}, "register"),
        ("test", {}, "bits"),
        ("test", {"bits": ["77"]}, "bits"),
        ("key-change", {"key_revision": "10"}, "key_revision"),
        ("key-change", {"supply_group_code": "12"}, "supply_group_code"),
        ("key-change", {"key_type": "3"}, "key_type"),
        ("key-change", {}, "meters"),
        ("power-limit", {"watts": "5", "meters": "x" * 20_000}, "meters"),
    ],
)
def test_wrong_value_answers_beside_its_field(bench, meter, kind, fields, field):
    page = ask(bench, kind, meter, **fields)

    assert page.status_code == 422
    assert field in page.context["form"].errors
    assert EngineeringToken.objects.count() == 0


def test_kinds_that_do_not_exist_are_not_found(bench, meter):
    assert bench.get("/tokens/ask/free-energy/").status_code == 404
    assert bench.get("/tokens/ask/").status_code == 200
    for kind in ("test", "power-limit", "unbalance", "clear-tamper", "clear-credit", "key-change"):
        assert bench.get(f"/tokens/ask/{kind}/?meter={meter.number}").status_code == 200


def test_key_change_shows_four_tokens_and_can_be_confirmed_or_undone(bench, boss, meter):
    second_revision()
    answer = ask(bench, "key-change", meter, key_revision="2")
    boss.post(f"{answer.url}decide/", {"answer": "yes"})
    row = EngineeringToken.objects.get()
    page = bench.get(answer.url).content.decode()
    assert page.count("<li><p class=") == len(row.tokens) == 4

    boss.post(f"/tokens/{row.pk}/undo/", {"reason": "meter is broken"})
    assert Meter.objects.get().key_revision == 1

    answer = ask(bench, "key-change", meter, key_revision="2")
    boss.post(f"{answer.url}decide/", {"answer": "yes"})
    again = EngineeringToken.objects.get(state="ISSUED")
    bench.post(f"/tokens/{again.pk}/confirm/")
    again.refresh_from_db()
    assert again.confirmed_at is not None
    refused = boss.post(f"/tokens/{again.pk}/undo/", {"reason": "too late"}, follow=True)
    assert "the meter has it" in refused.content.decode()


def test_waiting_one_is_given_up(bench, boss, meter):
    answer = ask(bench, "clear-tamper", meter)
    row = EngineeringToken.objects.get()

    bench.post(f"/tokens/{row.pk}/cancel/")
    row.refresh_from_db()
    assert row.state == "CANCELLED"
    assert bench.post(f"/tokens/{row.pk}/explode/").status_code == 404
    assert bench.get(f"/tokens/{row.pk}/cancel/").url == answer.url


def test_a_long_list_is_made_piece_by_piece(bench, scene, monkeypatch):
    monkeypatch.setattr(views, "AT_ONCE", 2)
    for serial in range(1, 6):
        make_supply(scene, serial)
    numbers = Meter.objects.values_list("number", flat=True)

    answer = ask(bench, "power-limit", *numbers, watts="2500")
    assert EngineeringToken.objects.filter(state="ISSUED").count() == 2
    part = bench.post(f"{answer.url}make/", headers={"HX-Request": "true"})
    assert EngineeringToken.objects.filter(state="ISSUED").count() == 4
    assert b'hx-trigger="load, submit"' in part.content
    assert bench.post(f"{answer.url}make/").url == answer.url
    done = bench.get(answer.url)
    assert (done.context["issued"], done.context["fresh"]) == (5, [])
    table = b"".join(bench.get(f"{answer.url}digits.csv").streaming_content).decode()
    assert table.count("\r\n") == 6
    first = EngineeringToken.objects.order_by("meter__number").first()
    assert f"{first.digits[:4]} {first.digits[4:8]}" in table


def test_digits_stay_out_of_the_log(bench, meter):
    ask(bench, "power-limit", meter, watts="2500")

    digits = EngineeringToken.objects.get().digits
    assert digits not in str(list(AuditRecord.objects.values_list("before", "after", "reason")))


@pytest.mark.parametrize("path", ["/tokens/", "/tokens/ask/", "/tokens/ask/test/", "/tokens/check/"])
def test_without_the_right_the_pages_are_closed(scene, enter, path):
    assert enter(replace(scene.asha, permissions=frozenset({"archives.view"}))).get(path).status_code == 403


def test_who_only_agrees_does_not_ask(boss, meter):
    assert boss.get("/tokens/").status_code == 200
    assert boss.get("/tokens/ask/").status_code == 403
    assert ask(boss, "power-limit", meter, watts="1").status_code == 403


def test_batches_of_elsewhere_are_not_there(scene, bench, enter, meter):
    answer = ask(bench, "clear-tamper", meter)
    row = EngineeringToken.objects.get()
    elsewhere = make_unit("SUPPLY_OFFICE", "S2", scene.bureau)
    rights = frozenset({"tokens.issue", "tokens.approve"})
    stranger = enter(actor_for(make_operator("otto", "Otto", elsewhere), rights))

    assert stranger.get(answer.url).status_code == 404
    assert stranger.get(f"{answer.url}digits.csv").status_code == 404
    assert stranger.post(f"{answer.url}decide/", {"answer": "yes"}).status_code == 404
    assert stranger.post(f"{answer.url}make/").status_code == 404
    assert stranger.post(f"/tokens/{row.pk}/cancel/").status_code == 404
    assert list(stranger.get("/tokens/").context["list"].table.paginated_rows) == []
    assert ask(stranger, "power-limit", meter, watts="1").status_code == 422


def test_failed_tokens_say_why_and_may_be_asked_again(bench, meter):
    ask(bench, "power-limit", meter, watts="2500")
    EngineeringToken.objects.update(state="FAILED", digits="", detail="vending_key_missing: There is no vending key")
    row = EngineeringToken.objects.get()

    page = bench.get(f"/tokens/batch/{row.batch}/").content.decode()
    assert "There is no vending key" in page
    bench.post(f"/tokens/{row.pk}/make/")
    row.refresh_from_db()
    assert row.state == "ISSUED"


def test_purchase_token_with_a_key_change_before_it_is_shown_and_printed(scene, bench, boss, enter, meter):
    second_revision()
    answer = ask(bench, "key-change", meter, key_revision="2", with_next_purchase="on")
    boss.post(f"{answer.url}decide/", {"answer": "yes"})
    vend = sell(scene, meter.installations.get().usage_point.agreement.pk)
    delivery = issue_token(vend_id=vend.pk, actor=scene.asha, at=now())
    counter = enter(scene.asha)
    row = EngineeringToken.objects.get()

    for page in (counter.get(f"/counter/sold/{vend.pk}/"), counter.post(f"/counter/sold/{vend.pk}/receipt/")):
        text = page.content.decode()
        places = [text.find(digits[:4]) for digits in (*row.tokens, delivery.token)]
        assert -1 not in places
        assert places == sorted(places)
    assert counter.post(f"/receipts/{vend.pk}.pdf").content.startswith(b"%PDF")


class TestCheck:
    """Twenty digits that somebody brings."""

    @pytest.fixture
    def sold(self, scene, meter):
        vend = sell(scene, meter.installations.get().usage_point.agreement.pk)
        return issue_token(vend_id=vend.pk, actor=scene.asha, at=now())

    def key(self, meter, vending_key=VENDING_KEY):
        context = KeyContext(MeterPan.from_drn(meter.number), "201457", "01", 1)
        return derive_decoder_key(vending_key, context)

    def test_a_sold_token_leads_to_its_purchase(self, bench, sold):
        page = bench.post("/tokens/check/", {"token": sold.token})

        assert page.context["found"].origin is TokenOrigin.PURCHASE
        assert page.context["found"].content.energy_wh == 5000
        assert sold.vend.number in page.content.decode()

    def test_an_engineering_token_leads_to_its_act(self, bench, meter):
        ask(bench, "power-limit", meter, watts="2500")
        digits = EngineeringToken.objects.get().digits

        page = bench.post("/tokens/check/", {"token": f"{digits[:4]}-{digits[4:]}"})
        assert page.context["found"].origin is TokenOrigin.ENGINEERING
        assert "2,500 W" in page.content.decode()

    def test_what_opens_with_our_key_and_was_not_made_here_is_an_alarm(self, bench, meter):
        digits = encode_credit(self.key(meter), 9999, 6_700_000, 3)

        nameless = bench.post("/tokens/check/", {"token": digits})
        named = bench.post("/tokens/check/", {"token": digits, "meter": meter.number})
        assert nameless.context["found"].origin is TokenOrigin.CLOSED
        assert named.context["found"].origin is TokenOrigin.FOREIGN
        noted = AuditRecord.objects.get(action="vending.token.foreign")
        assert noted.after == {"meter": meter.number, "token_identifier": 6_700_000}
        assert "was not made here" in named.content.decode()

    def test_what_no_key_opens_is_not_ours(self, bench, meter):
        digits = encode_credit(self.key(meter, bytes(20)), 10, 6_700_000, 3)

        page = bench.post("/tokens/check/", {"token": digits, "meter": meter.number})
        assert page.context["found"].origin is TokenOrigin.CLOSED
        assert "no key of this meter opens it" in page.content.decode()

    @pytest.mark.usefixtures("sold")
    def test_a_token_from_before_a_key_change_is_still_opened(self, bench, boss, meter):
        second_revision()
        answer = ask(bench, "key-change", meter, key_revision="2")
        boss.post(f"{answer.url}decide/", {"answer": "yes"})
        old = encode_credit(self.key(meter), 7, 6_700_001, 3)

        assert Meter.objects.get().key_revision == 2
        found = verify_token(digits=old, meter_number=meter.number, unit_path="")
        assert (found.origin, found.content.energy_wh) == (TokenOrigin.FOREIGN, 700)

    def test_a_test_token_belongs_to_nobody(self, bench):
        page = bench.post("/tokens/check/", {"token": encode_test(0, 1)})
        assert page.context["found"].origin is TokenOrigin.TEST

    @pytest.mark.usefixtures("meter")
    @pytest.mark.parametrize(
        ("typed", "field"),
        [
            ({"token": "123"}, "token"),
            ({"token": "x" * 20}, "token"),
            ({"token": "9" * 20}, "token"),
            ({"token": ""}, "token"),
            ({"token": "0" * 20, "meter": "12345678903"}, "meter"),
        ],
    )
    def test_what_is_no_token_or_no_meter_says_so(self, bench, typed, field):
        page = bench.post("/tokens/check/", typed)

        assert page.status_code == 422
        assert field in page.context["form"].errors

    def test_purchases_of_elsewhere_are_not_told(self, scene, enter, sold):
        elsewhere = make_unit("SUPPLY_OFFICE", "S2", scene.bureau)
        stranger = enter(actor_for(make_operator("otto", "Otto", elsewhere), frozenset({"vend.view"})))

        page = stranger.post("/tokens/check/", {"token": sold.token})
        assert page.context["found"].origin is TokenOrigin.CLOSED
        assert sold.vend.number not in page.content.decode()

    @pytest.mark.parametrize("silence", [IssueRefused("The module is away."), IssueUnknown(new_id(), "no answer")])
    def test_an_issuer_out_of_reach_calls_nobody_a_forger(self, meter, sold, silence):
        class Away:
            def verify(self, _meter, _digits):
                raise silence

        strange = encode_credit(self.key(meter), 10, 6_700_000, 3)
        with pytest.raises(IssueRefused):
            verify_token(digits=strange, meter_number=meter.number, unit_path="", issuer=Away())
        found = verify_token(digits=sold.token, meter_number="", unit_path="", issuer=Away())
        assert (found.origin, found.content) == (TokenOrigin.PURCHASE, None)
