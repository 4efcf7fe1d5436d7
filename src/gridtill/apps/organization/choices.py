from django.db import models
from django.utils.translation import gettext_lazy as _


class UnitKind(models.TextChoices):
    UTILITY = "UTILITY", _("Utility")
    BUREAU = "BUREAU", _("Power supply bureau")
    SUPPLY_OFFICE = "SUPPLY_OFFICE", _("Power substation")
