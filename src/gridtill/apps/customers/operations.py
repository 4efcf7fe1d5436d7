"""Customers, their usage points, meters and agreements: every write and every rule of the archive."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import Max

from gridtill.apps.assets.models import Meter
from gridtill.apps.assets.operations import note_installed, note_removed
from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.customers.choices import AgreementStatus, CustomerStatus, OverdraftPolicy, UsagePointStatus
from gridtill.apps.customers.models import (
    Customer,
    CustomerAccount,
    CustomerAgreement,
    MeterInstallation,
    UsagePoint,
)
from gridtill.apps.network.models import Transformer
from gridtill.apps.pricing.models import PricingStructure
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal

_PHONE = re.compile(r"\+?[0-9 ()-]{5,30}", re.ASCII)


class CustomerStateWrong(Refusal):
    """The customer, the usage point or the agreement is in a state that forbids this."""

    code = "customer_state_wrong"


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A customer under a transformer; the number is given automatically when it is empty."""

    name: str
    transformer_id: int
    phone: str = ""
    address: str = ""
    id_document: str = ""
    customer_class: str = "RESIDENTIAL"
    number: str = ""

    def checked(self) -> NewCustomer:
        """
        Return it stripped, after checking every field.

        :raises InvalidValue: naming the field that is wrong
        """
        clean = replace(
            self,
            **{name: getattr(self, name).strip() for name in ("name", "phone", "address", "id_document", "number")},
        )
        for name, most in (("name", 120), ("phone", 40), ("address", 200), ("id_document", 60), ("number", 20)):
            if len(getattr(clean, name)) > most:
                raise InvalidValue(f"Enter at most {most} characters.", field=name)
        if not clean.name:
            raise InvalidValue("Enter the customer's name.", field="name")
        if clean.phone and not _PHONE.fullmatch(clean.phone):
            raise InvalidValue("A telephone number has digits, spaces and dashes.", field="phone")
        return clean


@dataclass(frozen=True, slots=True)
class OpeningTerms:
    """
    What is agreed when an account is opened: the password asked at its end, overdraft, and initial credit.

    Energies in watt-hours, time in seconds.
    """

    password: str
    overdraft_policy: OverdraftPolicy = OverdraftPolicy.NONE
    overdraft_limit_wh: int = 0
    overdraft_time_s: int = 0
    initial_credit_wh: int = 0

    def check(self) -> None:
        """
        Make sure that the terms can be kept.

        :raises InvalidValue: naming the field that is wrong
        """
        if not 4 <= len(self.password) <= 40:
            raise InvalidValue("The opening password has 4 to 40 characters.", field="password")
        if not 0 <= self.overdraft_limit_wh <= 10**9 or not 0 <= self.overdraft_time_s <= 10**7:
            raise InvalidValue("The overdraft cannot be negative or that large.", field="overdraft_limit")
        if not 0 <= self.initial_credit_wh <= 10**9:
            raise InvalidValue("The initial credit cannot be negative or that large.", field="initial_credit")


@transaction.atomic
def add_customer(*, new: NewCustomer, actor: Actor, at: datetime) -> Customer:
    """
    Add a newly installed customer with an account that is not opened yet.

    :raises InvalidValue: if a field is wrong or the number is taken
    """
    new = new.checked()
    transformer = Transformer.objects.select_related("office").get(pk=new.transformer_id)
    actor.require("archives.edit", transformer.office.path)
    number = new.number or _next_number("C", Customer)
    if Customer.objects.filter(number=number).exists():
        raise InvalidValue(f"{number} is the number of another customer.", field="number")
    customer = Customer.objects.create(
        number=number,
        office=transformer.office,
        transformer=transformer,
        name=new.name,
        phone=new.phone,
        address=new.address,
        id_document=new.id_document,
        customer_class=new.customer_class,
        created_at=at,
    )
    CustomerAccount.objects.create(customer=customer, number=number)
    _audit(customer, customer, "customers.customer.added", actor, at)
    return customer


def _next_number(prefix: str, model: type[Customer] | type[UsagePoint]) -> str:
    latest = model.objects.aggregate(latest=Max("id"))["latest"] or 0
    number = latest + 1
    while model.objects.filter(number=f"{prefix}{100000 + number}").exists():
        number += 1
    return f"{prefix}{100000 + number}"


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
    customer = Customer.objects.select_related("office", "account", "transformer").get(pk=new.customer_id)
    actor.require("archives.edit", customer.office.path)
    if customer.status == CustomerStatus.CANCELLED:
        raise CustomerStateWrong("This customer was cancelled.", remedy="Add a new customer.")
    if not 1 <= len(new.name.strip()) <= 120 or len(new.address) > 200:
        raise InvalidValue("A name has 1 to 120 characters.", field="name")
    number = new.number.strip() or _next_number("P", UsagePoint)
    if len(number) > 20 or UsagePoint.objects.filter(number=number).exists():
        raise InvalidValue(f"{number[:20]} is the number of another metering point.", field="number")
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
    _audit(point, customer, "customers.usage_point.added", actor, at)
    return point


@transaction.atomic
def delete_usage_point(*, usage_point_id: int, actor: Actor, at: datetime) -> None:
    """
    Remove a metering point that is still being set up.

    :raises CustomerStateWrong: if it is in use, or a meter was ever installed there
    """
    point = UsagePoint.objects.select_related("customer__office").get(pk=usage_point_id)
    actor.require("archives.edit", point.customer.office.path)
    if point.status != UsagePointStatus.PLANNED:
        since = f" since {point.energized_at:%d %b %Y}" if point.energized_at else ""
        raise CustomerStateWrong(
            f"This metering point is in use{since}. Nothing was deleted.", remedy="Take it out of use first."
        )
    if point.installations.exists():
        raise CustomerStateWrong("A meter is installed there. Nothing was deleted.", remedy="Remove the meter first.")
    _audit(point, point.customer, "customers.usage_point.deleted", actor, at)
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
    point = UsagePoint.objects.select_related("customer__office").get(pk=usage_point_id)
    actor.require("archives.edit", point.customer.office.path)
    if point.installations.filter(removed_at=None).exists():
        raise CustomerStateWrong("A meter is installed there already.", remedy="Remove it first.")
    meter = Meter.objects.filter(number=meter_number.strip()).first()
    if meter is None:
        raise InvalidValue("There is no meter of this number in the archive.", field="meter_number")
    if not 0 <= register_wh <= 10**13:
        raise InvalidValue("The register cannot be negative or that large.", field="register")
    note_installed(kind="meter", asset_id=meter.pk, actor=actor, at=at, reason=f"at {point.number}")
    installation = MeterInstallation.objects.create(
        usage_point=point, meter=meter, installed_at=at, installed_register_wh=register_wh
    )
    _audit(installation, point.customer, "customers.meter.installed", actor, at)
    return installation


@transaction.atomic
def remove_meter(*, usage_point_id: int, register_wh: int, actor: Actor, at: datetime) -> MeterInstallation:
    """
    Take the meter away from a metering point, with what its register shows.

    :raises CustomerStateWrong: if there is none
    """
    point = UsagePoint.objects.select_related("customer__office").get(pk=usage_point_id)
    # Whoever may cancel an account frees its meter with it.
    actor.require("account.close" if actor.may("account.close") else "archives.edit", point.customer.office.path)
    installation = point.installations.filter(removed_at=None).first()
    if installation is None:
        raise CustomerStateWrong("There is no meter at this metering point.")
    before = snapshot(installation)
    installation.removed_at, installation.removed_register_wh = at, register_wh
    installation.save()
    note_removed(kind="meter", asset_id=installation.meter_id, actor=actor, at=at, reason=f"from {point.number}")
    _audit(installation, point.customer, "customers.meter.removed", actor, at, before)
    return installation


@transaction.atomic
def activate_agreement(*, agreement_id: int, terms: OpeningTerms, actor: Actor, at: datetime) -> CustomerAgreement:
    """
    Put a newly installed customer's agreement into force, with its usage point and account.

    :raises CustomerStateWrong: if it is not newly installed, or has no meter
    """
    terms.check()
    agreement = CustomerAgreement.objects.select_for_update(of=("self",)).select_related(
        "usage_point__customer__office", "account"
    )
    row = agreement.get(pk=agreement_id)
    point, customer = row.usage_point, row.usage_point.customer
    actor.require("account.open", customer.office.path)
    if row.status != AgreementStatus.PENDING:
        raise CustomerStateWrong(
            "Only a newly installed customer can be opened; this one was opened before. Nothing was changed."
        )
    if not point.installations.filter(removed_at=None).exists():
        raise CustomerStateWrong("There is no meter at this metering point.", remedy="Install one first.")
    before = snapshot(row)
    row.status, row.opened_at = AgreementStatus.ACTIVE, at
    row.opening_password = make_password(terms.password)
    row.overdraft_policy, row.overdraft_limit_wh = terms.overdraft_policy, terms.overdraft_limit_wh
    row.overdraft_time_s, row.initial_credit_wh = terms.overdraft_time_s, terms.initial_credit_wh
    row.version += 1
    row.save()
    UsagePoint.objects.filter(pk=point.pk).update(status=UsagePointStatus.IN_USE, energized_at=at)
    Customer.objects.filter(pk=customer.pk).update(status=CustomerStatus.OPENED)
    CustomerAccount.objects.filter(pk=row.account_id, opened_at=None).update(opened_at=at)
    _audit(row, customer, "customers.agreement.opened", actor, at, before)
    return row


@transaction.atomic
def close_agreement(*, agreement_id: int, actor: Actor, at: datetime) -> CustomerAgreement:
    """
    End an agreement that was in force; the account ends with its last agreement.

    :raises CustomerStateWrong: if it was not opened
    """
    agreement = CustomerAgreement.objects.select_for_update(of=("self",)).select_related(
        "usage_point__customer__office"
    )
    row = agreement.get(pk=agreement_id)
    customer = row.usage_point.customer
    actor.require("account.close", customer.office.path)
    if row.status not in {AgreementStatus.ACTIVE, AgreementStatus.PAUSED}:
        raise CustomerStateWrong("Only an opened account can be cancelled. Nothing was changed.")
    before = snapshot(row)
    row.status, row.closed_at = AgreementStatus.CLOSED, at
    row.version += 1
    row.save()
    UsagePoint.objects.filter(pk=row.usage_point_id).update(status=UsagePointStatus.RETIRED)
    going_on = CustomerAgreement.objects.filter(account_id=row.account_id).exclude(status=AgreementStatus.CLOSED)
    if not going_on.exists():
        Customer.objects.filter(pk=customer.pk).update(status=CustomerStatus.CANCELLED)
        CustomerAccount.objects.filter(pk=row.account_id).update(closed_at=at)
    _audit(row, customer, "customers.agreement.closed", actor, at, before)
    return row


def is_opening_password(*, agreement_id: int, password: str) -> bool:
    """Tell whether this is the password that was given when the account was opened."""
    stored = CustomerAgreement.objects.values_list("opening_password", flat=True).get(pk=agreement_id)
    return bool(stored) and check_password(password, stored)


def _audit(
    row: Customer | UsagePoint | MeterInstallation | CustomerAgreement,
    customer: Customer,
    action: str,
    actor: Actor,
    at: datetime,
    before: dict[str, object] | None = None,
) -> None:
    record_write(
        actor=actor,
        at=at,
        action=action,
        subject=row,
        unit_path=customer.office.path,
        before=before,
        after=snapshot(row),
    )
