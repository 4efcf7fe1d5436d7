from django.db import models

from gridtill.apps.assets.choices import PhaseConfiguration, TokenCarrier
from gridtill.apps.assets.models import Meter
from gridtill.apps.customers.choices import (
    AgreementStatus,
    CustomerClass,
    CustomerStatus,
    MeasuringMode,
    NoticeChannel,
    OverdraftPolicy,
    UsagePointKind,
    UsagePointProperty,
    UsagePointStatus,
)
from gridtill.apps.network.models import Transformer
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.pricing.models import PricingStructure


class Customer(models.Model):
    """A party that is supplied under a transformer."""

    number = models.CharField(max_length=20, unique=True)
    office = models.ForeignKey(OrganizationUnit, models.PROTECT, related_name="customers")
    transformer = models.ForeignKey(Transformer, models.PROTECT, related_name="customers")
    name = models.CharField(max_length=120, db_index=True)
    settlement_name = models.CharField(max_length=120, blank=True, help_text="Name on invoices, if another.")
    legacy_number = models.CharField(max_length=40, blank=True, help_text="Account number in an older billing system.")
    id_document = models.CharField(max_length=60, blank=True)
    phone = models.CharField(max_length=40, blank=True, db_index=True)
    phone_second = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)
    address = models.CharField(max_length=200, blank=True)
    customer_class = models.CharField(max_length=12, choices=CustomerClass, default=CustomerClass.RESIDENTIAL)
    trade_code = models.CharField(max_length=20, blank=True)
    contract_capacity_w = models.PositiveIntegerField(null=True, blank=True)
    is_tax_exempt = models.BooleanField(default=False)
    language = models.CharField(max_length=10, default="en")
    notice_channel = models.CharField(max_length=6, choices=NoticeChannel, default=NoticeChannel.NONE)
    status = models.CharField(max_length=10, choices=CustomerStatus, default=CustomerStatus.NEW)
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=0)

    class Meta:
        # Most have neither, and only those that do are looked up by it.
        indexes = [
            models.Index(fields=["phone_second"], condition=~models.Q(phone_second=""), name="customer_second_phone"),
            models.Index(fields=["legacy_number"], condition=~models.Q(legacy_number=""), name="customer_legacy"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class CustomerAccount(models.Model):
    """The financial side of a customer: debts and carried-over money belong to it, not to a meter."""

    customer = models.OneToOneField(Customer, models.PROTECT, related_name="account")
    number = models.CharField(max_length=20, unique=True)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.number


class UsagePoint(models.Model):
    """A place of supply and measurement, "metering point" on screen."""

    number = models.CharField(max_length=20, unique=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="usage_points")
    transformer = models.ForeignKey(Transformer, models.PROTECT, related_name="usage_points")
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=UsagePointStatus, default=UsagePointStatus.PLANNED)
    property = models.CharField(max_length=12, choices=UsagePointProperty, default=UsagePointProperty.SETTLEMENT)
    kind = models.CharField(max_length=12, choices=UsagePointKind, default=UsagePointKind.CUSTOMER)
    voltage_kv = models.CharField(max_length=20, blank=True, default="0.23")
    phase_configuration = models.CharField(max_length=4, choices=PhaseConfiguration, default=PhaseConfiguration.SINGLE)
    measuring_mode = models.CharField(max_length=2, choices=MeasuringMode, default=MeasuringMode.LOW_LOW)
    ct_ratio = models.PositiveIntegerField(default=1)
    pt_ratio = models.PositiveIntegerField(default=1)
    is_main = models.BooleanField(default=True, help_text="Main meter; otherwise a check meter.")
    capacity_w = models.PositiveIntegerField(null=True, blank=True)
    load_class = models.CharField(max_length=20, blank=True)
    counts_for_losses = models.BooleanField(default=True)
    is_billable = models.BooleanField(default=True, help_text="Whether it takes part in billing.")
    purchase_mode = models.CharField(max_length=10, choices=TokenCarrier, default=TokenCarrier.KEYPAD)
    pricing_structure = models.ForeignKey(PricingStructure, models.PROTECT, null=True, blank=True, related_name="+")
    energized_at = models.DateTimeField(null=True, blank=True, help_text="When supply started.")
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class MeterInstallation(models.Model):
    """A meter at a usage point from one moment to another."""

    usage_point = models.ForeignKey(UsagePoint, models.PROTECT, related_name="installations")
    meter = models.ForeignKey(Meter, models.PROTECT, related_name="installations")
    installed_at = models.DateTimeField()
    installed_register_wh = models.BigIntegerField(default=0)
    removed_at = models.DateTimeField(null=True)
    removed_register_wh = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["usage_point"], condition=models.Q(removed_at=None), name="one_meter_at_a_point"
            ),
            models.UniqueConstraint(fields=["meter"], condition=models.Q(removed_at=None), name="meter_at_one_point"),
        ]

    def __str__(self) -> str:
        return f"{self.meter_id} at {self.usage_point_id}"


class CustomerAgreement(models.Model):
    """The contract for one usage point: its price list, limits and prepayment terms."""

    account = models.ForeignKey(CustomerAccount, models.PROTECT, related_name="agreements")
    usage_point = models.OneToOneField(UsagePoint, models.PROTECT, related_name="agreement")
    pricing_structure = models.ForeignKey(PricingStructure, models.PROTECT, related_name="agreements")
    status = models.CharField(max_length=8, choices=AgreementStatus, default=AgreementStatus.PENDING)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    opening_password = models.CharField(max_length=200, blank=True, help_text="Hashed; asked at the end.")
    overdraft_policy = models.CharField(max_length=12, choices=OverdraftPolicy, default=OverdraftPolicy.NONE)
    overdraft_limit_wh = models.BigIntegerField(default=0)
    overdraft_time_s = models.PositiveIntegerField(default=0)
    low_credit_threshold_wh = models.BigIntegerField(default=10_000)
    low_credit_second_wh = models.BigIntegerField(default=5_000)
    purchase_maximum_minor = models.BigIntegerField(null=True, blank=True, help_text="Most that one purchase may cost.")
    energy_maximum_wh = models.BigIntegerField(null=True, blank=True, help_text="Most energy in one purchase.")
    initial_credit_wh = models.BigIntegerField(default=0, help_text="Credit that the meter came with.")
    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"agreement for {self.usage_point_id}"
