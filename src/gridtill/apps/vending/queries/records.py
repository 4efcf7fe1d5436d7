"""Purchase records and the daily balance: conditions, rows and sums."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.staff.models import Operator
from gridtill.apps.vending.choices import DocumentKind, TenderKind
from gridtill.apps.vending.models import CashierShift, SalesDocument, Tender, Till, Vend, VendReversal

_UNIT = "agreement__usage_point__customer__office__path__startswith"


def purchase_records(*, unit_path: str) -> QuerySet[Vend]:
    """Return all purchases of customers within a unit, newest first, ready for a list."""
    return (
        Vend.objects.filter(**{_UNIT: unit_path})
        .select_related(
            "customer__office", "meter", "delivery", "till", "cashier", "tariff_version__structure", "reversal"
        )
        .prefetch_related("tenders")
        .order_by("-at", "-number")
    )


def find_purchases(rows: QuerySet[Vend], text: str) -> QuerySet[Vend]:
    """Narrow purchases by a receipt, customer or meter number, or a way of payment's reference, all exact."""
    return rows.filter(
        Q(number__iexact=text)
        | Q(customer__number__iexact=text)
        | Q(meter__number=text)
        | Q(pk__in=Tender.objects.filter(reference=text).values("vend_id"))
    )


@dataclass(frozen=True, slots=True)
class PurchaseSums:
    """What a set of purchases comes to, in minor units and watt-hours; taken back ones counted apart."""

    count: int
    minor: int
    energy_wh: int
    reversed_count: int
    reversed_minor: int


def purchase_sums(rows: QuerySet[Vend]) -> PurchaseSums:
    """Add up purchases as narrowed; one query."""
    back = Q(state="REVERSED")
    # Rows may carry joins for display, which a sum does not need.
    sums = Vend.objects.filter(pk__in=rows.order_by().values("pk")).aggregate(
        count=Count("id"),
        minor=Sum("total_minor"),
        energy_wh=Sum("energy_wh"),
        reversed_count=Count("id", filter=back),
        reversed_minor=Sum("total_minor", filter=back),
    )
    return PurchaseSums(**{name: value or 0 for name, value in sums.items()})


@dataclass(frozen=True, slots=True)
class Choices:
    """What the conditions of a report offer: id and name."""

    offices: list[tuple[int, str]]
    tills: list[tuple[int, str]]
    cashiers: list[tuple[int, str]]


def report_choices(*, unit_path: str) -> Choices:
    """Return offices, tills and cashiers within a unit; three queries."""
    offices = OrganizationUnit.objects.filter(kind="SUPPLY_OFFICE", path__startswith=unit_path)
    tills = Till.objects.filter(point_of_sale__unit__path__startswith=unit_path)
    cashiers = Operator.objects.filter(
        pk__in=CashierShift.objects.filter(till__point_of_sale__unit__path__startswith=unit_path).values("cashier_id")
    )
    return Choices(
        offices=list(offices.order_by("name").values_list("pk", "name")),
        tills=list(tills.order_by("code").values_list("pk", "name")),
        cashiers=list(cashiers.order_by("full_name").values_list("pk", "full_name")),
    )


@dataclass(frozen=True, slots=True)
class BalanceConditions:
    """What a daily balance is asked for; days inclusive, None is everything."""

    first: date
    last: date
    office_id: int | None = None
    till_id: int | None = None
    cashier_id: int | None = None
    kind: str | None = None

    def of_sales(self, unit_path: str) -> Q:
        """Return the condition on purchases, by the day and till of their shift."""
        found = Q(business_day__range=(self.first, self.last), till__point_of_sale__unit__path__startswith=unit_path)
        if self.office_id:
            found &= Q(customer__office_id=self.office_id)
        if self.till_id:
            found &= Q(till_id=self.till_id)
        if self.cashier_id:
            found &= Q(cashier_id=self.cashier_id)
        if self.kind:
            found &= Q(pk__in=Tender.objects.filter(kind=self.kind).values("vend_id"))
        return found

    def of_reversals(self, unit_path: str) -> Q:
        """Return the condition on purchases taken back, by the day and till of the shift that paid them out."""
        found = Q(business_day__range=(self.first, self.last), till__point_of_sale__unit__path__startswith=unit_path)
        if self.office_id:
            found &= Q(vend__customer__office_id=self.office_id)
        if self.till_id:
            found &= Q(till_id=self.till_id)
        if self.cashier_id:
            found &= Q(shift__cashier_id=self.cashier_id)
        if self.kind:
            found &= Q(vend__in=Vend.objects.filter(tenders__kind=self.kind).values("pk"))
        return found


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """One till and way of payment, in minor units."""

    till_id: int
    till: str
    kind: str
    count: int
    sold_minor: int
    reversed_minor: int

    @property
    def net_minor(self) -> int:
        """Sold less taken back."""
        return self.sold_minor - self.reversed_minor


@dataclass(frozen=True, slots=True)
class SettledAccounts:
    """Accounts that were cancelled: how many, and the cash paid out to them and collected of them."""

    count: int = 0
    out_minor: int = 0
    in_minor: int = 0


@dataclass(frozen=True, slots=True)
class DayBalance:
    """Business days within a unit: rows by till and way of payment, and sums over all purchases."""

    rows: list[BalanceRow]
    sums: dict[str, int]
    reversed_count: int
    reversed_minor: int
    shifts: list[CashierShift]
    settled: SettledAccounts

    @property
    def net_minor(self) -> int:
        """What stays of the money taken."""
        return self.sums["total_minor"] - self.reversed_minor + self.settled.in_minor - self.settled.out_minor


_SUMS = ("total_minor", "energy_wh", "energy_minor", "charges_minor", "taxes_minor", "debt_minor", "carry_minor")


def day_balance(conditions: BalanceConditions, *, unit_path: str) -> DayBalance:
    """Return what the shifts of business days took, live from the index on the day; six queries."""
    sold = Vend.objects.filter(conditions.of_sales(unit_path))
    back = VendReversal.objects.filter(conditions.of_reversals(unit_path))
    sums: dict[str, Any] = sold.aggregate(count=Count("id"), **{name: Sum(name) for name in _SUMS})
    return_sums = back.aggregate(count=Count("id"), total=Sum("vend__total_minor"))
    shifts = CashierShift.objects.filter(
        business_day__range=(conditions.first, conditions.last), till__point_of_sale__unit__path__startswith=unit_path
    ).select_related("till", "cashier")
    if conditions.till_id:
        shifts = shifts.filter(till_id=conditions.till_id)
    if conditions.cashier_id:
        shifts = shifts.filter(cashier_id=conditions.cashier_id)
    return DayBalance(
        rows=_rows(sold, back, conditions.kind),
        sums={name: value or 0 for name, value in sums.items()},
        reversed_count=return_sums["count"],
        reversed_minor=return_sums["total"] or 0,
        shifts=list(shifts.order_by("business_day", "till__code", "number")),
        settled=_settled(conditions, shifts),
    )


def _settled(conditions: BalanceConditions, shifts: QuerySet[CashierShift]) -> SettledAccounts:
    """Settlements move cash alone, and belong to the shift that paid them; an office has none of its own."""
    if conditions.office_id or conditions.kind not in {None, "", TenderKind.CASH}:
        return SettledAccounts()
    documents = SalesDocument.objects.filter(kind=DocumentKind.SETTLEMENT, shift__in=shifts.order_by().values("pk"))
    dues = [int(json.loads(payload)["due_minor"]) for payload in documents.values_list("payload", flat=True)]
    return SettledAccounts(len(dues), sum(due for due in dues if due > 0), -sum(due for due in dues if due < 0))


def _rows(sold: QuerySet[Vend], back: QuerySet[VendReversal], kind: str | None) -> list[BalanceRow]:
    came, gone = _by_till(sold, "tenders", kind), _by_till(back, "vend__tenders", kind)
    # A purchase may be taken back at a till that sold nothing that day; its row must not be lost.
    return [
        BalanceRow(*key, *came.get(key, (0, 0)), gone.get(key, (0, 0))[1])
        for key in sorted(came.keys() | gone.keys(), key=lambda item: item[1:])
    ]


def _by_till(rows: Any, tenders: str, kind: str | None) -> dict[tuple[int, str, str], tuple[int, int]]:
    # From the day's rows to their tenders: the other way round, PostgreSQL reads all tenders there are.
    wanted = rows.filter(**{f"{tenders}__kind": kind} if kind else {f"{tenders}__isnull": False})
    found = wanted.values_list("till_id", "till__name", f"{tenders}__kind").annotate(
        n=Count(f"{tenders}__id"), money=Sum(f"{tenders}__amount_minor")
    )
    return {(pk, name, way): (n, money) for pk, name, way, n, money in found}
