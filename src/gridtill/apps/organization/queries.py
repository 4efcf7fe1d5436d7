"""Reading the company tree and the utility's settings."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import Count, QuerySet

from gridtill.apps.organization.models import OrganizationUnit, UtilitySettings


@dataclass(frozen=True, slots=True)
class Settings:
    """What the utility decided for itself; ``*_minor`` in minor units of ``currency``."""

    utility_id: int
    utility_name: str
    currency: str
    zone: ZoneInfo
    language: str
    sale_maximum_minor: int
    reversal_approval_minor: int
    refund_price_basis: str
    cash_rounding_minor: int
    receipt_header: str
    receipt_footer: str
    public_url: str
    receipt_secret: str
    is_demo: bool
    version: int


def utility_settings() -> Settings:
    """
    Return the utility's settings; one query.

    :raises UtilitySettings.DoesNotExist: before ``gridtill init``
    """
    row = UtilitySettings.objects.select_related("utility").get()
    return Settings(
        utility_id=row.utility_id,
        utility_name=row.utility.name,
        currency=row.currency,
        zone=ZoneInfo(row.time_zone),
        language=row.language,
        sale_maximum_minor=row.sale_maximum_minor,
        reversal_approval_minor=row.reversal_approval_minor,
        refund_price_basis=row.refund_price_basis,
        cash_rounding_minor=row.cash_rounding_minor,
        receipt_header=row.receipt_header,
        receipt_footer=row.receipt_footer,
        public_url=row.public_url,
        receipt_secret=row.receipt_secret,
        is_demo=row.is_demo,
        version=row.version,
    )


def offices_with_counts(unit_path: str) -> QuerySet[OrganizationUnit]:
    """Return units within a unit, from the top, each with its ``customer_count``."""
    return (
        OrganizationUnit.objects.filter(path__startswith=unit_path)
        .annotate(customer_count=Count("customers"))
        .order_by("path")
    )


def unit_and_above(unit: OrganizationUnit) -> list[OrganizationUnit]:
    """Return a unit's ancestors from the top, itself last; one query."""
    ids = [int(part) for part in unit.path.strip("/").split("/")]
    found = {row.pk: row for row in OrganizationUnit.objects.filter(pk__in=ids)}
    return [found[pk] for pk in ids]
