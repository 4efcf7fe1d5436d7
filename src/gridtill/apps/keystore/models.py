from django.db import models


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
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["supply_group_code", "key_revision", "key_type", "base_date"], name="vending_key_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.supply_group_code}/{self.key_revision} ({self.check_value})"
