"""What stands on a receipt, before anybody decides how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gridtill.apps.vending.choices import TenderKind


@dataclass(frozen=True, slots=True)
class Face:
    """
    What a receipt shows beyond the sale's own document.

    ``copy`` is 0 for the original; ``tokens`` are empty when the digits must not be shown, and more
    than one where one cannot carry the energy; ``first_tokens`` are a key change to be keyed in
    before; ``check_url`` is where the code leads, empty for no code.
    """

    utility_name: str
    header: str = ""
    footer: str = ""
    tokens: tuple[str, ...] = ()
    first_tokens: tuple[str, ...] = ()
    copy: int = 0
    is_reversed: bool = False
    check_url: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A step from money to energy; ``quantity_wh`` and ``rate`` are set where energy was counted."""

    label: str
    amount_minor: int
    quantity_wh: int | None = None
    rate: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiptDebt:
    """What was owed before a purchase and after it, in minor units."""

    label: str
    before_minor: int
    after_minor: int


@dataclass(frozen=True, slots=True)
class ReceiptTender:
    """A way that was paid in; ``reference`` is a mobile money or cheque number."""

    name: str
    amount_minor: int
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptMeter:
    """The meter as its key knows it, so that a wrong token can be traced."""

    number: str
    supply_group_code: str
    key_revision: str
    tariff_index: str


@dataclass(frozen=True, slots=True)
class ReceiptDocument:
    """A receipt with every word and number on it; ``at`` is local to the utility."""

    face: Face
    number: str
    at: datetime
    office: str
    till: str
    cashier: str
    customer_name: str
    customer_number: str
    meter: ReceiptMeter
    tariff: str
    currency: str
    total_minor: int
    change_minor: int
    energy_wh: int
    lines: tuple[ReceiptLine, ...]
    tenders: tuple[ReceiptTender, ...] = field(default=())
    debts: tuple[ReceiptDebt, ...] = field(default=())


def read_receipt(payload: Mapping[str, Any], face: Face) -> ReceiptDocument:
    """Build a receipt from a sale's document, which is what was agreed and never changes."""
    meter = payload["meter"]
    return ReceiptDocument(
        face=face,
        number=payload["number"],
        at=datetime.fromisoformat(payload["at"]).astimezone(ZoneInfo(payload["zone"])),
        office=payload["office"],
        till=payload["till"],
        cashier=payload["cashier"],
        customer_name=payload["customer"]["name"],
        customer_number=payload["customer"]["number"],
        meter=ReceiptMeter(
            str(meter["drn"]),
            str(meter["supply_group_code"]),
            str(meter["key_revision"]),
            str(meter["tariff_index"]),
        ),
        tariff=payload["tariff"]["title"],
        currency=payload["currency"],
        total_minor=payload["total_minor"],
        change_minor=sum(row["received_minor"] - row["amount_minor"] for row in payload["tenders"]),
        energy_wh=payload["energy_wh"],
        lines=tuple(
            ReceiptLine(row["label"], row["amount_minor"], row["quantity_wh"], row["rate"]) for row in payload["lines"]
        ),
        tenders=tuple(
            ReceiptTender(str(TenderKind(row["kind"]).label), row["amount_minor"], row["reference"])
            for row in payload["tenders"]
        ),
        debts=tuple(ReceiptDebt(row["label"], row["before_minor"], row["after_minor"]) for row in payload["debts"]),
    )
