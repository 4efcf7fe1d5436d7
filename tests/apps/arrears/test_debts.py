from dataclasses import replace
from functools import partial

import pytest

from gridtill.apps.arrears import queries
from gridtill.apps.arrears.choices import DebtKind, DebtStatus, RecoveryMode
from gridtill.apps.arrears.models import AuxiliaryAgreement
from gridtill.apps.arrears.operations import (
    DebtChanged,
    DebtTerms,
    add_debt,
    change_terms,
    give_back,
    offset_debts,
    set_frozen,
)
from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.ledger.queries import balance_of, is_balanced
from gridtill.apps.vending.operations.reverse import ReversalCase, reverse_vend
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.queries.recoveries import recoveries_of
from gridtill.kernel.actors import NotAllowed
from gridtill.kernel.errors import InvalidValue
from gridtill.kernel.ids import new_id
from tests.factories.scene import MORNING, make_scene, make_supply, make_unit

pytestmark = [pytest.mark.db, pytest.mark.django_db]
SHARE = DebtTerms(DebtKind.CONNECTION, "Connection fee", RecoveryMode.PERCENT, percent_bp=3_000)
FIXED = DebtTerms(DebtKind.LEGACY, "Bills of 2024", RecoveryMode.FIXED, fixed_minor=40_00, priority=5)


@pytest.fixture
def scene():
    return make_scene()


@pytest.fixture
def supply(scene):
    return make_supply(scene)


@pytest.fixture
def add(scene, supply):
    return partial(add_debt, account_id=supply.account_id, actor=scene.bram, at=MORNING)


def sell(scene, supply, minor=100_00):
    order = SaleOrder(supply.pk, scene.shift.pk, (TenderRow("CASH", minor, minor),))
    return sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=MORNING)


def test_debt_is_kept_and_booked_as_receivable(scene, supply, add):
    debt = add(principal_minor=500_00, terms=replace(SHARE, description="  Connection fee ", fixed_minor=7))

    assert (debt.description, debt.percent_bp, debt.fixed_minor) == ("Connection fee", 3_000, 0)
    assert (debt.remaining_minor, debt.status) == (500_00, DebtStatus.OPEN)
    assert (balance_of("1400"), balance_of("4950")) == (500_00, -500_00)
    assert is_balanced()
    record = AuditRecord.objects.get(action="arrears.debt.added")
    assert (record.unit_path, record.after["principal_minor"]) == (scene.office.path, "50000")
    assert str(debt) == "Connection fee 50000/50000"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"description": "  "}, "description"),
        ({"description": "x" * 121}, "description"),
        ({"percent_bp": 0}, "percent"),
        ({"percent_bp": 9_001}, "percent"),
        ({"mode": RecoveryMode.FIXED, "fixed_minor": 0}, "fixed"),
        ({"mode": RecoveryMode.FIXED, "fixed_minor": 10**13 + 1}, "fixed"),
        ({"priority": -1}, "priority"),
        ({"priority": 100}, "priority"),
    ],
)
def test_terms_that_cannot_be_are_refused_beside_their_field(add, change, field):
    with pytest.raises(InvalidValue) as refused:
        add(principal_minor=500_00, terms=replace(SHARE, **change))

    assert refused.value.field == field
    assert not AuxiliaryAgreement.objects.exists()
    assert balance_of("1400") == 0


@pytest.mark.parametrize("principal", [0, -1, 10**13 + 1])
def test_debt_of_nothing_or_of_too_much_is_refused(add, principal):
    with pytest.raises(InvalidValue) as refused:
        add(principal_minor=principal, terms=SHARE)

    assert refused.value.field == "principal"


def test_pressing_twice_sets_up_one_debt(scene, add):
    request_id = new_id()

    debts = {add(principal_minor=50_00, terms=SHARE, request_id=request_id).pk for _press in range(2)}

    assert (len(debts), balance_of("1400")) == (1, 50_00)
    with pytest.raises(InvalidValue, match="other contents"):
        add(principal_minor=60_00, terms=SHARE, request_id=request_id)


def test_request_of_something_else_is_no_debt(scene, supply, add):
    vend_id = sell(scene, supply)

    with pytest.raises(InvalidValue, match="other contents"):
        add(principal_minor=50_00, terms=SHARE, request_id=vend_id)


def test_closed_account_takes_no_debt(supply, add):
    supply.account.closed_at = MORNING
    supply.account.save()

    with pytest.raises(InvalidValue, match="closed"):
        add(principal_minor=500_00, terms=SHARE)


def test_debts_need_the_right_in_the_unit(scene, add):
    elsewhere = make_unit("BUREAU", "B9", scene.utility)
    opener = replace(scene.bram, permissions=frozenset({"account.open"}))

    for actor in (scene.asha, opener, replace(scene.bram, unit_path=elsewhere.path)):
        with pytest.raises(NotAllowed):
            add(principal_minor=500_00, terms=SHARE, actor=actor)
    preload = add(principal_minor=500_00, terms=replace(SHARE, kind=DebtKind.PRELOAD), actor=opener)
    assert preload.kind == "PRELOAD"
    with pytest.raises(NotAllowed):
        set_frozen(debt_id=preload.pk, frozen=True, actor=opener, at=MORNING)


def test_purchases_recover_debts_by_priority_and_their_history_is_read(scene, supply, add):
    share, fixed = add(principal_minor=50_00, terms=SHARE), add(principal_minor=60_00, terms=FIXED)

    first, second = sell(scene, supply), sell(scene, supply)

    share.refresh_from_db()
    fixed.refresh_from_db()
    assert (fixed.remaining_minor, fixed.status) == (0, DebtStatus.PAID)
    assert (share.remaining_minor, share.status) == (0, DebtStatus.PAID)
    found = [recoveries_of(debt.pk, account_id=supply.account_id) for debt in (share, fixed)]
    assert [[(row.vend_id, row.taken_minor) for row in rows] for rows in found] == [
        [(second, 20_00), (first, 30_00)],
        [(second, 20_00), (first, 40_00)],
    ]
    assert not any(row.given_back for rows in found for row in rows)
    assert balance_of("1400") == 0


def test_reversed_purchase_gives_back_and_says_so(scene, supply, add):
    debt = add(principal_minor=30_00, terms=SHARE)
    vend = sell(scene, supply)
    assert AuxiliaryAgreement.objects.get().status == DebtStatus.PAID

    case = ReversalCase(vend, scene.shift.pk, "Wrong customer")
    reverse_vend(
        request_id=new_id(), case=case, actor=replace(scene.asha, permissions=scene.bram.permissions), at=MORNING
    )

    debt.refresh_from_db()
    assert (debt.remaining_minor, debt.status) == (30_00, DebtStatus.OPEN)
    (row,) = recoveries_of(debt.pk, account_id=supply.account_id)
    assert (row.taken_minor, row.given_back) == (30_00, True)


def test_give_back_raises_each_debt_and_records_it(scene, add):
    paid, frozen = add(principal_minor=50_00, terms=SHARE), add(principal_minor=60_00, terms=FIXED)
    AuxiliaryAgreement.objects.filter(pk=paid.pk).update(remaining_minor=0, status=DebtStatus.PAID)
    AuxiliaryAgreement.objects.filter(pk=frozen.pk).update(remaining_minor=10_00, status=DebtStatus.FROZEN)

    give_back(taken={frozen.pk: 5_00, paid.pk: 50_00}, actor=scene.bram, at=MORNING)

    paid.refresh_from_db()
    frozen.refresh_from_db()
    assert (paid.remaining_minor, paid.status, paid.version) == (50_00, DebtStatus.OPEN, 1)
    assert (frozen.remaining_minor, frozen.status) == (15_00, DebtStatus.FROZEN)
    records = AuditRecord.objects.filter(action="arrears.debt.given_back").order_by("id")
    assert [record.after["given_back_minor"] for record in records] == [50_00, 5_00]


def test_settlement_pays_open_debts_only(scene, supply, add):
    add(principal_minor=50_00, terms=SHARE)
    add(principal_minor=60_00, terms=FIXED)
    frozen = add(principal_minor=70_00, terms=FIXED)
    set_frozen(debt_id=frozen.pk, frozen=True, actor=scene.bram, at=MORNING)
    assert queries.remaining_of(supply.account_id) == 110_00

    assert offset_debts(account_id=supply.account_id, actor=scene.bram, at=MORNING) == 110_00

    assert [(debt.remaining_minor, debt.status) for debt in queries.debts_of(supply.account_id)] == [
        (0, "PAID"),
        (70_00, "FROZEN"),
        (0, "PAID"),
    ]
    assert queries.remaining_of(supply.account_id) == 0
    assert AuditRecord.objects.filter(action="arrears.debt.settled").count() == 2


def test_frozen_debt_is_left_alone_until_it_is_resumed(scene, supply, add):
    debt = add(principal_minor=50_00, terms=SHARE)

    set_frozen(debt_id=debt.pk, frozen=True, actor=scene.bram, at=MORNING)
    sell(scene, supply)
    debt.refresh_from_db()
    assert (debt.remaining_minor, debt.status, debt.version) == (50_00, DebtStatus.FROZEN, 1)

    set_frozen(debt_id=debt.pk, frozen=False, actor=scene.bram, at=MORNING)
    sell(scene, supply)
    debt.refresh_from_db()
    assert (debt.remaining_minor, debt.status) == (20_00, DebtStatus.OPEN)
    actions = AuditRecord.objects.filter(action__startswith="arrears.debt").order_by("id")
    assert [record.action.rpartition(".")[2] for record in actions[:3]] == ["added", "frozen", "resumed"]


def test_terms_are_changed_for_the_next_purchase(scene, supply, add):
    debt = add(principal_minor=100_00, terms=SHARE)

    change_terms(debt_id=debt.pk, version=0, terms=replace(FIXED, percent_bp=7), actor=scene.bram, at=MORNING)
    sell(scene, supply)

    debt.refresh_from_db()
    assert (debt.kind, debt.description, debt.priority) == ("CONNECTION", "Bills of 2024", 5)
    assert (debt.mode, debt.percent_bp, debt.fixed_minor, debt.remaining_minor) == ("FIXED", 0, 40_00, 60_00)
    record = AuditRecord.objects.get(action="arrears.debt.modified")
    assert (record.before["mode"], record.after["mode"]) == ("PERCENT", "FIXED")


def test_terms_go_back_to_a_share(scene, add):
    debt = add(principal_minor=100_00, terms=FIXED)

    changed = change_terms(debt_id=debt.pk, version=0, terms=SHARE, actor=scene.bram, at=MORNING)

    assert (changed.mode, changed.percent_bp, changed.fixed_minor) == ("PERCENT", 3_000, 0)


def test_terms_of_a_debt_that_a_purchase_changed_are_looked_at_again(scene, supply, add):
    debt = add(principal_minor=100_00, terms=SHARE)
    sell(scene, supply)

    with pytest.raises(DebtChanged):
        change_terms(debt_id=debt.pk, version=0, terms=FIXED, actor=scene.bram, at=MORNING)
    debt.refresh_from_db()
    assert debt.mode == "PERCENT"


def test_terms_need_the_right_sense_and_a_debt_that_remains(scene, add):
    debt = add(principal_minor=100_00, terms=SHARE)

    with pytest.raises(NotAllowed):
        change_terms(debt_id=debt.pk, version=0, terms=FIXED, actor=scene.asha, at=MORNING)
    with pytest.raises(InvalidValue, match="between"):
        change_terms(debt_id=debt.pk, version=0, terms=replace(SHARE, percent_bp=0), actor=scene.bram, at=MORNING)
    AuxiliaryAgreement.objects.filter(pk=debt.pk).update(remaining_minor=0, status=DebtStatus.PAID)
    with pytest.raises(InvalidValue, match="paid already"):
        change_terms(debt_id=debt.pk, version=0, terms=FIXED, actor=scene.bram, at=MORNING)


def test_freezing_twice_is_recorded_once(scene, add):
    debt = add(principal_minor=50_00, terms=SHARE)

    for _press in range(2):
        assert set_frozen(debt_id=debt.pk, frozen=True, actor=scene.bram, at=MORNING).version == 1

    assert AuditRecord.objects.filter(action="arrears.debt.frozen").count() == 1


def test_paid_debt_is_not_frozen(scene, add):
    debt = add(principal_minor=50_00, terms=SHARE)
    AuxiliaryAgreement.objects.filter(pk=debt.pk).update(remaining_minor=0, status=DebtStatus.PAID)

    with pytest.raises(InvalidValue, match="paid already"):
        set_frozen(debt_id=debt.pk, frozen=True, actor=scene.bram, at=MORNING)


def test_debts_are_found_within_a_unit_by_customer_account_and_meter(scene, supply, add):
    debt = add(principal_minor=50_00, terms=SHARE)
    rows = queries.debts_within(scene.bureau.path)
    meter = supply.usage_point.installations.get().meter.number

    for text in (supply.account.customer.number.lower(), supply.account.number, "custo", meter):
        assert list(queries.find_debts(rows, text)) == [debt]
    assert list(queries.find_debts(rows, "37")) == []
    assert list(queries.debts_within(make_unit("BUREAU", "B9", scene.utility).path)) == []
    assert rows.get().recovered_minor == 0
    assert (queries.total_remaining(rows), queries.total_remaining(rows.none())) == (50_00, 0)


def test_accounts_are_called_by_number_within_a_unit(scene, supply):
    meter = supply.usage_point.installations.get().meter.number

    for text in (supply.account.customer.number, supply.account.number, meter):
        assert queries.accounts_called(text, scene.office.path) == [supply.account]
    assert queries.accounts_called("Customer 1", scene.office.path) == []
    assert queries.accounts_called(meter, make_unit("BUREAU", "B9", scene.utility).path) == []
