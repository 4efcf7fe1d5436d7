from django.db import models
from django.utils.translation import gettext_lazy as _


class VendKind(models.TextChoices):
    TOKEN_SALE = "TOKEN_SALE", _("Purchase")
    ACCOUNT_PAYMENT = "ACCOUNT_PAYMENT", _("Payment without energy")


class VendState(models.TextChoices):
    SOLD = "SOLD", _("Sold")
    REVERSED = "REVERSED", _("Reversed")


class TenderKind(models.TextChoices):
    CASH = "CASH", _("Cash")
    MOBILE_MONEY = "MOBILE_MONEY", _("Mobile money")
    BANK_CARD = "BANK_CARD", _("Bank card")
    CHEQUE = "CHEQUE", _("Cheque")


class DeliveryState(models.TextChoices):
    PENDING = "PENDING", _("Paid, not issued yet")
    DISPATCHED = "DISPATCHED", _("Asked for, waiting")
    ISSUED = "ISSUED", _("Token issued")
    LOADED = "LOADED", _("In the meter")
    UNKNOWN = "UNKNOWN", _("No answer yet")
    FAILED = "FAILED", _("Refused")
    CANCELLED = "CANCELLED", _("Cancelled")


class ShiftState(models.TextChoices):
    OPEN = "OPEN", _("Open")
    COUNTED = "COUNTED", _("Counted, to be signed")
    CLOSED = "CLOSED", _("Closed")


class DocumentKind(models.TextChoices):
    VEND = "VEND", _("Purchase")
    REVERSAL = "REVERSAL", _("Reversal")
    SHIFT_OPENED = "SHIFT_OPENED", _("Shift opened")
    SAFE_DROP = "SAFE_DROP", _("Safe drop")
    SHIFT_COUNTED = "SHIFT_COUNTED", _("Shift counted")
    SHIFT_CLOSED = "SHIFT_CLOSED", _("Shift closed")
    CHEQUE_BOUNCED = "CHEQUE_BOUNCED", _("Cheque returned")
    SETTLEMENT = "SETTLEMENT", _("Account settlement")


class ApprovalState(models.TextChoices):
    REQUESTED = "REQUESTED", _("Waiting for approval")
    DONE = "DONE", _("Approved and done")
    DECLINED = "DECLINED", _("Declined")


class BatchState(models.TextChoices):
    IN_TRANSIT = "IN_TRANSIT", _("On its way to the bank")
    ARRIVED = "ARRIVED", _("Arrived")


class EngineeringKind(models.TextChoices):
    TEST = "TEST", _("Test and display")
    POWER_LIMIT = "POWER_LIMIT", _("Power limit")
    CLEAR_CREDIT = "CLEAR_CREDIT", _("Clear credit")
    CLEAR_TAMPER = "CLEAR_TAMPER", _("Clear tamper")
    UNBALANCE = "UNBALANCE", _("Phase unbalance limit")
    KEY_CHANGE = "KEY_CHANGE", _("Key change")


class EngineeringState(models.TextChoices):
    REQUESTED = "REQUESTED", _("Waiting for approval")
    APPROVED = "APPROVED", _("To be made")
    WAITING = "WAITING", _("With the next purchase")
    DISPATCHED = "DISPATCHED", _("Asked for, waiting")
    ISSUED = "ISSUED", _("Token issued")
    UNKNOWN = "UNKNOWN", _("No answer yet")
    FAILED = "FAILED", _("Refused")
    DECLINED = "DECLINED", _("Declined")
    CANCELLED = "CANCELLED", _("Cancelled")


class MessageWay(models.TextChoices):
    SMS = "SMS", _("Text message")
    MAIL = "MAIL", _("E-mail")


class MessageState(models.TextChoices):
    SENDING = "SENDING", _("On its way")
    SENT = "SENT", _("Sent")
    FAILED = "FAILED", _("Not sent")
    UNKNOWN = "UNKNOWN", _("Perhaps sent")
