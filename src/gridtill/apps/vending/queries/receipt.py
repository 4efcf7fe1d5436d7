"""What anybody who holds a receipt may know about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from gridtill.apps.vending.choices import DocumentKind, VendState
from gridtill.apps.vending.models import SalesDocument, Vend


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """A receipt as its check page shows it; no name, no address, no token, four digits of the meter."""

    number: str
    at: datetime
    currency: str
    total_minor: int
    energy_wh: int
    meter_end: str
    is_reversed: bool


def checked_receipt(document_id: int) -> CheckedReceipt | None:
    """Return what a purchase's receipt says about itself, or nothing if there is none; two queries."""
    document = SalesDocument.objects.filter(pk=document_id, kind=DocumentKind.VEND).first()
    if document is None:
        return None
    payload = json.loads(document.payload)
    return CheckedReceipt(
        number=document.number,
        at=document.at.astimezone(ZoneInfo(payload["zone"])),
        currency=payload["currency"],
        total_minor=payload["total_minor"],
        energy_wh=payload["energy_wh"],
        meter_end=str(payload["meter"]["drn"])[-4:],
        is_reversed=Vend.objects.filter(number=document.number, state=VendState.REVERSED).exists(),
    )
