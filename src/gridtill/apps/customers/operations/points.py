"""Metering points and the meters at them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from gridtill.apps.assets.choices import PhaseConfiguration, TokenCarrier
from gridtill.apps.assets.models import Meter
from gridtill.apps.assets.operations import note_installed, note_removed
from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.customers.choices import (
    CustomerStatus,
    MeasuringMode,
    UsagePointKind,
    UsagePointProperty,
    UsagePointStatus,
)
from gridtill.apps.customers.models import Customer, CustomerAgreement, MeterInstallation, UsagePoint
from gridtill.apps.customers.operations.common import CustomerChanged, CustomerStateWrong, audit, next_number
from gridtill.apps.pricing.models import PricingStructure
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue

_OF_AGREEMENT = ("purchase_maximum_minor", "energy_maximum_wh")


@dataclass(frozen=True, slots=True)
class NewUsagePoint:
    """A metering point of a customer, with the price list it is to be sold on."""

    customer_id: int
    name: str
    structure_id: int
    address: str = ""
    number: str = ""
    purchase_mode: str = "KEYPAD"


@transaction.atomic
def add_usage_point(*, new: NewUsagePoint, actor: Actor, at: datetime) -> UsagePoint:
    """
    Add a metering point that is being set up, with a pending agreement on its price list.

    :raises InvalidValue: if a field is wrong or the number is taken
    """
    # Locked, so that nobody deletes the customer meanwhile.
    rows = Customer.objects.select_for_update(of=("self",)).select_related("office", "account", "transformer")
    customer = rows.get(pk=new.customer_id)
    actor.require("archives.edit", customer.office.path)
    if customer.status == CustomerStatus.CANCELLED:
        raise CustomerStateWrong("This customer was cancelled.", remedy="Add a new customer.")
    if not 1 <= len(new.name.strip()) <= 120 or len(new.address) > 200:
        raise InvalidValue("A name has 1 to 120 characters.", field="name")
    number = new.number.strip() or next_number("P", UsagePoint)
    if len(number) > 20 or UsagePoint.objects.filter(number=number).exists():
        raise InvalidValue("{number} is the number of another metering point.", field="number", number=number[:20])
    structure = PricingStructure.objects.get(pk=new.structure_id)
    point = UsagePoint.objects.create(
        number=number,
        customer=customer,
        transformer=customer.transformer,
        name=new.name.strip(),
        address=new.address.strip() or customer.address,
        purchase_mode=new.purchase_mode,
        pricing_structure=structure,
        created_at=at,
    )
    CustomerAgreement.objects.create(account=customer.account, usage_point=point, pricing_structure=structure)
    audit(point, customer, "customers.usage_point.added", actor, at)
    return point


@dataclass(frozen=True, slots=True)
class UsagePointChange:
    """
    What may be changed of a metering point and of its agreement.

    Capacity in watts, ratios as whole numbers, limits for one purchase in minor units and watt-hours.
    """

    name: str
    structure_id: int
    address: str = ""
    property: str = UsagePointProperty.SETTLEMENT
    kind: str = UsagePointKind.CUSTOMER
    voltage_kv: str = "0.23"
    phase_configuration: str = PhaseConfiguration.SINGLE
    measuring_mode: str = MeasuringMode.LOW_LOW
    ct_ratio: int = 1
    pt_ratio: int = 1
    is_main: bool = True
    capacity_w: int | None = None
    load_class: str = ""
    counts_for_losses: bool = True
    is_billable: bool = True
    purchase_mode: str = TokenCarrier.KEYPAD
    purchase_maximum_minor: int | None = None
    energy_maximum_wh: int | None = None

    def check(self) -> None:
        """
        Make sure that every field can be.

        :raises InvalidValue: naming the field that is wrong
        """
        for name, most in (("name", 120), ("address", 200), ("voltage_kv", 20), ("load_class", 20)):
            if len(getattr(self, name)) > most or (name == "name" and not self.name.strip()):
                raise InvalidValue("Enter 1 to {most} characters.", field=name, most=most)
        for name in ("ct_ratio", "pt_ratio"):
            if not 1 <= getattr(self, name) <= 100_000:
                raise InvalidValue("A ratio lies between 1 and 100,000.", field=name)
        for name, most in (("capacity_w", 10**9), ("purchase_maximum_minor", 10**13), ("energy_maximum_wh", 10**12)):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= most:
                raise InvalidValue("This is too small or too large.", field=name)
        offered = {
            "property": UsagePointProperty, "kind": UsagePointKind, "phase_configuration": PhaseConfiguration,
            "measuring_mode": MeasuringMode, "purchase_mode": TokenCarrier,
        }  # fmt: skip
        for name, choices in offered.items():
            if getattr(self, name) not in choices.values:
                raise InvalidValue("Choose one of what is offered.", field=name)


@transaction.atomic
def modify_usage_point(
    *, usage_point_id: int, version: int, change: UsagePointChange, actor: Actor, at: datetime
) -> UsagePoint:
    """
    Change a metering point, its price list and its limits; the next purchase is priced by them.

    :raises CustomerChanged: if the version is not the one that was looked at
    :raises CustomerStateWrong: if it was taken out of use
    :raises InvalidValue: naming the field that is wrong
    """
    rows = UsagePoint.objects.select_for_update(of=("self",)).select_related("customer__office")
    point = rows.get(pk=usage_point_id)
    actor.require("archives.edit", point.customer.office.path)
    change.check()
    structure = PricingStructure.objects.filter(pk=change.structure_id).first()
    if structure is None:
        raise InvalidValue("Choose a price list.", field="structure_id")
    if point.version != version:
        raise CustomerChanged("{name} was changed by somebody else meanwhile. Nothing was saved.", name=point)
    if point.status == UsagePointStatus.RETIRED:
        raise CustomerStateWrong("This metering point was taken out of use. Nothing was saved.")
    agreement = CustomerAgreement.objects.select_for_update().get(usage_point=point)
    before = snapshot(point) | _terms_of(agreement)
    values = asdict(change)
    values.pop("structure_id")
    limits = {name: values.pop(name) for name in _OF_AGREEMENT}
    for name, value in values.items():
        setattr(point, name, value.strip() if isinstance(value, str) else value)
    point.pricing_structure = structure
    point.version += 1
    point.save()
    for name, value in limits.items():
        setattr(agreement, name, value)
    agreement.pricing_structure = structure
    agreement.version += 1
    agreement.save()
    record_write(
        actor=actor,
        at=at,
        action="customers.usage_point.modified",
        subject=point,
        unit_path=point.customer.office.path,
        before=before,
        after=snapshot(point) | _terms_of(agreement),
    )
    return point


def _terms_of(agreement: CustomerAgreement) -> dict[str, object]:
    return {name: getattr(agreement, name) for name in _OF_AGREEMENT}


@transaction.atomic
def delete_usage_point(*, usage_point_id: int, actor: Actor, at: datetime) -> None:
    """
    Remove a metering point that is still being set up.

    :raises CustomerStateWrong: if it is in use, or a meter was ever installed there
    """
    point = _locked(usage_point_id)
    actor.require("archives.edit", point.customer.office.path)
    if point.status != UsagePointStatus.PLANNED:
        if point.energized_at is None:
            raise CustomerStateWrong(
                "This metering point is in use. Nothing was deleted.", remedy="Take it out of use first."
            )
        raise CustomerStateWrong(
            "This metering point is in use since {day}. Nothing was deleted.",
            remedy="Take it out of use first.",
            day=f"{point.energized_at:%d %b %Y}",
        )
    if point.installations.exists():
        raise CustomerStateWrong("A meter is installed there. Nothing was deleted.", remedy="Remove the meter first.")
    agreement = CustomerAgreement.objects.filter(usage_point=point).first()
    record_write(
        actor=actor,
        at=at,
        action="customers.usage_point.deleted",
        subject=point,
        unit_path=point.customer.office.path,
        before=snapshot(point) | ({"agreement": snapshot(agreement)} if agreement else {}),
    )
    CustomerAgreement.objects.filter(usage_point=point).delete()
    point.delete()


@transaction.atomic
def install_meter(
    *, usage_point_id: int, meter_number: str, register_wh: int, actor: Actor, at: datetime
) -> MeterInstallation:
    """
    Install a meter from the store at a metering point, with what its register shows.

    :raises CustomerStateWrong: if a meter is there already
    :raises InvalidValue: if there is no such meter
    """
    point = _locked(usage_point_id)
    actor.require("archives.edit", point.customer.office.path)
    if point.status == UsagePointStatus.RETIRED:
        raise CustomerStateWrong("This metering point was taken out of use. Nothing was installed.")
    if point.installations.filter(removed_at=None).exists():
        raise CustomerStateWrong("A meter is installed there already.", remedy="Remove it first.")
    meter = Meter.objects.filter(number=meter_number.strip()).first()
    if meter is None:
        raise InvalidValue("There is no meter of this number in the archive.", field="meter_number")
    _check_register(register_wh)
    note_installed(kind="meter", asset_id=meter.pk, actor=actor, at=at, reason=f"at {point.number}")
    installation = MeterInstallation.objects.create(
        usage_point=point, meter=meter, installed_at=at, installed_register_wh=register_wh
    )
    audit(installation, point.customer, "customers.meter.installed", actor, at)
    return installation


@transaction.atomic
def remove_meter(*, usage_point_id: int, register_wh: int, actor: Actor, at: datetime) -> MeterInstallation:
    """
    Take the meter away from a metering point, with what its register shows.

    :raises CustomerStateWrong: if there is none
    """
    point = _locked(usage_point_id)
    # Whoever may cancel an account frees its meter with it.
    actor.require("account.close" if actor.may("account.close") else "archives.edit", point.customer.office.path)
    installation = point.installations.filter(removed_at=None).first()
    if installation is None:
        raise CustomerStateWrong("There is no meter at this metering point.")
    if CustomerAgreement.objects.filter(usage_point=point, status__in=["ACTIVE", "PAUSED"]).exists():
        raise CustomerStateWrong(
            "An account is open here. Nothing was changed.", remedy="Cancel the account; that frees the meter."
        )
    _check_register(register_wh)
    if register_wh < installation.installed_register_wh:
        raise InvalidValue(
            "The register shows less than when the meter was installed. Nothing was removed.",
            remedy="Read it again.",
            field="register",
        )
    before = snapshot(installation)
    installation.removed_at, installation.removed_register_wh = at, register_wh
    installation.save()
    note_removed(kind="meter", asset_id=installation.meter_id, actor=actor, at=at, reason=f"from {point.number}")
    audit(installation, point.customer, "customers.meter.removed", actor, at, before)
    return installation


def _locked(usage_point_id: int) -> UsagePoint:
    """Return a metering point that nobody else changes, deletes or hangs a meter at meanwhile."""
    rows = UsagePoint.objects.select_for_update(of=("self",)).select_related("customer__office")
    point: UsagePoint = rows.get(pk=usage_point_id)
    return point


def _check_register(register_wh: int) -> None:
    if not 0 <= register_wh <= 10**13:
        raise InvalidValue("The register cannot be negative or that large.", field="register")
