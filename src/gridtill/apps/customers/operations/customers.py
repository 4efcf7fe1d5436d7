"""Adding, changing and deleting customers."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from gridtill.apps.audit.operations import delete_unused, record_write, snapshot
from gridtill.apps.customers.choices import CustomerClass, CustomerStatus, NoticeChannel
from gridtill.apps.customers.models import Customer, CustomerAccount
from gridtill.apps.customers.operations.common import CustomerChanged, CustomerStateWrong, audit, next_number
from gridtill.apps.network.models import Transformer
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_CUSTOMER_LENGTHS = {
    "name": 120, "phone": 40, "phone_second": 40, "email": 254, "address": 200, "id_document": 60,
    "settlement_name": 120, "legacy_number": 40, "trade_code": 20, "language": 10,
}  # fmt: skip
_PHONE = re.compile(r"\+?[0-9 ()-]{5,30}", re.ASCII)


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
                raise InvalidValue("Enter at most {most} characters.", field=name, most=most)
        if not clean.name:
            raise InvalidValue("Enter the customer's name.", field="name")
        if clean.phone and not _PHONE.fullmatch(clean.phone):
            raise InvalidValue("A telephone number has digits, spaces and dashes.", field="phone")
        return clean


@dataclass(frozen=True, slots=True)
class CustomerChange:
    """What may be changed of a customer; the number and the place in the network stay."""

    name: str
    phone: str = ""
    phone_second: str = ""
    email: str = ""
    address: str = ""
    id_document: str = ""
    settlement_name: str = ""
    legacy_number: str = ""
    customer_class: str = CustomerClass.RESIDENTIAL
    trade_code: str = ""
    contract_capacity_w: int | None = None
    is_tax_exempt: bool = False
    language: str = "en"
    notice_channel: str = NoticeChannel.NONE

    def checked(self) -> CustomerChange:
        """
        Return it stripped, after checking every field.

        :raises InvalidValue: naming the field that is wrong
        """
        stripped: dict[str, Any] = {n: value.strip() for n, value in asdict(self).items() if isinstance(value, str)}
        clean = replace(self, **stripped)
        for name, most in _CUSTOMER_LENGTHS.items():
            if len(getattr(clean, name)) > most:
                raise InvalidValue("Enter at most {most} characters.", field=name, most=most)
        if not clean.name:
            raise InvalidValue("Enter the customer's name.", field="name")
        for name in ("phone", "phone_second"):
            if getattr(clean, name) and not _PHONE.fullmatch(getattr(clean, name)):
                raise InvalidValue("A telephone number has digits, spaces and dashes.", field=name)
        if clean.email and not _EMAIL.fullmatch(clean.email):
            raise InvalidValue("This is not an e-mail address.", field="email")
        if clean.customer_class not in CustomerClass.values or clean.notice_channel not in NoticeChannel.values:
            raise InvalidValue("Choose one of what is offered.", field="customer_class")
        if clean.contract_capacity_w is not None and not 1 <= clean.contract_capacity_w <= 10**9:
            raise InvalidValue("The capacity lies between 1 W and 1 GW.", field="contract_capacity_w")
        return clean


@transaction.atomic
def add_customer(*, new: NewCustomer, actor: Actor, at: datetime) -> Customer:
    """
    Add a newly installed customer with an account that is not opened yet.

    :raises InvalidValue: if a field is wrong or the number is taken
    """
    new = new.checked()
    transformer = Transformer.objects.select_related("office").get(pk=new.transformer_id)
    actor.require("archives.edit", transformer.office.path)
    number = new.number or next_number("C", Customer)
    if Customer.objects.filter(number=number).exists():
        raise InvalidValue("{number} is the number of another customer.", field="number", number=number)
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
    audit(customer, customer, "customers.customer.added", actor, at)
    return customer


@transaction.atomic
def modify_customer(*, customer_id: int, version: int, change: CustomerChange, actor: Actor, at: datetime) -> Customer:
    """
    Change what is known of a customer.

    :raises CustomerChanged: if the version is not the one that was looked at
    :raises InvalidValue: naming the field that is wrong
    """
    customer = Customer.objects.select_for_update(of=("self",)).select_related("office").get(pk=customer_id)
    actor.require("archives.edit", customer.office.path)
    change = change.checked()
    if customer.version != version:
        raise CustomerChanged("{name} was changed by somebody else meanwhile. Nothing was saved.", name=customer.name)
    before = snapshot(customer)
    for name, value in asdict(change).items():
        setattr(customer, name, value)
    customer.version += 1
    customer.save()
    audit(customer, customer, "customers.customer.modified", actor, at, before)
    return customer


@transaction.atomic
def delete_customer(*, customer_id: int, actor: Actor, at: datetime) -> None:
    """
    Delete a newly installed customer without metering points.

    :raises CustomerStateWrong: if the account was ever opened
    :raises StillUsed: naming the metering points or debts
    """
    customer = Customer.objects.select_for_update(of=("self",)).select_related("office").get(pk=customer_id)
    actor.require("archives.edit", customer.office.path)
    if customer.status != CustomerStatus.NEW:
        raise CustomerStateWrong(
            "Only a newly installed customer can be deleted. Nothing was deleted.", remedy="Cancel the account instead."
        )
    record_write(
        actor=actor,
        at=at,
        action="customers.customer.deleted",
        subject=customer,
        unit_path=customer.office.path,
        before=snapshot(customer),
    )
    # The account was made with the customer and goes with it; points and debts stand in the way.
    if customer.usage_points.exists():
        delete_unused(customer)
    delete_unused(customer.account)
    delete_unused(customer)
