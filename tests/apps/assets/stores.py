"""A bureau with two offices that keep stores, and clerks who reach them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from gridtill.apps.organization.models import OrganizationUnit
from gridtill.kernel.actors import Actor
from gridtill.sts.luhn import check_digit

AT = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
RIGHTS = frozenset({"assets.view", "assets.edit", "assets.import"})


@dataclass
class Stores:
    bureau: OrganizationUnit
    office: OrganizationUnit
    other: OrganizationUnit


def make_unit(code: str, kind: str, parent: OrganizationUnit | None) -> OrganizationUnit:
    unit = OrganizationUnit.objects.create(
        kind=kind, code=code, name=code, parent=parent, path=f"new-{code}", supply_group_code="201457"
    )
    unit.path = f"{parent.path if parent else ''}{unit.pk}/"
    unit.save()
    return unit


def make_stores() -> Stores:
    utility = make_unit("U", "UTILITY", None)
    bureau = make_unit("B1", "BUREAU", utility)
    return Stores(bureau, make_unit("S1", "SUPPLY_OFFICE", bureau), make_unit("S2", "SUPPLY_OFFICE", bureau))


def clerk_of(unit: OrganizationUnit) -> Actor:
    return Actor(id=7, name="Clerk", unit_path=unit.path, permissions=RIGHTS)


def meter_fields(serial: int) -> dict[str, object]:
    body = f"37{serial:08d}"
    return {"asset_number": f"M{serial:05d}", "number": body + check_digit(body)}


GOOD = meter_fields(1)
