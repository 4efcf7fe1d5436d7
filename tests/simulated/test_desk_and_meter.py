"""What the desk issues, the meter takes once and only once; what it did not issue, the meter refuses."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridtill.apps.assets.models import Meter
from gridtill.apps.keystore.operations import NewVendingKey, forget_issuers, store_vending_key
from gridtill.apps.organization.models import UtilitySettings
from gridtill.apps.vending.choices import EngineeringKind
from gridtill.apps.vending.models import Delivery, EngineeringToken
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.operations.engineering import (
    EngineeringOrder,
    NewKey,
    decide_engineering,
    request_engineering,
)
from gridtill.apps.vending.operations.engineering_issue import issue_engineering
from gridtill.apps.vending.operations.reverse import ReversalCase, reverse_vend
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.queries.counter import sold
from gridtill.kernel.actors import SYSTEM
from gridtill.kernel.ids import new_id
from gridtill.sim.keypad.meter import enter, new_meter
from gridtill.sts.errors import StsError
from gridtill.sts.keys import KeyContext, derive_decoder_key
from gridtill.sts.pan import MeterPan
from gridtill.sts.tokens import decode
from tests.factories.scene import MORNING, VENDING_KEY, make_scene, make_supply

pytestmark = pytest.mark.django_db
SECOND_KEY = bytes(range(20))
SERIALS = count(1)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sell"), st.integers(100_00, 500_000_00)),
        st.tuples(st.just("limit"), st.integers(0, 18_201_624)),
        st.tuples(st.just("clear"), st.just(0)),
        st.tuples(st.just("key"), st.sampled_from(["revision", "index", "expiry"])),
        st.tuples(st.just("key with sale"), st.sampled_from(["revision", "index", "expiry"])),
        st.tuples(st.just("key waits"), st.sampled_from(["revision", "index", "expiry"])),
        st.tuples(st.just("mistake"), st.integers(100_00, 500_00)),
        st.tuples(st.just("clock"), st.integers(-3 * 1440, 3 * 1440)),
    ),
    min_size=1,
    max_size=12,
)


class Desk:
    """A desk and what it handed out for one meter, in the order in which it is to be keyed in."""

    def __init__(self, scene):
        self.scene = scene
        self.supply = make_supply(scene, next(SERIALS))
        self.at = MORNING
        self.handed_out = []
        self.sections = []
        self.energy_wh = 0

    @property
    def meter(self):
        return Meter.objects.get(installations__usage_point__agreement=self.supply)

    def do(self, act, value):
        if act == "sell":
            self.sell(value)
        elif act == "clock":
            self.at += timedelta(minutes=value)
        elif act == "mistake":
            # Sold, and taken back before the token was made.
            case = ReversalCase(self.sold(value), self.scene.shift.pk, "wrong customer")
            reverse_vend(request_id=new_id(), case=case, actor=self.scene.asha, at=self.at, approver=self.scene.bram)
        elif act == "limit":
            self.engineer(EngineeringKind.POWER_LIMIT, value=value)
        elif act == "clear":
            self.engineer(EngineeringKind.CLEAR_TAMPER)
        elif not EngineeringToken.objects.filter(meter=self.meter, state="WAITING").exists():
            self.engineer(EngineeringKind.KEY_CHANGE, new_key=self.other_key(value), with_next_purchase=act != "key")
            if act == "key with sale":
                self.sell(100_00)

    def sold(self, minor):
        order = SaleOrder(self.supply.pk, self.scene.shift.pk, (TenderRow("CASH", minor, minor),))
        return sell_energy(request_id=new_id(), order=order, actor=self.scene.asha, at=self.at)

    def sell(self, minor):
        vend_id = self.sold(minor)
        delivery = issue_token(vend_id=vend_id, actor=self.scene.asha, at=self.at)
        found = sold(vend_id, unit_path="")
        self.hand_out_sections(self.not_handed_out(list(found.first_tokens)))
        self.handed_out += delivery.token.split()
        self.energy_wh += found.vend.energy_wh

    def engineer(self, kind, *, value=0, new_key=None, with_next_purchase=False):
        order = EngineeringOrder(kind, "because", value, new_key, with_next_purchase)
        batch = new_id()
        row = request_engineering(
            batch_id=batch, order=order, meter_numbers=[self.meter.number], actor=self.scene.bram, at=self.at
        )[0]
        if row.state == "REQUESTED":
            row = decide_engineering(batch_id=batch, agreed=True, note="", actor=self.scene.carol, at=self.at)[0]
        if row.state == "APPROVED":
            made = issue_engineering(token_id=row.pk, actor=self.scene.bram, at=self.at)
            if kind == EngineeringKind.KEY_CHANGE:
                self.hand_out_sections(made.tokens)
            else:
                self.handed_out += made.tokens

    def hand_out_sections(self, tokens):
        self.handed_out += tokens
        self.sections += tokens

    def not_handed_out(self, shown):
        """Return the sections that a receipt adds; digits alone do not tell, for they come again with the same keys."""
        known = max(n for n in range(len(shown) + 1) if n == 0 or self.sections[-n:] == shown[:n])
        return shown[known:]

    def other_key(self, what):
        meter = self.meter
        if what == "revision":
            return NewKey(key_revision=3 - meter.key_revision)
        if what == "index":
            return NewKey(tariff_index=f"{int(meter.tariff_index) % 98 + 1:02d}")
        return NewKey(key_expiry=254 if meter.key_expiry == 255 else 255)


@pytest.fixture
def scene():
    from dataclasses import replace

    found = make_scene()
    UtilitySettings.objects.update(sale_maximum_minor=10**11)
    store_vending_key(new=NewVendingKey("201457", 2, 2014, SECOND_KEY), actor=SYSTEM, at=MORNING)
    forget_issuers()
    found.carol = replace(found.bram, id=found.asha.id, name="Carol")
    return found


def keypad_of(number):
    context = KeyContext(MeterPan.from_drn(number), "201457", "01", 1)
    return new_meter(context, derive_decoder_key(VENDING_KEY, context), clock_s=0, lock_after=0)


def told(meter):
    """Return what tokens can change of a meter, without the halves of a key change."""
    security = meter.security
    return (meter.remaining_ws, security.key.octets, security.key_expiry, security.power_limit_w, security.is_tampered)


def opens(digits, key):
    try:
        decode(digits, key)
    except StsError:
        return False
    return True


@given(steps=STEPS, spoiled=st.integers(1, 9))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_desk_issues_is_taken_once_and_nothing_else(scene, steps, spoiled):
    desk, other = Desk(scene), Desk(scene)
    number = desk.meter.number
    for act, value in steps:
        desk.do(act, value)
    other.do("sell", 100_00)
    held = keypad_of(number)

    for digits in desk.handed_out:
        wrong = f"{(int(digits[0]) + spoiled) % 10}{digits[1:]}"
        if not opens(wrong, held.security.key):
            assert not enter(held, wrong)[1].verdict.is_taken
        held, entry = enter(held, digits)
        assert entry.verdict.is_taken, (digits, entry)
        again, second = enter(held, digits)
        # A section of a key change may be collected twice; that gives no energy and no other key.
        assert not second.verdict.is_taken or digits in desk.sections
        assert told(again) == told(held)

    assert held.remaining_wh == desk.energy_wh
    for digits in (*desk.handed_out, *other.handed_out):
        if digits in desk.handed_out or not opens(digits, held.security.key):
            after, entry = enter(held, digits)
            assert told(after) == told(held)
            assert not entry.verdict.is_taken or digits in desk.sections


def test_a_purchase_that_one_token_cannot_carry_comes_in_several(scene):
    desk = Desk(scene)
    desk.sell(5_000_000 * 20_00)
    desk.sell(100_00)
    held = keypad_of(desk.meter.number)
    for digits in desk.handed_out:
        held, entry = enter(held, digits)
        assert entry.word == "accepted"

    large, small = Delivery.objects.order_by("token_identifier")
    assert len(large.token.split()) == 3
    assert large.last_identifier == large.token_identifier + 2 < small.token_identifier
    assert held.remaining_wh == desk.energy_wh == 5_000_005_000
