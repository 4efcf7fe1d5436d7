from django.db import models
from django.utils.translation import gettext_lazy as _


class AccountKind(models.TextChoices):
    ASSET = "ASSET", _("Asset")
    LIABILITY = "LIABILITY", _("Liability")
    INCOME = "INCOME", _("Income")
    EXPENSE = "EXPENSE", _("Expense")


class EntryKind(models.TextChoices):
    VEND = "VEND", _("Purchase")
    REVERSAL = "REVERSAL", _("Reversal")
    SHIFT = "SHIFT", _("Shift document")
    BANKING = "BANKING", _("Banking")
    DEBT = "DEBT", _("Debt set up")
    SETTLEMENT = "SETTLEMENT", _("Account settlement")
    CHEQUE = "CHEQUE", _("Cheque returned")
    CORRECTION = "CORRECTION", _("Correction")
