"""The sale through its operation, on whichever database the run is on."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import DatabaseError, transaction

from gridtill.apps.assets.models import Meter
from gridtill.apps.customers.models import Customer, CustomerAgreement, MeterInstallation
from gridtill.apps.keystore.models import VendingKey
from gridtill.apps.keystore.operations import KeystoreLocked, forget_issuers
from gridtill.apps.ledger.queries import balance_of, is_balanced, lines_of
from gridtill.apps.organization.models import UtilitySettings
from gridtill.apps.vending.models import (
    AccountStanding,
    Delivery,
    SalesDocument,
    ShiftTender,
    Till,
    Vend,
    WithdrawnRequest,
)
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.operations.reverse import ReversalCase, reverse_vend
from gridtill.apps.vending.operations.sell import (
    QuoteChanged,
    RequestReused,
    RequestWithdrawn,
    SaleOrder,
    sell_energy,
    withdraw_sale,
)
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.queries.counter import quote_sale
from gridtill.apps.vending.queries.hot import run
from gridtill.apps.vending.rules import AmountTooLarge, NotSellable, ShiftNotOpen, TenderWrong
from gridtill.kernel.actors import NotAllowed
from gridtill.kernel.chain import genesis, link
from gridtill.kernel.ids import new_id
from tests.factories.scene import (
    MORNING,
    actor_for,
    make_operator,
    make_scene,
    make_supply,
    make_tariff,
    make_unit,
    second_till,
)

pytestmark = pytest.mark.django_db
TAXED = """
code = "TAXED"
title = "Taxed"
currency = "KES"
price_class = "residential"
valid_from = 2026-01-01

[source]
name = "Made for tests"

[energy]
kind = "flat"
rate = "20.00"

[[levies]]
code = "vat"
label = "VAT"
kind = "tax"
percent = "16"
"""


def cash(minor: int, received: int | None = None) -> TenderRow:
    return TenderRow("CASH", minor, received or minor)


@pytest.fixture
def scene():
    return make_scene()


@pytest.fixture
def order(scene):
    agreement = make_supply(scene)
    return SaleOrder(agreement_id=agreement.pk, shift_id=scene.shift.pk, tenders=(cash(100_00, 200_00),))


def test_sale_books_money_energy_and_document(scene, order):
    vend_id = sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING)

    vend = Vend.objects.get(pk=vend_id)
    assert (vend.total_minor, vend.energy_wh, vend.sequence, vend.number) == (100_00, 5_000, 1, "T01-00000002")
    assert sorted(lines_of(vend.number)) == [("1000.T01", 100_00), ("4000.residential", -100_00)]
    assert is_balanced()
    assert ShiftTender.objects.get(shift=scene.shift, kind="CASH").sold_minor == 100_00
    document = SalesDocument.objects.get(number=vend.number)
    assert document.hash == link(document.previous_hash, document.payload)
    assert Till.objects.get().head_hash == document.hash
    assert sum(line["amount_minor"] for line in json.loads(document.payload)["lines"]) == 100_00


def test_first_document_of_a_till_follows_its_genesis(scene):
    assert SalesDocument.objects.get(sequence=1).previous_hash == genesis("T01")


def test_pressing_sell_twice_sells_once(scene, order):
    sell = partial(sell_energy, request_id=new_id(), order=order, actor=scene.asha, at=MORNING)

    first, second = sell(), sell()

    assert second == first
    assert Vend.objects.count() == 1
    assert balance_of("1000.T01") == 5_000_00 + 100_00


def test_repeat_after_the_till_was_closed_does_not_say_that_nothing_was_sold(scene, order):
    request_id = new_id()
    sell_energy(request_id=request_id, order=order, actor=scene.asha, at=MORNING)
    no_shift = SaleOrder(order.agreement_id, 0, order.tenders)

    with pytest.raises(RequestReused, match="already and stands"):
        sell_energy(request_id=request_id, order=no_shift, actor=scene.asha, at=MORNING)


def test_request_id_of_another_order_is_refused(scene, order):
    request_id = new_id()
    sell_energy(request_id=request_id, order=order, actor=scene.asha, at=MORNING)
    other = SaleOrder(order.agreement_id, order.shift_id, (cash(50_00),))

    with pytest.raises(RequestReused):
        sell_energy(request_id=request_id, order=other, actor=scene.asha, at=MORNING)

    assert Vend.objects.count() == 1


@pytest.mark.parametrize(
    ("tenders", "refusal"),
    [
        ((), TenderWrong),
        ((TenderRow("CASH", 0, 0),), TenderWrong),
        ((TenderRow("CASH", 100_00, 50_00),), TenderWrong),
        ((TenderRow("CASH", 10_00, 10_00), TenderRow("CASH", 10_00, 10_00)), TenderWrong),
        ((TenderRow("BANK_CARD", 10_00, 20_00, "ref"),), TenderWrong),
        ((TenderRow("MOBILE_MONEY", 10_00, 10_00, " "),), TenderWrong),
        ((TenderRow("CASH", 10**10, 10**10),), AmountTooLarge),
    ],
)
def test_wrong_tenders_are_refused_and_nothing_is_written(scene, order, tenders, refusal):
    wrong = SaleOrder(order.agreement_id, order.shift_id, tenders)

    with pytest.raises(refusal):
        sell_energy(request_id=new_id(), order=wrong, actor=scene.asha, at=MORNING)

    assert Vend.objects.count() == 0
    assert balance_of("1000.T01") == 5_000_00


def test_another_cashiers_shift_sells_nothing(scene, order):
    _shift, other = second_till(scene)

    with pytest.raises(ShiftNotOpen):
        sell_energy(request_id=new_id(), order=order, actor=other, at=MORNING)


def test_sale_without_the_right_is_refused(scene, order):
    with pytest.raises(NotAllowed):
        sell_energy(
            request_id=new_id(), order=order, actor=type(scene.asha)(scene.asha.id, "x", scene.office.path), at=MORNING
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: type(a).objects.filter(pk=a.pk).update(status="PENDING"), "not in use"),
        (lambda a: type(a.usage_point).objects.update(is_billable=False), "billing"),
        (lambda a: type(a.usage_point).objects.update(purchase_mode="CARD"), "keypad"),
        (lambda a: a.usage_point.installations.update(removed_at=MORNING), "no working meter"),
        (lambda a: a.pricing_structure.versions.update(status="WITHDRAWN"), "tariff"),
    ],
)
def test_states_that_forbid_a_sale_say_so(scene, change, words):
    agreement = make_supply(scene)
    change(agreement)

    with pytest.raises(NotSellable, match=words):
        sell_energy(
            request_id=new_id(),
            order=SaleOrder(agreement.pk, scene.shift.pk, (cash(100_00),)),
            actor=scene.asha,
            at=MORNING,
        )


def test_quote_that_moved_is_refused(scene, order):
    moved = SaleOrder(order.agreement_id, order.shift_id, order.tenders, expected_wh=4_900)

    with pytest.raises(QuoteChanged):
        sell_energy(request_id=new_id(), order=moved, actor=scene.asha, at=MORNING)


def test_residue_is_carried_to_the_next_purchase(scene, order):
    odd = SaleOrder(order.agreement_id, order.shift_id, (cash(3_99),))

    sell_energy(request_id=new_id(), order=odd, actor=scene.asha, at=MORNING)

    standing = AccountStanding.objects.get()
    assert (standing.carry_minor, standing.total_wh) == (1_99, 100)
    assert balance_of("2000") == -1_99
    again = SaleOrder(order.agreement_id, order.shift_id, (cash(2_01),))
    sell_energy(request_id=new_id(), order=again, actor=scene.asha, at=MORNING)
    standing.refresh_from_db()
    assert (standing.carry_minor, standing.total_wh) == (0, 300)
    assert balance_of("2000") == 0


def test_two_tokens_in_one_minute_differ(scene, order):
    sales = [sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING) for _ in range(3)]

    deliveries = [issue_token(vend_id=sale, actor=scene.asha, at=MORNING) for sale in sales]

    identifiers = [delivery.token_identifier for delivery in deliveries]
    assert identifiers == [identifiers[0], identifiers[0] + 1, identifiers[0] + 2]
    assert len({delivery.token for delivery in deliveries}) == 3


def test_token_identifier_does_not_follow_a_clock_that_steps_back(scene, order):
    first = sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING)
    second = sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING - timedelta(hours=5))

    before, after = (Delivery.objects.get(vend_id=vend).token_identifier for vend in (first, second))
    assert after == before + 1


def test_sale_counts_in_the_month_of_the_utilitys_zone(scene, order):
    # 22:30 in UTC on the last of November is already December in Nairobi.
    late = MORNING.replace(month=11, day=30, hour=22, minute=30)

    sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=late)

    assert AccountStanding.objects.get().months_wh == {"2026-12": 5_000}
    assert Vend.objects.get().calendar_day.isoformat() == "2026-12-01"
    assert Vend.objects.get().business_day.isoformat() == "2026-11-23"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"supply_group_code": ""}, "supply group"),
        ({"key_revision": 2}, "no vending key"),
        ({"base_date": 2035}, "no vending key"),
        ({"key_type": 1}, "default one"),
        ({"key_expiry": 85}, "expired"),
        ({"number": "12345678904"}, "number is wrong"),
        ({"credit_unit": "MONEY"}, "takes energy by keypad"),
        ({"token_carrier": "REMOTE"}, "takes energy by keypad"),
        ({"payment_mode": "POSTPAID"}, "takes energy by keypad"),
    ],
)
def test_nobody_pays_for_a_token_that_cannot_be_made(scene, order, changes, words):
    Meter.objects.update(**changes)

    with pytest.raises(NotSellable, match=words):
        sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING)
    assert not Vend.objects.exists()


def test_who_owes_no_tax_pays_none(scene):
    made = make_tariff(TAXED, "TAXED")
    supplies = [make_supply(scene, number) for number in (1, 2)]
    CustomerAgreement.objects.update(pricing_structure=made.structure)
    Customer.objects.filter(number="C000002").update(is_tax_exempt=True)
    bought = []
    for supply in supplies:
        order = SaleOrder(supply.pk, scene.shift.pk, (cash(116_00),))
        vend = Vend.objects.get(pk=sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING))
        bought.append((vend.energy_wh, vend.taxes_minor))

    # 20.00 a kWh and 16 % on it: 116.00 buy 5 kWh, and 5.8 without the tax.
    assert bought == [(5_000, 16_00), (5_800, 0)]


def test_a_tax_that_the_price_holds_is_taken_out_of_it_for_who_owes_none(scene):
    made = make_tariff(TAXED.replace('percent = "16"', 'percent = "16"\nincluded = true'), "INCL")
    supply = make_supply(scene)
    CustomerAgreement.objects.update(pricing_structure=made.structure)
    Customer.objects.update(is_tax_exempt=True)
    order = SaleOrder(supply.pk, scene.shift.pk, (cash(100_00),))
    vend = Vend.objects.get(pk=sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING))

    assert (vend.energy_wh, vend.taxes_minor) == (5_800, 0)


def test_cash_is_paid_in_coins_that_exist(scene, order):
    UtilitySettings.objects.update(cash_rounding_minor=100)

    with pytest.raises(TenderWrong, match="smallest coin"):
        sell_energy(
            request_id=new_id(),
            order=SaleOrder(order.agreement_id, scene.shift.pk, (cash(99_50),)),
            actor=scene.asha,
            at=MORNING,
        )
    found, _basis = quote_sale(agreement_id=order.agreement_id, shift_id=scene.shift.pk, at=MORNING, energy_wh=1_100)
    assert (found.tender_minor, found.energy_wh) == (22_00, 1_100)
    found, _basis = quote_sale(agreement_id=order.agreement_id, shift_id=scene.shift.pk, at=MORNING, energy_wh=1_130)
    assert (found.tender_minor % 100, found.energy_wh >= 1_130) == (0, True)


def test_a_meter_that_moved_keeps_its_identifiers(scene, order):
    """The clock ran ahead at its first place; at the second, tokens of yesterday would be refused by the meter."""
    ahead = MORNING + timedelta(days=1)
    first = sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=ahead)
    other = make_supply(scene, 2)
    meter = Delivery.objects.get(vend_id=first).meter
    MeterInstallation.objects.filter(meter=meter).update(removed_at=MORNING)
    MeterInstallation.objects.filter(usage_point=other.usage_point).update(meter=meter)
    again = SaleOrder(other.pk, scene.shift.pk, (cash(100_00),))
    second = sell_energy(request_id=new_id(), order=again, actor=scene.asha, at=MORNING)

    identifiers = [Delivery.objects.get(vend_id=vend).token_identifier for vend in (first, second)]
    assert identifiers[1] == identifiers[0] + 1


def test_a_sale_that_waited_over_new_year_does_not_count_in_the_old_one(scene, order):
    """Moments are taken before the lock; the one that waited must not set the window back."""
    new_year = datetime(2026, 12, 31, 21, 0, 30, tzinfo=UTC)
    sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=new_year)
    waited = new_year - timedelta(minutes=1)
    sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=waited)

    standing = AccountStanding.objects.get()
    assert (standing.year_start.isoformat(), standing.year_wh) == ("2027-01-01", 10_000)
    assert standing.months_wh == {"2027-01": 10_000}


def test_a_request_that_was_given_up_never_sells(scene, order):
    request_id = new_id()
    given = {"request_id": request_id, "agreement_id": order.agreement_id, "actor": scene.asha, "at": MORNING}

    assert withdraw_sale(**given) is False
    assert withdraw_sale(**given) is False
    with pytest.raises(RequestWithdrawn, match="Nothing was sold"):
        sell_energy(request_id=request_id, order=order, actor=scene.asha, at=MORNING)
    assert not Vend.objects.exists()


def test_a_request_that_sold_is_not_given_up(scene, order):
    request_id = new_id()
    sell_energy(request_id=request_id, order=order, actor=scene.asha, at=MORNING)

    assert withdraw_sale(request_id=request_id, agreement_id=order.agreement_id, actor=scene.asha, at=MORNING)
    assert not WithdrawnRequest.objects.exists()


def test_the_same_order_in_a_later_shift_is_the_same_purchase(scene, order):
    request_id = new_id()
    sell_energy(request_id=request_id, order=order, actor=scene.asha, at=MORNING)
    later, _cashier = second_till(scene)

    again = SaleOrder(order.agreement_id, later.pk, order.tenders)
    assert sell_energy(request_id=request_id, order=again, actor=scene.asha, at=MORNING) == request_id
    assert Vend.objects.count() == 1


def test_an_algorithm_without_its_tables_is_not_sold(scene, order, settings):
    """No production meter takes tokens of the sample tables; outside of production they may be tried."""
    settings.MODE = "production"
    forget_issuers()
    Meter.objects.update(encryption_algorithm="07")

    with pytest.raises(NotSellable, match="no production tables"):
        sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING)
    assert not Vend.objects.exists()


def test_a_keystore_that_is_locked_sells_nothing(scene, order, settings):
    settings.KEYSTORE_KEY = ""
    forget_issuers()

    with pytest.raises(KeystoreLocked):
        sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING)
    assert not Vend.objects.exists()


def test_a_groups_key_may_end_before_the_meters(scene, order):
    VendingKey.objects.update(key_expiry=85)

    with pytest.raises(NotSellable, match="expiry number is 85"):
        sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING)


@pytest.mark.parametrize(
    ("kind", "bank", "again", "later"),
    [
        ("MOBILE_MONEY", "", " qgh7 x1", timedelta(days=40)),
        ("BANK_CARD", "", "QGH7X1", timedelta(hours=1)),
        ("CHEQUE", "Harbour Bank", "qgh7x1", timedelta(days=40)),
    ],
)
def test_one_payment_buys_once(scene, order, kind, bank, again, later):
    other = make_supply(scene, 2)
    paid = TenderRow(kind, 50_00, 50_00, "QGH7X1", bank)
    first = SaleOrder(order.agreement_id, scene.shift.pk, (paid,))
    sell_energy(request_id=new_id(), order=first, actor=scene.asha, at=MORNING)
    second = SaleOrder(other.pk, scene.shift.pk, (TenderRow(kind, 70_00, 70_00, again, bank.upper()),))

    with pytest.raises(TenderWrong, match="used for receipt T01-00000002"):
        sell_energy(request_id=new_id(), order=second, actor=scene.asha, at=MORNING + later)
    assert Vend.objects.count() == 1


def test_approval_codes_of_a_terminal_come_again_on_another_day(scene, order):
    paid = SaleOrder(order.agreement_id, scene.shift.pk, (TenderRow("BANK_CARD", 50_00, 50_00, "123456"),))
    for day in range(2):
        sell_energy(request_id=new_id(), order=paid, actor=scene.asha, at=MORNING + timedelta(days=day))

    assert Vend.objects.count() == 2


def test_a_payment_that_went_back_may_pay_again(scene, order):
    paid = SaleOrder(order.agreement_id, scene.shift.pk, (TenderRow("MOBILE_MONEY", 50_00, 50_00, "QGH7X1"),))
    first = sell_energy(request_id=new_id(), order=paid, actor=scene.asha, at=MORNING)
    case = ReversalCase(first, scene.shift.pk, "wrong customer")
    reverse_vend(request_id=new_id(), case=case, actor=scene.asha, at=MORNING)

    assert sell_energy(request_id=new_id(), order=paid, actor=scene.asha, at=MORNING)


def test_windows_do_not_open_twice_when_moments_cross(scene, order):
    """Four sales around new year whose clocks differ: what was counted in the new year stays counted."""
    new_year = datetime(2026, 12, 31, 21, 0, 0, tzinfo=UTC)
    for seconds in (30, -30, -15, 90):
        sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=new_year + timedelta(seconds=seconds))

    standing = AccountStanding.objects.get()
    assert (standing.year_start.isoformat(), standing.year_wh) == ("2027-01-01", 20_000)


def test_a_clock_that_was_months_ahead_binds_nobody(scene, order):
    sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING + timedelta(days=90))
    sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING)

    assert AccountStanding.objects.get().months_wh == {"2026-11": 5_000, "2027-02": 5_000}


def test_whose_agreement_it_is_is_asked_before_a_sale_is_given_up(scene, order):
    stranger = actor_for(make_operator("far", "Far", make_unit("BUREAU", "B9", scene.utility)), scene.asha.permissions)

    with pytest.raises(NotAllowed):
        withdraw_sale(request_id=new_id(), agreement_id=order.agreement_id, actor=stranger, at=MORNING)
    assert not WithdrawnRequest.objects.exists()


def test_what_the_database_says_reaches_those_who_listen(scene, order):
    """Errors of the driver would pass every except that names Django's."""
    with pytest.raises(DatabaseError), transaction.atomic():
        run("SELECT no_such_column FROM vending_vend", {}, returns=True)
