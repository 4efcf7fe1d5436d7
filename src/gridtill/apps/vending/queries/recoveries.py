"""Reading what purchases have taken towards a debt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridtill.apps.vending.choices import VendState
from gridtill.apps.vending.models import SalesDocument, Vend

LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class DebtRecovery:
    """What one purchase took towards a debt, in minor units; ``given_back`` when it was reversed."""

    vend_id: UUID
    number: str
    at: datetime
    total_minor: int
    taken_minor: int
    given_back: bool


def recoveries_of(debt_id: int, *, account_id: int) -> list[DebtRecovery]:
    """Return what the latest purchases of an account took towards one of its debts, newest first; two queries."""
    vends = list(
        Vend.objects.filter(agreement__account_id=account_id, debt_minor__gt=0).order_by("-at", "-sequence")[:LOOKED_AT]
    )
    numbers = [vend.number for vend in vends]
    payloads = dict(SalesDocument.objects.filter(number__in=numbers).values_list("number", "payload"))
    found = [(vend, _taken(payloads[vend.number], f"debt.{debt_id}")) for vend in vends]
    return [
        DebtRecovery(vend.pk, vend.number, vend.at, vend.total_minor, taken, vend.state == VendState.REVERSED)
        for vend, taken in found
        if taken
    ]


def _taken(payload: str, code: str) -> int:
    lines = json.loads(payload)["lines"]
    return sum(line["amount_minor"] for line in lines if line["kind"] == "DEBT" and line["code"] == code)
