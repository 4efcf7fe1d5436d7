"""Reading tills and shifts."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.vending.models import BankingBatch, CashierShift, DayClose, PointOfSale, ShiftTender, Till


def free_tills(*, unit_path: str) -> QuerySet[Till]:
    """Return tills within a unit that nobody has open."""
    busy = CashierShift.objects.filter(state="OPEN").values("till_id")
    return (
        Till.objects.filter(
            is_active=True, point_of_sale__is_active=True, point_of_sale__unit__path__startswith=unit_path
        )
        .exclude(pk__in=busy)
        .select_related("point_of_sale")
        .order_by("code")
    )


def counted_shifts(*, unit_path: str) -> QuerySet[CashierShift]:
    """Return shifts within a unit that wait for a signature, oldest first."""
    return (
        CashierShift.objects.filter(state="COUNTED", till__point_of_sale__unit__path__startswith=unit_path)
        .select_related("till__point_of_sale", "cashier", "counted_by")
        .order_by("counted_at")
    )


def open_shifts(*, unit_path: str) -> QuerySet[CashierShift]:
    """Return shifts within a unit that are being sold in, oldest first."""
    return (
        CashierShift.objects.filter(state="OPEN", till__point_of_sale__unit__path__startswith=unit_path)
        .select_related("till__point_of_sale", "cashier")
        .order_by("opened_at")
    )


def tenders_of(shift_id: int) -> QuerySet[ShiftTender]:
    """Return a shift's running totals by way of payment."""
    return ShiftTender.objects.filter(shift_id=shift_id).order_by("kind")


def day_closes(*, unit_path: str) -> QuerySet[DayClose]:
    """Return the closed days of bureaus within a unit, or of the bureau it lies in, newest first."""
    ids = [int(part) for part in unit_path.strip("/").split("/") if part]
    return (
        (DayClose.objects.filter(bureau__path__startswith=unit_path) | DayClose.objects.filter(bureau_id__in=ids))
        .select_related("bureau", "closed_by")
        .order_by("-business_day")
    )


def bureaus(*, unit_path: str) -> QuerySet[OrganizationUnit]:
    """Return the bureaus within a unit, for closing their days."""
    return OrganizationUnit.objects.filter(kind="BUREAU", path__startswith=unit_path).order_by("code")


def closed_day(close_id: UUID, *, unit_path: str) -> DayClose:
    """
    Return one closed day within a unit, or of the bureau it lies in.

    :raises DayClose.DoesNotExist: if there is none there
    """
    return day_closes(unit_path=unit_path).get(pk=close_id)


def bankable_shifts(*, unit_path: str) -> QuerySet[CashierShift]:
    """Return signed shifts within a unit whose takings nobody has banked, by hall, oldest first."""
    return (
        CashierShift.objects.filter(
            state="CLOSED", banking_batch=None, till__point_of_sale__unit__path__startswith=unit_path
        )
        .select_related("till__point_of_sale", "cashier")
        .prefetch_related("movements", "tenders")
        .order_by("till__point_of_sale__name", "closed_at")
    )


def banking_batches(*, unit_path: str) -> QuerySet[BankingBatch]:
    """Return batches of halls within a unit, newest first."""
    return (
        BankingBatch.objects.filter(point_of_sale__unit__path__startswith=unit_path)
        .select_related("point_of_sale", "created_by", "arrived_by")
        .order_by("-created_at")
    )


def halls_within(unit_path: str) -> QuerySet[PointOfSale]:
    """Return business halls of a unit and all below it, each with its tills, by code; two queries."""
    tills = Till.objects.order_by("code")
    return (
        PointOfSale.objects.filter(unit__path__startswith=unit_path)
        .select_related("unit")
        .prefetch_related(Prefetch("tills", queryset=tills))
        .order_by("code")
    )


def tills_within(unit_path: str) -> QuerySet[Till]:
    """Return tills of halls within a unit, whether in use or not."""
    return Till.objects.filter(point_of_sale__unit__path__startswith=unit_path).select_related("point_of_sale__unit")
