from django.db import models

from gridtill.apps.arrears.choices import DebtKind, DebtStatus, RecoveryMode
from gridtill.apps.customers.models import CustomerAccount


class AuxiliaryAgreement(models.Model):
    """A debt that is recovered from purchases until nothing remains."""

    account = models.ForeignKey(CustomerAccount, models.PROTECT, related_name="debts")
    kind = models.CharField(max_length=12, choices=DebtKind)
    description = models.CharField(max_length=120)
    mode = models.CharField(max_length=8, choices=RecoveryMode)
    percent_bp = models.PositiveIntegerField(default=0, help_text="Hundredths of a percent of each purchase.")
    fixed_minor = models.BigIntegerField(default=0, help_text="Minor units of each purchase.")
    principal_minor = models.BigIntegerField()
    remaining_minor = models.BigIntegerField()
    priority = models.PositiveSmallIntegerField(default=10, help_text="Lower is taken first, then the older one.")
    status = models.CharField(max_length=6, choices=DebtStatus, default=DebtStatus.OPEN)
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(remaining_minor__gte=0), name="debt_not_negative"),
            models.CheckConstraint(
                condition=models.Q(remaining_minor__lte=models.F("principal_minor")), name="debt_not_grown"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.description} {self.remaining_minor}/{self.principal_minor}"
