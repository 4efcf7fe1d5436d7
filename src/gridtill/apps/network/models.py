from django.db import models

from gridtill.apps.network.choices import PlantStatus, TransformerKind
from gridtill.apps.organization.models import OrganizationUnit


class Feeder(models.Model):
    """A medium-voltage line between a supply office and its transformers; optional."""

    office = models.ForeignKey(OrganizationUnit, models.PROTECT, related_name="feeders")
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    voltage_kv = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=16, choices=PlantStatus, default=PlantStatus.IN_SERVICE)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["office", "code"], name="feeder_code_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Transformer(models.Model):
    """A distribution transformer; its service area holds the customers."""

    office = models.ForeignKey(OrganizationUnit, models.PROTECT, related_name="transformers")
    feeder = models.ForeignKey(Feeder, models.PROTECT, null=True, blank=True, related_name="transformers")
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=TransformerKind, default=TransformerKind.PUBLIC)
    capacity_kva = models.PositiveIntegerField(null=True, blank=True)
    voltage_kv = models.CharField(max_length=20, blank=True, help_text="Such as 11/0.433.")
    location = models.CharField(max_length=200, blank=True)
    check_meter_number = models.CharField(max_length=30, blank=True, help_text="Meter that measures what it supplies.")
    commissioned_date = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=PlantStatus, default=PlantStatus.IN_SERVICE)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["office", "code"], name="transformer_code_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
