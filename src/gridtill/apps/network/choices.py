from django.db import models
from django.utils.translation import gettext_lazy as _


class TransformerKind(models.TextChoices):
    PUBLIC = "PUBLIC", _("Public")
    SPECIAL = "SPECIAL", _("For one customer")


class PlantStatus(models.TextChoices):
    PLANNED = "PLANNED", _("Planned")
    IN_SERVICE = "IN_SERVICE", _("In service")
    OUT_OF_SERVICE = "OUT_OF_SERVICE", _("Out of service")
