"""The figures of the desktop, bounded to a unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Q, Sum

from gridtill.apps.vending.models import CashierShift, Delivery, ReversalRequest, Vend
from gridtill.apps.vending.queries.engineering import waiting_approvals


@dataclass(frozen=True, slots=True)
class DaySales:
    """What was sold and not taken back on one calendar day, in minor units and watt-hours."""

    day: date
    count: int
    minor: int
    energy_wh: int


def daily_sales(unit_path: str, first: date, last: date) -> list[DaySales]:
    """Return one entry a calendar day from first to last, days without sales included; one query."""
    rows = {
        row["calendar_day"]: row
        for row in Vend.objects.filter(
            calendar_day__range=(first, last),
            state="SOLD",
            agreement__usage_point__customer__office__path__startswith=unit_path,
        )
        .values("calendar_day")
        .annotate(n=Count("id"), money=Sum("total_minor"), energy=Sum("energy_wh"))
    }
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    empty = {"n": 0, "money": 0, "energy": 0}
    return [
        DaySales(day, found["n"], found["money"], found["energy"]) for day in days for found in (rows.get(day, empty),)
    ]


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """How many things wait for somebody, within a unit."""

    undelivered: int
    unknown: int
    unsigned_shifts: int
    waiting_reversals: int
    waiting_engineering: int


def alert_counts(unit_path: str, *, with_engineering: bool = True) -> AlertCounts:
    """Count what waits within a unit; three queries, four for those who agree to engineering tokens."""
    deliveries = Delivery.objects.filter(
        vend__agreement__usage_point__customer__office__path__startswith=unit_path
    ).aggregate(
        undelivered=Count("id", filter=Q(state__in=["PENDING", "FAILED"])),
        unknown=Count("id", filter=Q(state__in=["UNKNOWN", "DISPATCHED"])),
    )
    return AlertCounts(
        undelivered=deliveries["undelivered"],
        unknown=deliveries["unknown"],
        unsigned_shifts=CashierShift.objects.filter(
            state="COUNTED", till__point_of_sale__unit__path__startswith=unit_path
        ).count(),
        waiting_reversals=ReversalRequest.objects.filter(
            state="REQUESTED", vend__agreement__usage_point__customer__office__path__startswith=unit_path
        ).count(),
        waiting_engineering=waiting_approvals(unit_path=unit_path) if with_engineering else 0,
    )
