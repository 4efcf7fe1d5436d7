"""Engineering tokens: who may have them made, what they do in a meter, and key changes before a purchase's token."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from gridtill.apps.assets.models import Meter
from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.keystore.operations import NewVendingKey, store_vending_key, token_issuer
from gridtill.apps.ledger.models import Posting
from gridtill.apps.vending.choices import EngineeringKind
from gridtill.apps.vending.models import Delivery, EngineeringToken, Vend
from gridtill.apps.vending.operations.deliver import issue_token, recall_delivery
from gridtill.apps.vending.operations.documents import RequestReused
from gridtill.apps.vending.operations.engineering import (
    EngineeringOrder,
    KeyChangeUsed,
    MetersUnfit,
    NewKey,
    NotWaiting,
    cancel_engineering,
    confirm_engineering,
    decide_engineering,
    request_engineering,
    undo_key_change,
)
from gridtill.apps.vending.operations.engineering_issue import issue_engineering
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.queries.counter import quote_sale, sold
from gridtill.apps.vending.queries.key_changes import SHOWN_WITH_PURCHASES
from gridtill.drivers.security.base import IssueRefused, IssueUnknown
from gridtill.kernel.actors import SYSTEM, NotAllowed
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id
from gridtill.sim.keypad.meter import enter, new_meter
from gridtill.sts.keys import KeyContext, derive_decoder_key
from gridtill.sts.pan import MeterPan
from tests.factories.sales import take_back
from tests.factories.scene import ALL_RIGHTS, MORNING, VENDING_KEY, actor_for, make_operator, make_scene, make_supply

pytestmark = pytest.mark.django_db
ENGINEER = frozenset({"tokens.issue"})
NEXT_KEY = NewKey(key_revision=2)


@pytest.fixture
def scene():
    return make_scene()


@pytest.fixture
def supply(scene):
    return make_supply(scene)


@pytest.fixture
def edna(scene):
    return actor_for(make_operator("edna", "Edna Engineer", scene.office), ENGINEER)


@pytest.fixture
def second_revision(scene):
    return store_vending_key(new=NewVendingKey("201457", 2, 2014, bytes(range(20))), actor=SYSTEM, at=MORNING)


def keypad_for(meter, vending_key=VENDING_KEY):
    context = KeyContext(
        MeterPan.from_drn(meter.number), meter.supply_group_code, meter.tariff_index, meter.key_revision
    )
    return new_meter(context, derive_decoder_key(vending_key, context), clock_s=0, lock_after=0)


def ask(actor, meters, kind=EngineeringKind.POWER_LIMIT, *, value=2500, batch=None, **changes):
    order = EngineeringOrder(kind, "customer asked for it", value=value, **changes)
    numbers = [meter if isinstance(meter, str) else meter.number for meter in meters]
    return request_engineering(batch_id=batch or new_id(), order=order, meter_numbers=numbers, actor=actor, at=MORNING)


def ask_key_change(actor, meter, *, new=NEXT_KEY, **changes):
    return ask(actor, [meter], EngineeringKind.KEY_CHANGE, value=0, new_key=new, **changes)[0]


def agree(row, actor, *, agreed=True, note=""):
    return decide_engineering(batch_id=row.batch, agreed=agreed, note=note, actor=actor, at=MORNING)


def make(row, actor, issuer=None, at=MORNING):
    return issue_engineering(token_id=row.pk, actor=actor, at=at, issuer=issuer)


def sell(scene, supply, *, at=MORNING):
    order = SaleOrder(supply.pk, scene.shift.pk, (TenderRow("CASH", 100_00, 100_00),))
    vend_id = sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=at)
    return Vend.objects.select_related("delivery").get(pk=vend_id)


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        (EngineeringKind.POWER_LIMIT, 2500, "power_limit_w"),
        (EngineeringKind.UNBALANCE, 300, "unbalance_limit_w"),
    ],
)
def test_a_limit_is_made_at_once_and_the_meter_takes_it(scene, supply, edna, kind, value, field):
    meter = Meter.objects.get()
    before = Posting.objects.count()

    row = make(ask(edna, [meter], kind, value=value)[0], edna)
    held, entry = enter(keypad_for(meter), row.digits)

    assert (row.state, entry.word, getattr(held.security, field)) == ("ISSUED", "accepted", value)
    assert row.carried_value == value
    assert Posting.objects.count() == before
    assert row.digits not in str(list(AuditRecord.objects.values_list("after", flat=True)))


def test_a_test_token_needs_no_key_and_reserves_nothing(scene, supply, edna):
    meter = Meter.objects.get()
    Meter.objects.update(supply_group_code="999999")

    row = make(ask(edna, [meter], EngineeringKind.TEST, value=0b1000)[0], edna)

    assert (row.state, row.token_identifier) == ("ISSUED", None)
    assert enter(keypad_for(meter), row.digits)[1].display == ("key revision 1",)


@pytest.mark.parametrize("kind", [EngineeringKind.CLEAR_CREDIT, EngineeringKind.CLEAR_TAMPER])
def test_clearing_needs_a_second_person(scene, supply, edna, kind):
    row = ask(edna, [Meter.objects.get()], kind, value=0)[0]

    with pytest.raises(NotWaiting):
        make(row, edna)
    with pytest.raises(NotAllowed):
        agree(row, edna)
    agree(row, scene.bram)
    issued = make(row, edna)

    assert issued.state == "ISSUED"
    assert enter(keypad_for(row.meter), issued.digits)[1].word == "accepted"


def test_nobody_agrees_to_their_own_wish(scene, supply):
    row = ask(scene.bram, [Meter.objects.get()], EngineeringKind.CLEAR_TAMPER, value=0)[0]

    with pytest.raises(InvalidValue, match="own wish"):
        agree(row, scene.bram)
    assert EngineeringToken.objects.get().state == "REQUESTED"


def test_declining_needs_a_word_and_ends_it(scene, supply, edna):
    row = ask(edna, [Meter.objects.get()], EngineeringKind.CLEAR_TAMPER, value=0)[0]

    with pytest.raises(InvalidValue, match="why not"):
        agree(row, scene.bram, agreed=False)
    agree(row, scene.bram, agreed=False, note="look at the seal first")

    with pytest.raises(NotWaiting):
        make(row, edna)
    with pytest.raises(NotWaiting):
        agree(row, scene.bram)


def test_identifiers_of_sales_and_engineering_never_meet(scene, supply, edna):
    meter = Meter.objects.get()
    first = sell(scene, supply).delivery
    limit = make(ask(edna, [meter])[0], edna)
    second = sell(scene, supply).delivery
    earlier = make(ask(edna, [meter], value=1000)[0], edna, at=MORNING - timedelta(days=2))

    identifiers = [first.token_identifier, limit.token_identifier, second.token_identifier, earlier.token_identifier]
    assert identifiers == sorted(set(identifiers))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": EngineeringKind.POWER_LIMIT, "value": -1}, "value"),
        ({"kind": EngineeringKind.POWER_LIMIT, "value": 18_201_625}, "value"),
        ({"kind": EngineeringKind.CLEAR_CREDIT, "value": 3}, "value"),
        ({"kind": EngineeringKind.CLEAR_TAMPER, "value": 1}, "value"),
        ({"kind": EngineeringKind.TEST, "value": 0}, "value"),
        ({"kind": EngineeringKind.TEST, "value": 1 << 13}, "value"),
        ({"kind": EngineeringKind.KEY_CHANGE, "value": 0}, "kind"),
        ({"kind": EngineeringKind.POWER_LIMIT, "new_key": NEXT_KEY}, "kind"),
        ({"kind": EngineeringKind.POWER_LIMIT, "with_next_purchase": True}, "with_next_purchase"),
    ],
)
def test_wrong_order_is_refused_beside_its_field(scene, supply, edna, changes, field):
    with pytest.raises(InvalidValue) as refused:
        ask(edna, [Meter.objects.get()], **changes)

    assert refused.value.field == field
    assert EngineeringToken.objects.count() == 0


@pytest.mark.parametrize("reason", ["", "x", "y" * 301])
def test_a_reason_is_asked_for(scene, supply, edna, reason):
    with pytest.raises(InvalidValue, match="reason"):
        request_engineering(
            batch_id=new_id(),
            order=EngineeringOrder(EngineeringKind.TEST, reason, value=1),
            meter_numbers=[Meter.objects.get().number],
            actor=edna,
            at=MORNING,
        )


def test_a_list_is_taken_whole_or_not_at_all(scene, supply, edna):
    make_supply(scene, 2)
    make_supply(scene, 3)
    make_supply(scene, 4)
    numbers = list(Meter.objects.order_by("number").values_list("number", flat=True))
    Meter.objects.filter(number=numbers[2]).update(status="LOST")
    Meter.objects.filter(number=numbers[3]).update(token_carrier="CARD")

    with pytest.raises(MetersUnfit) as refused:
        ask(edna, [*numbers, "37999999991"])
    assert [number for number, _problem in refused.value.problems] == [*numbers[2:], "37999999991"]
    assert EngineeringToken.objects.count() == 0

    rows = ask(edna, [f" {numbers[0][:4]} {numbers[0][4:]}", numbers[1], numbers[0]])
    assert [row.meter.number for row in rows] == numbers[:2]


def test_no_meter_and_too_many_are_refused(scene, edna):
    for numbers in ([], [str(number) for number in range(501)]):
        with pytest.raises(InvalidValue, match="1 to 500"):
            ask(edna, numbers)


def test_a_repeated_batch_is_the_first_one(scene, supply, edna):
    meter, batch = Meter.objects.get(), new_id()
    first = ask(edna, [meter], batch=batch)
    again = ask(edna, [meter], batch=batch)

    assert [row.pk for row in again] == [row.pk for row in first]
    with pytest.raises(RequestReused):
        ask(edna, [meter], EngineeringKind.TEST, value=1, batch=batch)
    assert make(first[0], edna).digits == make(first[0], edna).digits


def test_meters_elsewhere_are_as_if_they_were_not_there(scene, supply, edna):
    other = actor_for(make_operator("otto", "Otto", scene.office), ENGINEER)
    stranger = type(other)(id=other.id, name=other.name, unit_path="nowhere/", permissions=ENGINEER)

    with pytest.raises(MetersUnfit, match="no such meter"):
        ask(stranger, [Meter.objects.get()])
    row = ask(edna, [Meter.objects.get()])[0]
    with pytest.raises(NotAllowed):
        make(row, stranger)


def test_without_the_right_nothing_is_asked_for(scene, supply):
    with pytest.raises(NotAllowed):
        ask(scene.asha, [Meter.objects.get()])


def test_key_change_is_taken_in_printed_order_and_the_archive_knows(scene, supply, edna, second_revision):
    meter = Meter.objects.get()
    row = ask_key_change(edna, meter)
    agree(row, scene.bram)
    issued = make(row, edna)
    held = keypad_for(meter)
    for digits in issued.tokens:
        held, entry = enter(held, digits)
    bought = issue_token(vend_id=sell(scene, supply).pk, actor=scene.asha, at=MORNING)

    assert len(issued.tokens) == 4
    assert entry.word == "accepted"
    assert Meter.objects.get().key_revision == held.security.key_revision == 2
    assert enter(held, bought.token)[1].display[0] == "+5 kWh"


def test_a_waiting_key_change_comes_with_the_next_purchase_and_goes_before_its_token(
    scene, supply, edna, second_revision
):
    meter = Meter.objects.get()
    held = keypad_for(meter)
    row = ask_key_change(edna, meter, with_next_purchase=True)
    agree(row, scene.bram)
    with pytest.raises(NotWaiting):
        make(row, edna)
    quote_sale(agreement_id=supply.pk, shift_id=scene.shift.pk, at=MORNING, minor=100_00)
    assert Meter.objects.get().key_revision == 1

    vend = sell(scene, supply)
    delivery = issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING)
    found = sold(vend.pk, unit_path="")

    assert (delivery.state, len(found.first_tokens)) == ("ISSUED", 4)
    assert enter(held, delivery.token)[1].word == "rejected"
    for digits in (*found.first_tokens, delivery.token):
        held, entry = enter(held, digits)
        assert entry.verdict.is_taken
    assert (held.remaining_wh, Meter.objects.get().key_revision) == (5000, 2)
    assert found.document["meter"]["key_revision"] == 2


def test_key_change_is_printed_with_a_few_purchases_until_it_is_confirmed(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get(), with_next_purchase=True)
    agree(row, scene.bram)
    vends = [sell(scene, supply, at=MORNING + timedelta(hours=hour)) for hour in range(SHOWN_WITH_PURCHASES + 1)]
    for vend in vends:
        issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING)

    shown = [bool(sold(vend.pk, unit_path="").first_tokens) for vend in vends]
    assert shown == [*[True] * SHOWN_WITH_PURCHASES, False]

    confirm_engineering(token_id=row.pk, actor=edna, at=MORNING)
    confirm_engineering(token_id=row.pk, actor=edna, at=MORNING)
    assert sold(vends[0].pk, unit_path="").first_tokens == ()


def test_purchases_before_a_key_change_do_not_show_it(scene, supply, edna, second_revision):
    before = sell(scene, supply, at=MORNING - timedelta(hours=1))
    row = ask_key_change(edna, Meter.objects.get())
    agree(row, scene.bram)
    make(row, edna)

    assert sold(before.pk, unit_path="").first_tokens == ()


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (NewKey(key_revision=3), "no vending key"),
        (NewKey(key_revision=1), "this key already"),
        (NewKey(key_revision=2, key_expiry=1), "expired"),
        (NewKey(key_revision=2, base_date=1993), "go back"),
        (NewKey(key_revision=2, key_type=3), "type 3"),
        (NewKey(key_revision=2, base_date=2035), "outside the range|no vending key"),
        (NewKey(tariff_index="ab"), "digits"),
    ],
)
def test_impossible_key_change_is_refused_before_anybody_agrees(scene, supply, edna, second_revision, new, words):
    with pytest.raises(MetersUnfit, match=words):
        ask_key_change(edna, Meter.objects.get(), new=new)


def test_one_key_change_of_a_meter_at_a_time(scene, supply, edna, second_revision):
    ask_key_change(edna, Meter.objects.get())

    with pytest.raises(MetersUnfit, match="under way"):
        ask_key_change(edna, Meter.objects.get())


def test_given_up_wishes_are_not_made(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get(), with_next_purchase=True)
    agree(row, scene.bram)
    cancel_engineering(token_id=row.pk, actor=edna, at=MORNING)

    assert sell(scene, supply).delivery.meter_security["key_revision"] == 1
    with pytest.raises(NotWaiting):
        cancel_engineering(token_id=make(ask(edna, [Meter.objects.get()])[0], edna).pk, actor=edna, at=MORNING)
    with pytest.raises(NotWaiting):
        confirm_engineering(token_id=row.pk, actor=edna, at=MORNING)


def test_key_change_that_nobody_keys_in_is_undone(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get())
    agree(row, scene.bram)
    make(row, edna)
    with pytest.raises(NotAllowed):
        undo_key_change(token_id=row.pk, reason="meter is broken", actor=edna, at=MORNING)
    with pytest.raises(InvalidValue):
        undo_key_change(token_id=row.pk, reason=" ", actor=scene.bram, at=MORNING)

    undo_key_change(token_id=row.pk, reason="meter is broken", actor=scene.bram, at=MORNING)

    assert Meter.objects.get().key_revision == 1
    assert EngineeringToken.objects.get().state == "CANCELLED"
    with pytest.raises(NotWaiting):
        undo_key_change(token_id=row.pk, reason="again", actor=scene.bram, at=MORNING)


def test_key_change_is_not_undone_once_something_was_sold_for_it(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get())
    agree(row, scene.bram)
    make(row, edna)
    sell(scene, supply, at=MORNING + timedelta(minutes=1))

    with pytest.raises(KeyChangeUsed):
        undo_key_change(token_id=row.pk, reason="meter is broken", actor=scene.bram, at=MORNING)
    assert Meter.objects.get().key_revision == 2


class FarIssuer:
    """An issuer behind a line, for sets of tokens."""

    repeatable = False

    def __init__(self, line="up"):
        self.line, self.made, self.asked = line, {}, 0

    def _answer(self, request_id, make):
        self.asked += 1
        if self.line == "refusing":
            raise IssueRefused("The supply group is not authorized.")
        if self.line == "dead":
            raise IssueUnknown(request_id, "no answer within 5 s")
        self.made[request_id] = make()
        if self.line == "answer lost":
            raise IssueUnknown(request_id, "the line broke")
        return self.made[request_id]

    def issue_management(self, request):
        return self._answer(request.request_id, lambda: token_issuer().issue_management(request))

    def issue_key_change(self, request):
        return self._answer(request.request_id, lambda: token_issuer().issue_key_change(request))

    def issue_credit(self, request):
        return self._answer(request.request_id, lambda: token_issuer().issue_credit(request))

    def fetch_set(self, request_id):
        if self.line == "dead":
            raise IssueUnknown(request_id, "no answer within 5 s")
        return self.made.get(request_id)

    fetch_result = fetch_set


def test_a_lost_answer_is_unknown_and_then_the_same_tokens(scene, supply, edna):
    issuer = FarIssuer("answer lost")
    row = make(ask(edna, [Meter.objects.get()])[0], edna, issuer)
    assert (row.state, row.digits) == ("UNKNOWN", "")

    issuer.line = "dead"
    assert make(row, edna, issuer).state == "UNKNOWN"
    issuer.line = "up"
    found = make(row, edna, issuer)

    assert (found.state, issuer.asked) == ("ISSUED", 1)
    assert found.digits == issuer.made[row.pk].digits[0]


def test_what_was_asked_a_moment_ago_is_waited_for(scene, supply, edna):
    row = ask(edna, [Meter.objects.get()])[0]
    EngineeringToken.objects.update(state="DISPATCHED", changed_at=MORNING)
    issuer = FarIssuer("dead")

    assert make(row, edna, issuer, MORNING + timedelta(seconds=30)).state == "DISPATCHED"
    assert make(row, edna, issuer, MORNING + timedelta(seconds=90)).state == "UNKNOWN"


def test_a_refused_one_may_be_asked_again_with_its_identifier(scene, supply, edna):
    issuer = FarIssuer("refusing")
    row = make(ask(edna, [Meter.objects.get()])[0], edna, issuer)
    assert (row.state, "not authorized" in row.detail) == ("FAILED", True)

    issuer.line = "up"
    again = make(row, edna, issuer)
    assert (again.state, again.token_identifier, again.detail) == ("ISSUED", row.token_identifier, "")


def test_tokens_for_a_key_that_the_archive_changed_meanwhile_are_thrown_away(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get())
    agree(row, scene.bram)
    issuer = FarIssuer("answer lost")
    make(row, edna, issuer)
    Meter.objects.update(tariff_index="02")
    issuer.line = "up"

    found = make(row, edna, issuer)
    assert (found.state, found.digits) == ("CANCELLED", "")
    assert Meter.objects.get().key_revision == 1
    with pytest.raises(NotWaiting):
        make(row, edna, issuer)


def test_a_purchase_waits_for_its_key_change(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get(), with_next_purchase=True)
    agree(row, scene.bram)
    vend = sell(scene, supply)
    issuer = FarIssuer("answer lost")

    assert issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING, issuer=issuer).state == "PENDING"
    issuer.line = "up"
    delivery = issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING, issuer=issuer)
    assert (delivery.state, issuer.asked) == ("ISSUED", 2)


def test_a_purchase_whose_key_change_is_refused_fails_and_goes_back_to_the_old_key(
    scene, supply, edna, second_revision
):
    meter = Meter.objects.get()
    row = ask_key_change(edna, meter, with_next_purchase=True)
    agree(row, scene.bram)
    vend = sell(scene, supply)
    refused = issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING, issuer=FarIssuer("refusing"))
    assert refused.state == "FAILED"
    assert issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING, issuer=FarIssuer("refusing")).state == "FAILED"

    cancel_engineering(token_id=row.pk, actor=scene.bram, at=MORNING)
    delivery = issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING)

    assert delivery.state == "ISSUED"
    assert Meter.objects.get().key_revision == 1
    assert enter(keypad_for(meter), delivery.token)[1].display[0] == "+5 kWh"


def test_sale_is_refused_before_money_when_the_new_key_is_gone(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get(), with_next_purchase=True)
    agree(row, scene.bram)
    EngineeringToken.objects.update(new_security=row.new_security | {"key_revision": 7})

    with pytest.raises(Refusal, match="no vending key"):
        sell(scene, supply)
    assert Delivery.objects.count() == 0


def test_ids_of_a_batch_follow_from_batch_and_meter(scene, supply, edna):
    row = ask(edna, [Meter.objects.get()])[0]

    assert row.pk == uuid.uuid5(row.batch, row.meter.number)
    assert scene.bram.permissions == ALL_RIGHTS


def test_a_second_purchase_waits_for_the_same_key_change(scene, supply, edna, second_revision):
    meter = Meter.objects.get()
    held = keypad_for(meter)
    row = ask_key_change(edna, meter, with_next_purchase=True)
    agree(row, scene.bram)
    first, second = sell(scene, supply), sell(scene, supply)
    dead, alive = FarIssuer("dead"), FarIssuer()

    assert issue_token(vend_id=second.pk, actor=scene.asha, at=MORNING, issuer=dead).state == "PENDING"
    later = issue_token(vend_id=second.pk, actor=scene.asha, at=MORNING, issuer=alive)
    earlier = issue_token(vend_id=first.pk, actor=scene.asha, at=MORNING, issuer=alive)
    for digits in (*sold(second.pk, unit_path="").first_tokens, later.token, earlier.token):
        held, entry = enter(held, digits)
        assert entry.verdict.is_taken
    assert held.remaining_wh == 10_000


def test_a_purchase_taken_back_before_its_key_change_leaves_it_waiting(scene, supply, edna, second_revision):
    meter = Meter.objects.get()
    row = ask_key_change(edna, meter, with_next_purchase=True)
    agree(row, scene.bram)
    taken_back = sell(scene, supply)
    take_back(scene, taken_back)
    row.refresh_from_db()
    assert (row.state, row.vend_id, Meter.objects.get().key_revision) == ("WAITING", None, 1)

    held = keypad_for(meter)
    vend = sell(scene, supply)
    delivery = issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING)
    for digits in (*sold(vend.pk, unit_path="").first_tokens, delivery.token):
        held, entry = enter(held, digits)
        assert entry.verdict.is_taken
    assert Meter.objects.get().key_revision == held.security.key_revision == 2


def test_a_key_change_that_was_made_stays_when_its_purchase_is_taken_back(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get(), with_next_purchase=True)
    agree(row, scene.bram)
    vend = sell(scene, supply)
    issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING)
    take_back(scene, vend)
    row.refresh_from_db()

    assert (row.state, Meter.objects.get().key_revision) == ("ISSUED", 2)
    again = sell(scene, supply)
    issue_token(vend_id=again.pk, actor=scene.asha, at=MORNING)
    assert sold(again.pk, unit_path="").first_tokens == tuple(row.tokens)


def test_a_key_stays_when_something_else_was_sold_for_it(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get(), with_next_purchase=True)
    agree(row, scene.bram)
    first = sell(scene, supply)
    sell(scene, supply)
    EngineeringToken.objects.update(state="FAILED")
    recall_delivery(delivery=first.delivery, actor=scene.asha, at=MORNING)

    assert Meter.objects.get().key_revision == 2
    assert EngineeringToken.objects.get().state == "FAILED"


def test_a_key_is_not_changed_between_a_purchase_and_its_token(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get())
    agree(row, scene.bram)
    vend = sell(scene, supply)

    assert "has no token yet" in make(row, edna).detail
    assert Meter.objects.get().key_revision == 1
    issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING)
    assert make(row, edna).state == "ISSUED"


def test_a_waiting_change_does_not_come_with_a_purchase_while_an_earlier_one_is_open(
    scene, supply, edna, second_revision
):
    vend = sell(scene, supply)
    row = ask_key_change(edna, Meter.objects.get(), with_next_purchase=True)
    agree(row, scene.bram)
    assert sell(scene, supply).delivery.meter_security["key_revision"] == 1

    for open_vend in Vend.objects.all():
        issue_token(vend_id=open_vend.pk, actor=scene.asha, at=MORNING)
    assert sell(scene, supply).delivery.meter_security["key_revision"] == 2
    assert sold(vend.pk, unit_path="").first_tokens == ()


def test_a_batch_repeated_with_another_value_is_refused(scene, supply, edna):
    batch = new_id()
    ask(edna, [Meter.objects.get()], batch=batch, value=2500)

    with pytest.raises(RequestReused):
        ask(edna, [Meter.objects.get()], batch=batch, value=9000)


def test_one_that_was_given_up_does_not_keep_the_others_waiting(scene, supply, edna):
    make_supply(scene, 2)
    rows = ask(edna, list(Meter.objects.all()), EngineeringKind.CLEAR_TAMPER, value=0)
    cancel_engineering(token_id=rows[0].pk, actor=edna, at=MORNING)

    assert [row.state for row in agree(rows[0], scene.bram)] == ["APPROVED"]
    rows[0].refresh_from_db()
    assert rows[0].state == "CANCELLED"


def test_purchases_taken_back_do_not_count_as_shown(scene, supply, edna, second_revision):
    row = ask_key_change(edna, Meter.objects.get())
    agree(row, scene.bram)
    make(row, edna)
    for _time in range(SHOWN_WITH_PURCHASES):
        take_back(scene, sell(scene, supply))
    vend = sell(scene, supply)
    issue_token(vend_id=vend.pk, actor=scene.asha, at=MORNING)

    assert len(sold(vend.pk, unit_path="").first_tokens) == 4


def test_older_tokens_do_not_keep_a_key_change_from_being_undone(scene, supply, edna, second_revision):
    meter = Meter.objects.get()
    for value in (1000, 2000, 3000, 4000):
        make(ask(edna, [meter], value=value)[0], edna)
    row = ask_key_change(edna, meter)
    agree(row, scene.bram)
    make(row, edna)
    undo_key_change(token_id=row.pk, reason="meter is broken", actor=scene.bram, at=MORNING)
    assert Meter.objects.get().key_revision == 1

    again = ask_key_change(edna, meter)
    agree(again, scene.bram)
    make(again, edna)
    make(ask(edna, [meter], value=5000)[0], edna)
    with pytest.raises(KeyChangeUsed):
        undo_key_change(token_id=again.pk, reason="meter is broken", actor=scene.bram, at=MORNING)
