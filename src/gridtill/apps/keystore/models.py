from django.db import models

from gridtill.apps.keystore.choices import EntryState
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.staff.models import Operator


class VendingKey(models.Model):
    """A vending key of a supply group, wrapped; its bytes leave this app only inside a token issuer."""

    supply_group_code = models.CharField(max_length=6)
    key_revision = models.PositiveSmallIntegerField()
    key_type = models.PositiveSmallIntegerField(default=2)
    base_date = models.PositiveSmallIntegerField(default=2014)
    key_expiry = models.PositiveSmallIntegerField(default=255)
    wrapped = models.BinaryField()
    check_value = models.CharField(max_length=12)
    is_demo = models.BooleanField(default=False)
    unit = models.ForeignKey(
        OrganizationUnit,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Only halls of this unit and below sell to the group; empty is everywhere.",
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["supply_group_code", "key_revision", "key_type", "base_date"], name="vending_key_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.supply_group_code}/{self.key_revision} ({self.check_value})"


class KeyEntry(models.Model):
    """
    A vending key on its way in: two officers each enter a component, and neither knows the key.

    The first component lies here wrapped until the second one comes; then it is wiped.
    """

    id = models.UUIDField(primary_key=True)
    supply_group_code = models.CharField(max_length=6)
    key_revision = models.PositiveSmallIntegerField()
    key_type = models.PositiveSmallIntegerField()
    base_date = models.PositiveSmallIntegerField()
    key_expiry = models.PositiveSmallIntegerField()
    unit = models.ForeignKey(OrganizationUnit, models.PROTECT, null=True, related_name="+")
    expected_check_value = models.CharField(max_length=12, blank=True)
    component = models.BinaryField(help_text="Wrapped; empty once the entry has ended.")
    component_check_value = models.CharField(max_length=12)
    state = models.CharField(max_length=10, choices=EntryState, default=EntryState.WAITING)
    first_officer = models.ForeignKey(Operator, models.PROTECT, related_name="+")
    first_at = models.DateTimeField()
    second_officer = models.ForeignKey(Operator, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state", "first_at"], name="key_entry_waiting")]

    def __str__(self) -> str:
        return f"{self.supply_group_code}/{self.key_revision} {self.state}"
