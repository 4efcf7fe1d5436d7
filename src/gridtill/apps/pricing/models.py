from django.db import models

from gridtill.apps.pricing.choices import TariffStatus


class PricingStructure(models.Model):
    """A price list that agreements are bound to; its versions change, its code does not."""

    code = models.CharField(max_length=30, unique=True)
    name = models.CharField(max_length=120)
    price_class = models.CharField(max_length=30, help_text="Class of revenue that its sales are booked under.")

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class TariffVersion(models.Model):
    """A tariff document in force from a moment until the next one; immutable once active."""

    structure = models.ForeignKey(PricingStructure, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.TextField(help_text="The tariff in TOML, with its own test vectors.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the document.")
    status = models.CharField(max_length=10, choices=TariffStatus, default=TariffStatus.DRAFT)
    active_from = models.DateTimeField(null=True)
    author_id = models.BigIntegerField(help_text="Operator who wrote it; somebody else puts it into force.")
    author_name = models.CharField(max_length=150)
    activated_by = models.CharField(max_length=150, blank=True)
    activated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["structure", "number"], name="tariff_version_once")]
        indexes = [models.Index(fields=["structure", "status", "active_from"], name="tariff_in_force")]

    def __str__(self) -> str:
        return f"{self.structure_id} v{self.number}"
