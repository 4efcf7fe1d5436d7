"""Accounts to be opened or cancelled, and what a cancelled one came to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from gridtill.apps.customers.models import CustomerAgreement, MeterInstallation
from gridtill.apps.vending.choices import DocumentKind
from gridtill.apps.vending.models import SalesDocument, Vend

_UNIT = "usage_point__customer__office__path__startswith"


def agreements_within(*, unit_path: str) -> QuerySet[CustomerAgreement]:
    """Return agreements of customers within a unit, those that wait to be opened first."""
    return (
        CustomerAgreement.objects.filter(**{_UNIT: unit_path})
        .select_related("usage_point__customer__office", "account", "pricing_structure")
        .prefetch_related("usage_point__installations__meter")
        .order_by("-status", "-id")
    )


def find_agreements(rows: QuerySet[CustomerAgreement], text: str) -> QuerySet[CustomerAgreement]:
    """Narrow agreements by customer number, meter number, telephone, or the beginning of a name."""
    meters = MeterInstallation.objects.filter(meter__number=text, removed_at=None).values("usage_point_id")
    return rows.filter(
        Q(usage_point__customer__number__iexact=text)
        | Q(usage_point__customer__name__istartswith=text)
        | Q(usage_point__customer__phone=text)
        | Q(usage_point_id__in=meters)
    )


def current_meter_number(agreement: CustomerAgreement) -> str:
    """Return the number of the meter at an agreement's metering point, empty if there is none."""
    current = [item for item in agreement.usage_point.installations.all() if item.removed_at is None]
    return current[0].meter.number if current else ""


def agreement_exists(agreement_id: int) -> bool:
    """Tell whether there is an agreement of a number."""
    return CustomerAgreement.objects.filter(pk=agreement_id).exists()


def sold_before(request_id: UUID, digest: str) -> bool:
    """Tell whether a request has become the purchase that was asked for."""
    return Vend.objects.filter(pk=request_id, content_digest=digest).exists()


def settlement_number(request_id: UUID) -> str | None:
    """Return the number of the settlement that a request made, None if it made none."""
    found = SalesDocument.objects.filter(subject_id=request_id, kind=DocumentKind.SETTLEMENT)
    return found.values_list("number", flat=True).first()


@dataclass(frozen=True, slots=True)
class SettlementDocument:
    """A settlement as it was written; ``content`` is the payload, read."""

    document: SalesDocument
    content: dict[str, Any]


def settlement(request_id: UUID, *, unit_path: str) -> SettlementDocument:
    """
    Return the settlement that a request made, if its till stands within a unit.

    :raises SalesDocument.DoesNotExist: if there is none there
    """
    document = SalesDocument.objects.select_related("till__point_of_sale").get(
        subject_id=request_id, kind=DocumentKind.SETTLEMENT, till__point_of_sale__unit__path__startswith=unit_path
    )
    return SettlementDocument(document, json.loads(document.payload))
