from django.db import models

from gridtill.apps.organization.choices import UnitKind


class OrganizationUnit(models.Model):
    """A node of the company tree: the utility, a bureau, or a supply office."""

    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    kind = models.CharField(max_length=20, choices=UnitKind)
    path = models.CharField(
        max_length=200, unique=True, help_text="Ids from the root, each followed by a slash, such as 1/4/19/."
    )
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    short_name = models.CharField(max_length=40, blank=True)
    address = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    person_in_charge = models.CharField(max_length=80, blank=True)
    bank_details = models.CharField(max_length=200, blank=True)
    tax_number = models.CharField(max_length=40, blank=True)
    supply_group_code = models.CharField(max_length=6, blank=True, help_text="STS supply group of meters below it.")
    voltage_kv = models.CharField(max_length=20, blank=True, help_text="Rated voltage, such as 33/11.")
    capacity_kva = models.PositiveIntegerField(null=True, blank=True)
    commissioned_date = models.DateField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=0, help_text="Counts changes, so that two editors notice each other.")

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class UtilitySettings(models.Model):
    """What the utility decides for itself; one row, its history is in the audit record."""

    utility = models.OneToOneField(OrganizationUnit, models.PROTECT, primary_key=True)
    currency = models.CharField(max_length=3, help_text="ISO 4217 code; fixed once anything was sold.")
    time_zone = models.CharField(max_length=60, help_text="IANA name; business days follow it.")
    language = models.CharField(max_length=10, default="en")
    sale_maximum_minor = models.BigIntegerField(default=100_000_00, help_text="Most that one purchase may cost.")
    reversal_approval_minor = models.BigIntegerField(
        default=0, help_text="Reversals above this need a second person even when the token was not shown."
    )
    cash_rounding_minor = models.PositiveIntegerField(default=1, help_text="Smallest coin, in minor units.")
    receipt_header = models.CharField(max_length=200, blank=True)
    receipt_footer = models.CharField(max_length=200, blank=True)
    public_url = models.CharField(max_length=200, blank=True, help_text="Base address that receipts' codes point to.")
    receipt_secret = models.CharField(max_length=64, help_text="Key that receipts' check links are made with.")
    is_demo = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"settings of {self.utility_id}"
