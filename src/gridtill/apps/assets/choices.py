from django.db import models
from django.utils.translation import gettext_lazy as _


class AssetStatus(models.TextChoices):
    IN_STORE = "IN_STORE", _("In store")
    INSTALLED = "INSTALLED", _("Installed")
    FAULTY = "FAULTY", _("Faulty")
    REMOVED = "REMOVED", _("Removed")
    SCRAPPED = "SCRAPPED", _("Scrapped")
    LOST = "LOST", _("Lost")


class PaymentMode(models.TextChoices):
    PREPAID = "PREPAID", _("Prepaid")
    POSTPAID = "POSTPAID", _("Postpaid")


class TokenCarrier(models.TextChoices):
    KEYPAD = "KEYPAD", _("Keypad token")
    CARD = "CARD", _("IC card")
    REMOTE = "REMOTE", _("Over the air")


class CreditUnit(models.TextChoices):
    ENERGY = "ENERGY", _("kWh")
    MONEY = "MONEY", _("Money")


class PhaseConfiguration(models.TextChoices):
    SINGLE = "1P2W", _("Single phase")
    THREE_3W = "3P3W", _("Three phases, three wires")
    THREE_4W = "3P4W", _("Three phases, four wires")
