from django.db import models

from gridtill.apps.assets.choices import AssetStatus, CreditUnit, PaymentMode, PhaseConfiguration, TokenCarrier
from gridtill.apps.organization.models import OrganizationUnit


class Asset(models.Model):
    """What every physical asset has in common."""

    asset_number = models.CharField(max_length=30, unique=True)
    maker = models.CharField(max_length=60, blank=True)
    model = models.CharField(max_length=60, blank=True)
    batch = models.CharField(max_length=40, blank=True)
    purchase_date = models.DateField(null=True, blank=True)
    store = models.ForeignKey(
        OrganizationUnit, models.PROTECT, related_name="+", help_text="Unit whose store keeps or kept it."
    )
    status = models.CharField(max_length=10, choices=AssetStatus, default=AssetStatus.IN_STORE, db_index=True)
    communication_address = models.CharField(max_length=40, blank=True)
    protocol = models.CharField(max_length=30, blank=True)
    remarks = models.CharField(max_length=300, blank=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.asset_number


class Meter(Asset):
    """An electricity meter; it is installed and removed through a usage point, never by editing."""

    number = models.CharField(
        max_length=13, unique=True, help_text="Number on its face; the STS decoder reference number."
    )
    phase_configuration = models.CharField(max_length=4, choices=PhaseConfiguration, default=PhaseConfiguration.SINGLE)
    rated_voltage_v = models.PositiveIntegerField(null=True, blank=True)
    rated_current = models.CharField(max_length=20, blank=True, help_text="Such as 5(60) A.")
    ct_ratio = models.PositiveIntegerField(default=1)
    pt_ratio = models.PositiveIntegerField(default=1)
    pulses_per_kwh = models.PositiveIntegerField(null=True, blank=True)
    payment_mode = models.CharField(max_length=10, choices=PaymentMode, default=PaymentMode.PREPAID)
    token_carrier = models.CharField(max_length=10, choices=TokenCarrier, default=TokenCarrier.KEYPAD)
    credit_unit = models.CharField(max_length=10, choices=CreditUnit, default=CreditUnit.ENERGY)
    credit_maximum_wh = models.BigIntegerField(null=True, blank=True, help_text="Most that the meter can hold.")
    supply_group_code = models.CharField(max_length=6, blank=True)
    tariff_index = models.CharField(max_length=2, default="01")
    key_revision = models.PositiveSmallIntegerField(default=1)
    key_type = models.PositiveSmallIntegerField(default=2)
    key_expiry = models.PositiveSmallIntegerField(default=255)
    base_date = models.PositiveSmallIntegerField(default=2014, help_text="Year that token identifiers count from.")
    encryption_algorithm = models.CharField(max_length=2, default="11")


class DataConcentrator(Asset):
    """A device under a transformer that talks to meters and to the head-end."""

    sim_number = models.CharField(max_length=30, blank=True)
    network_address = models.CharField(max_length=60, blank=True)
    meters_maximum = models.PositiveIntegerField(null=True, blank=True)


class Collector(Asset):
    """A bus gateway between a concentrator and a handful of meters."""

    channels = models.PositiveIntegerField(null=True, blank=True)
    concentrator = models.ForeignKey(DataConcentrator, models.PROTECT, null=True, blank=True, related_name="collectors")


class ImportBatch(models.Model):
    """An uploaded list of assets, kept from upload to import so that leaving the page loses nothing."""

    id = models.UUIDField(primary_key=True, help_text="Made by the client; repeating it answers with the same batch.")
    kind = models.CharField(max_length=12, help_text="Kind of asset: meter, concentrator or collector.")
    file_name = models.CharField(max_length=120)
    store = models.ForeignKey(
        OrganizationUnit, models.PROTECT, related_name="+", help_text="Store of rows that name none."
    )
    operator_id = models.BigIntegerField(null=True, help_text="Who uploaded it; empty for the system itself.")
    operator_name = models.CharField(max_length=150)
    uploaded_at = models.DateTimeField()
    headers = models.JSONField(help_text="First row of the file.")
    rows = models.JSONField(help_text="Rows below it, cells as text.")
    columns = models.JSONField(help_text="Field of each column, in the file's order; empty where it is left out.")
    counts = models.JSONField(null=True, help_text="Rows by verdict, as imported.")
    applied_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.file_name} ({self.kind})"
