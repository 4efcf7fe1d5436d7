"""Tables of the selling side, one module per aggregate."""

from gridtill.apps.vending.models.closing import BankingBatch, DayClose, DayTotal
from gridtill.apps.vending.models.documents import ReceiptPrint, SalesDocument
from gridtill.apps.vending.models.engineering import EngineeringToken
from gridtill.apps.vending.models.tills import CashierShift, CashMovement, PointOfSale, ShiftTender, Till
from gridtill.apps.vending.models.vends import (
    AccountStanding,
    Delivery,
    ReversalRequest,
    Tender,
    TokenMessage,
    Vend,
    VendReversal,
    WithdrawnRequest,
)

__all__ = [
    "AccountStanding",
    "BankingBatch",
    "CashMovement",
    "CashierShift",
    "DayClose",
    "DayTotal",
    "Delivery",
    "EngineeringToken",
    "PointOfSale",
    "ReceiptPrint",
    "ReversalRequest",
    "SalesDocument",
    "ShiftTender",
    "Tender",
    "Till",
    "TokenMessage",
    "Vend",
    "VendReversal",
    "WithdrawnRequest",
]
