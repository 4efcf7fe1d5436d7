from django.db import models

from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.staff.models import Operator
from gridtill.apps.vending.choices import BatchState, TenderKind
from gridtill.apps.vending.models.tills import PointOfSale, Till


class BankingBatch(models.Model):
    """Cash and cheques of closed shifts on their way to the bank."""

    id = models.UUIDField(primary_key=True)
    number = models.CharField(max_length=30, unique=True)
    point_of_sale = models.ForeignKey(PointOfSale, models.PROTECT, related_name="batches")
    bank = models.CharField(max_length=80)
    slip_number = models.CharField(max_length=40)
    amount_minor = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=BatchState, default=BatchState.IN_TRANSIT)
    created_by = models.ForeignKey(Operator, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    arrived_at = models.DateTimeField(null=True)
    arrived_by = models.ForeignKey(Operator, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bank", "slip_number"], name="slip_once")]

    def __str__(self) -> str:
        return self.number


class DayClose(models.Model):
    """
    A closed day of a bureau: a numbered document over the chains of all its tills.

    ``heads`` holds, by till code, the first and last document sequence covered and
    the last hash, so closes cannot overlap and a late item falls into the next one.
    """

    id = models.UUIDField(primary_key=True)
    bureau = models.ForeignKey(OrganizationUnit, models.PROTECT, related_name="day_closes")
    number = models.PositiveIntegerField()
    business_day = models.DateField()
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey(Operator, models.PROTECT, related_name="+")
    payload = models.TextField(help_text="Canonical JSON: heads, totals and late items with their days.")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bureau", "number"], name="day_close_number_once"),
            models.UniqueConstraint(fields=["bureau", "business_day"], name="day_closed_once"),
        ]

    def __str__(self) -> str:
        return f"{self.bureau_id}/{self.number} {self.business_day}"


class DayTotal(models.Model):
    """Rollup written with a day close: one row per till and way of payment."""

    day_close = models.ForeignKey(DayClose, models.PROTECT, related_name="totals")
    business_day = models.DateField(db_index=True)
    till = models.ForeignKey(Till, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=TenderKind)
    sold_count = models.IntegerField(default=0)
    sold_minor = models.BigIntegerField(default=0)
    energy_wh = models.BigIntegerField(default=0)
    reversed_count = models.IntegerField(default=0)
    reversed_minor = models.BigIntegerField(default=0)
    reversed_wh = models.BigIntegerField(default=0)
    settled_out_minor = models.BigIntegerField(default=0, help_text="Cash paid out to cancelled accounts.")
    settled_in_minor = models.BigIntegerField(default=0, help_text="Cash collected from cancelled accounts.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day_close", "till", "kind"], name="day_total_once")]

    def __str__(self) -> str:
        return f"{self.business_day} {self.till_id} {self.kind}"
