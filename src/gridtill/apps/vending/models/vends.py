from django.db import models

from gridtill.apps.assets.choices import TokenCarrier
from gridtill.apps.assets.models import Meter
from gridtill.apps.customers.models import Customer, CustomerAgreement
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.pricing.models import TariffVersion
from gridtill.apps.staff.models import Operator
from gridtill.apps.vending.choices import (
    ApprovalState,
    DeliveryState,
    MessageState,
    MessageWay,
    TenderKind,
    VendKind,
    VendState,
)
from gridtill.apps.vending.models.tills import CashierShift, Till


class AccountStanding(models.Model):
    """
    What the next purchase of an agreement depends on, in the one row that a sale locks.

    Sales, reversals and the settlement raise ``version`` under that lock, so that who waited
    for it knows that what they read beside it is stale. A debt has a version of its own.
    """

    agreement = models.OneToOneField(CustomerAgreement, models.PROTECT, primary_key=True, related_name="standing")
    bureau = models.ForeignKey(OrganizationUnit, models.PROTECT, related_name="+", db_index=False)
    version = models.BigIntegerField(default=0)
    sequence = models.PositiveIntegerField(default=0, help_text="Number of the last purchase.")
    months_wh = models.JSONField(default=dict, help_text="Purchased energy by month, such as {'2026-11': 32200}.")
    year_start = models.DateField(null=True, help_text="Start of the running yearly window.")
    year_wh = models.BigIntegerField(default=0)
    charged_through = models.DateField(null=True, help_text="Last month whose periodic charges were paid.")
    carry_minor = models.BigIntegerField(default=0, help_text="Money left over by rounding energy down.")
    total_wh = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField(default=0)
    latest_vend_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"standing of {self.agreement_id}"


class WithdrawnRequest(models.Model):
    """A sale's request whose answer was lost, and of which somebody was told that it had not sold; it never will."""

    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    actor_name = models.CharField(max_length=120)

    def __str__(self) -> str:
        return str(self.id)


class Vend(models.Model):
    """A purchase that was paid; its id is the request's, so that pressing twice sells once."""

    id = models.UUIDField(primary_key=True)
    number = models.CharField(max_length=30, help_text="Receipt number: till and document sequence.")
    kind = models.CharField(max_length=16, choices=VendKind)
    state = models.CharField(max_length=8, choices=VendState)
    channel = models.CharField(max_length=10, choices=TokenCarrier)
    bureau = models.ForeignKey(OrganizationUnit, models.PROTECT, related_name="+", db_index=False)
    agreement = models.ForeignKey(CustomerAgreement, models.PROTECT, related_name="vends", db_index=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="vends", db_index=False)
    meter = models.ForeignKey(Meter, models.PROTECT, related_name="vends", db_index=False)
    till = models.ForeignKey(Till, models.PROTECT, related_name="vends", db_index=False)
    shift = models.ForeignKey(CashierShift, models.PROTECT, related_name="vends")
    cashier = models.ForeignKey(Operator, models.PROTECT, related_name="+", db_index=False)
    tariff_version = models.ForeignKey(TariffVersion, models.PROTECT, related_name="+", db_index=False)
    sequence = models.PositiveIntegerField(help_text="Purchase number of the agreement.")
    at = models.DateTimeField()
    business_day = models.DateField(help_text="Day of its shift.")
    calendar_day = models.DateField(help_text="Day of the moment of sale where the utility is.")
    total_minor = models.BigIntegerField(help_text="Money kept: tender less change.")
    energy_wh = models.BigIntegerField()
    energy_minor = models.BigIntegerField()
    charges_minor = models.BigIntegerField()
    taxes_minor = models.BigIntegerField()
    debt_minor = models.BigIntegerField()
    carry_minor = models.BigIntegerField(help_text="Carried out less carried in.")
    content_digest = models.CharField(max_length=64, help_text="Of what was asked for; a repeat must match it.")
    before = models.JSONField(help_text="Standing that the quote started from; a reversal restores it.")

    class Meta:
        constraints = [
            # Not unique=True, which would add a second index for searches by pattern to every sale.
            models.UniqueConstraint(fields=["number"], name="vend_number_once"),
            models.UniqueConstraint(fields=["agreement", "sequence"], name="vend_sequence_once"),
        ]
        indexes = [models.Index(fields=["business_day", "till"], name="vend_day_till")]

    def __str__(self) -> str:
        return self.number


class Tender(models.Model):
    """Money that was handed over for a vend; card numbers are never stored."""

    vend = models.ForeignKey(Vend, models.PROTECT, related_name="tenders")
    kind = models.CharField(max_length=12, choices=TenderKind)
    amount_minor = models.BigIntegerField(help_text="Part of the price that it paid.")
    received_minor = models.BigIntegerField(help_text="What was handed over; more than the amount only for cash.")
    reference = models.CharField(max_length=60, blank=True)
    bank = models.CharField(max_length=60, blank=True)
    drawer_name = models.CharField(max_length=80, blank=True)
    # Null and not empty where there is none, for those are many.
    reference_key = models.CharField(  # noqa: DJ001
        max_length=160, null=True, help_text="Names the payment while it stands; empty for cash, and once given back."
    )
    bounced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference_key"], condition=models.Q(reference_key__isnull=False), name="payment_used_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.vend_id} {self.kind} {self.amount_minor}"


class Delivery(models.Model):
    """One way of bringing a paid purchase to its meter."""

    id = models.UUIDField(primary_key=True)
    vend = models.OneToOneField(Vend, models.PROTECT, related_name="delivery")
    channel = models.CharField(max_length=10, choices=TokenCarrier)
    state = models.CharField(max_length=10, choices=DeliveryState)
    meter = models.ForeignKey(Meter, models.PROTECT, related_name="deliveries", db_index=False)
    base_date = models.PositiveSmallIntegerField()
    token_identifier = models.BigIntegerField(help_text="Minutes from the base date, reserved in the sale.")
    last_identifier = models.BigIntegerField(help_text="Of the last token, where one cannot carry the energy.")
    random = models.PositiveSmallIntegerField()
    units = models.BigIntegerField(help_text="Tenths of a kWh.")
    meter_security = models.JSONField(help_text="The meter's key data at the sale.")
    token = models.CharField(max_length=1049, blank=True, help_text="Several tokens have a blank between.")
    check_value = models.CharField(max_length=12, blank=True)
    revealed_at = models.DateTimeField(null=True, help_text="When a person first saw the digits.")
    changed_at = models.DateTimeField()
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meter", "base_date", "last_identifier"], name="token_identifier_once")
        ]
        indexes = [
            models.Index(
                fields=["state", "changed_at"],
                condition=models.Q(state__in=["PENDING", "DISPATCHED", "UNKNOWN", "FAILED"]),
                name="delivery_unfinished",
            ),
            models.Index(fields=["token"], condition=~models.Q(token=""), name="delivery_token"),
        ]

    def __str__(self) -> str:
        return f"{self.vend_id} {self.state}"


class TokenMessage(models.Model):
    """A purchase's token on its way to the customer's telephone or mailbox; its text is not kept."""

    id = models.UUIDField(primary_key=True)
    vend = models.ForeignKey(Vend, models.PROTECT, related_name="messages")
    way = models.CharField(max_length=6, choices=MessageWay)
    recipient = models.CharField(max_length=254)
    state = models.CharField(max_length=8, choices=MessageState)
    detail = models.CharField(max_length=300, blank=True)
    sent_by = models.ForeignKey(Operator, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.vend_id} {self.way} {self.state}"


class ReversalRequest(models.Model):
    """A wish to take back a purchase that needs a second person."""

    id = models.UUIDField(primary_key=True)
    vend = models.ForeignKey(Vend, models.PROTECT, related_name="reversal_requests")
    reason = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=ApprovalState, default=ApprovalState.REQUESTED)
    requested_by = models.ForeignKey(Operator, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decided_by = models.ForeignKey(Operator, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["vend"], condition=models.Q(state=ApprovalState.REQUESTED), name="one_request_per_vend"
            )
        ]

    def __str__(self) -> str:
        return f"{self.vend_id} {self.state}"


class VendReversal(models.Model):
    """The mirror document of a vend: same money back, same way of payment."""

    id = models.UUIDField(primary_key=True)
    vend = models.OneToOneField(Vend, models.PROTECT, related_name="reversal")
    number = models.CharField(max_length=30, unique=True)
    till = models.ForeignKey(Till, models.PROTECT, related_name="+")
    shift = models.ForeignKey(CashierShift, models.PROTECT, related_name="reversals")
    reason = models.CharField(max_length=500)
    requested_by = models.ForeignKey(Operator, models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(Operator, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()
    business_day = models.DateField()
    is_late = models.BooleanField(default=False, help_text="Done in another shift than the sale's.")

    def __str__(self) -> str:
        return self.number
