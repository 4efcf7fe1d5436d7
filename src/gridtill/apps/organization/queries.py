"""Reading the company tree and the utility's settings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, QuerySet

from gridtill.apps.organization.choices import UnitKind
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
    cash_rounding_minor: int
    receipt_header: str
    receipt_footer: str
    public_url: str
    receipt_secret: str
    is_demo: bool
    version: int


_FIELDS = tuple(field.name for field in fields(Settings))
_ELSEWHERE = {"utility_name": "u.name", "zone": "s.time_zone"}
# Plain, since it runs with every request: the ORM takes several times as long to build the same query.
_SETTINGS = (
    f"SELECT {', '.join(_ELSEWHERE.get(name, f's.{name}') for name in _FIELDS)}"  # noqa: S608
    " FROM organization_utilitysettings s JOIN organization_organizationunit u ON u.id = s.utility_id"
)


def utility_settings() -> Settings:
    """
    Return the utility's settings; one query.

    :raises UtilitySettings.DoesNotExist: before ``gridtill init``
    """
    with connection.cursor() as cursor:
        cursor.execute(_SETTINGS)
        row = cursor.fetchone()
    if row is None:
        raise UtilitySettings.DoesNotExist
    found: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    found["zone"], found["is_demo"] = ZoneInfo(found["zone"]), bool(found["is_demo"])
    return Settings(**found)


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


def widest_bound() -> str:
    """
    Return the path that one has to reach to change what holds for the whole utility: prices and keys.

    It is the utility's; where there is one bureau only, that bureau is the whole utility too.
    Before a utility was set up it is empty. One query.
    """
    rows = OrganizationUnit.objects.filter(kind__in=[UnitKind.UTILITY, UnitKind.BUREAU]).order_by("path")
    paths = list(rows.values_list("path", flat=True)[:3])
    if not paths:
        return ""
    return str(paths[1] if len(paths) == 2 else paths[0])
