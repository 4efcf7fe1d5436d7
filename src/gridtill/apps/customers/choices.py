from django.db import models
from django.utils.translation import gettext_lazy as _


class CustomerStatus(models.TextChoices):
    NEW = "NEW", _("Newly installed")
    OPENED = "OPENED", _("In use")
    PAUSED = "PAUSED", _("Paused")
    CANCELLED = "CANCELLED", _("Cancelled")


class CustomerClass(models.TextChoices):
    RESIDENTIAL = "RESIDENTIAL", _("Residential")
    COMMERCIAL = "COMMERCIAL", _("Commercial")
    INDUSTRY = "INDUSTRY", _("Industry")
    IRRIGATION = "IRRIGATION", _("Irrigation")
    GOVERNMENT = "GOVERNMENT", _("Government")
    OTHER = "OTHER", _("Other")


class AgreementStatus(models.TextChoices):
    PENDING = "PENDING", _("Newly installed")
    ACTIVE = "ACTIVE", _("In use")
    PAUSED = "PAUSED", _("Paused")
    CLOSED = "CLOSED", _("Cancelled")


class UsagePointStatus(models.TextChoices):
    PLANNED = "PLANNED", _("Setting up")
    IN_USE = "IN_USE", _("In use")
    PAUSED = "PAUSED", _("Paused")
    RETIRED = "RETIRED", _("Taken out of use")


class UsagePointProperty(models.TextChoices):
    SETTLEMENT = "SETTLEMENT", _("Settlement")
    ASSESSMENT = "ASSESSMENT", _("Assessment")


class UsagePointKind(models.TextChoices):
    SUBSTATION = "SUBSTATION", _("Substation")
    LINE = "LINE", _("Line")
    TRANSFORMER = "TRANSFORMER", _("Transformer")
    CUSTOMER = "CUSTOMER", _("Customer")


class MeasuringMode(models.TextChoices):
    LOW_LOW = "LL", _("Low-voltage supply, low-voltage metering")
    HIGH_LOW = "HL", _("High-voltage supply, low-voltage metering")
    HIGH_HIGH = "HH", _("High-voltage supply, high-voltage metering")


class OverdraftPolicy(models.TextChoices):
    NONE = "NONE", _("A: no overuse")
    ENERGY_LIMIT = "ENERGY_LIMIT", _("B: overuse up to a limit, then off")
    TIME_LIMIT = "TIME_LIMIT", _("C: at the limit, supply goes on for a set time")


class NoticeChannel(models.TextChoices):
    NONE = "NONE", _("None")
    SMS = "SMS", _("SMS")
    EMAIL = "EMAIL", _("E-mail")
