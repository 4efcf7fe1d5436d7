from django.db import models
from django.utils.translation import gettext_lazy as _


class DebtKind(models.TextChoices):
    LEGACY = "LEGACY", _("Old bills")
    CONNECTION = "CONNECTION", _("Connection fee")
    PRELOAD = "PRELOAD", _("Credit that the meter came with")
    TAMPER = "TAMPER", _("Tamper penalty")
    CHEQUE = "CHEQUE", _("Returned cheque")
    OTHER = "OTHER", _("Other")


class RecoveryMode(models.TextChoices):
    PERCENT = "PERCENT", _("A share of each purchase")
    FIXED = "FIXED", _("A fixed amount of each purchase")


class DebtStatus(models.TextChoices):
    OPEN = "OPEN", _("Being recovered")
    FROZEN = "FROZEN", _("Frozen")
    PAID = "PAID", _("Paid")
