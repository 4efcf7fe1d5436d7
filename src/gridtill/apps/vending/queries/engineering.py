"""Engineering tokens as lists, batches and open questions."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from gridtill.apps.customers.queries import meters_within
from gridtill.apps.vending.choices import EngineeringKind, EngineeringState
from gridtill.apps.vending.models import Delivery, EngineeringToken

TO_MAKE = (EngineeringState.APPROVED, EngineeringState.FAILED, EngineeringState.DISPATCHED, EngineeringState.UNKNOWN)


def engineering_tokens(*, unit_path: str) -> QuerySet[EngineeringToken]:
    """Return the engineering tokens of meters that a unit keeps, the latest first."""
    return (
        EngineeringToken.objects.filter(meter__in=meters_within(unit_path))
        .select_related("meter", "requested_by", "decided_by", "vend")
        .order_by("-requested_at", "meter__number")
    )


def find_engineering_tokens(rows: QuerySet[EngineeringToken], text: str) -> QuerySet[EngineeringToken]:
    """Narrow engineering tokens to those of a meter, or whose reason has a text in it."""
    return rows.filter(Q(meter__number__startswith="".join(text.split())) | Q(reason__icontains=text))


def batch_of(batch_id: UUID, *, unit_path: str) -> list[EngineeringToken]:
    """Return what was asked for in one act, in the order of meter numbers; empty if none of it is within the unit."""
    return list(engineering_tokens(unit_path=unit_path).filter(batch=batch_id).order_by("meter__number"))


def to_make(rows: list[EngineeringToken]) -> list[EngineeringToken]:
    """Return those of a batch that have no token yet and may have one made now."""
    return [row for row in rows if row.state in TO_MAKE and row.vend_id is None]


def waiting_approvals(*, unit_path: str) -> int:
    """Count the acts that wait for a second person."""
    rows = EngineeringToken.objects.filter(state=EngineeringState.REQUESTED, meter__in=meters_within(unit_path))
    return rows.values("batch").distinct().count()


def unused_purchases(rows: list[EngineeringToken]) -> set[int]:
    """
    Return the meters whose last token was sold before their key change was made, and may not be keyed in yet.

    Once the new key is in, such a token is lost; one query.
    """
    changes = [row for row in rows if row.kind == EngineeringKind.KEY_CHANGE and row.vend_id is None]
    if not changes:
        return set()
    since = min(row.requested_at for row in changes)
    meters = [row.meter_id for row in changes]
    sold = Delivery.objects.filter(meter__in=meters, state="ISSUED", vend__at__gte=since).values_list(
        "meter", flat=True
    )
    return set(sold)
