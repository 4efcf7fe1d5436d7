from django.db import models

from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.staff.models import Operator
from gridtill.apps.vending.choices import ShiftState, TenderKind


class PointOfSale(models.Model):
    """A business hall where tills stand."""

    unit = models.ForeignKey(OrganizationUnit, models.PROTECT, related_name="points_of_sale")
    code = models.CharField(max_length=12, unique=True)
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class Till(models.Model):
    """A drawer with its own gapless numbering and its own hash chain of documents."""

    point_of_sale = models.ForeignKey(PointOfSale, models.PROTECT, related_name="tills")
    bureau = models.ForeignKey(OrganizationUnit, models.PROTECT, related_name="+")
    code = models.CharField(max_length=12, unique=True)
    name = models.CharField(max_length=80)
    drawer_account = models.OneToOneField("ledger.LedgerAccount", models.PROTECT, related_name="+")
    document_sequence = models.BigIntegerField(default=0, help_text="Number of the last document written here.")
    head_hash = models.CharField(max_length=64, help_text="Hash of the last document, or of the till's code.")
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class CashierShift(models.Model):
    """One cashier at one till from float to sign-off."""

    till = models.ForeignKey(Till, models.PROTECT, related_name="shifts")
    cashier = models.ForeignKey(Operator, models.PROTECT, related_name="shifts")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=ShiftState, default=ShiftState.OPEN)
    business_day = models.DateField(help_text="Day of its opening; its sales belong to it.")
    opened_at = models.DateTimeField()
    float_minor = models.BigIntegerField()
    counted_at = models.DateTimeField(null=True)
    counted_minor = models.BigIntegerField(null=True, help_text="Cash in the drawer as counted, the float included.")
    counted_by = models.ForeignKey(
        Operator, models.PROTECT, null=True, related_name="+", help_text="Who counted in the cashier's absence."
    )
    expected_minor = models.BigIntegerField(null=True, help_text="Cash that should have been there.")
    denominations = models.JSONField(null=True, help_text="Face value in minor units → pieces.")
    closed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey(Operator, models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    banking_batch = models.ForeignKey("vending.BankingBatch", models.PROTECT, null=True, related_name="shifts")
    version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["till", "number"], name="shift_number_once"),
            models.UniqueConstraint(
                fields=["till"], condition=models.Q(state=ShiftState.OPEN), name="one_open_shift_per_till"
            ),
            models.UniqueConstraint(
                fields=["cashier"], condition=models.Q(state=ShiftState.OPEN), name="one_open_shift_per_cashier"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.till_id}/{self.number}"


class ShiftTender(models.Model):
    """Running totals of a shift by way of payment; updated within each sale."""

    shift = models.ForeignKey(CashierShift, models.PROTECT, related_name="tenders", db_index=False)
    kind = models.CharField(max_length=12, choices=TenderKind)
    sold_count = models.IntegerField(default=0)
    sold_minor = models.BigIntegerField(default=0)
    reversed_count = models.IntegerField(default=0)
    reversed_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shift", "kind"], name="shift_tender_once")]

    def __str__(self) -> str:
        return f"{self.shift_id} {self.kind} {self.sold_minor}"


class CashMovement(models.Model):
    """Cash that left a drawer for the safe, before the shift ended."""

    id = models.UUIDField(primary_key=True, help_text="The request's id, so that pressing twice moves it once.")
    shift = models.ForeignKey(CashierShift, models.PROTECT, related_name="movements")
    amount_minor = models.BigIntegerField()
    at = models.DateTimeField()
    actor_name = models.CharField(max_length=150)
    note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.shift_id} {self.amount_minor}"
