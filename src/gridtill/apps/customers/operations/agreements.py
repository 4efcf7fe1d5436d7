"""Opening, pausing and ending agreements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.customers.choices import AgreementStatus, CustomerStatus, OverdraftPolicy, UsagePointStatus
from gridtill.apps.customers.models import Customer, CustomerAccount, CustomerAgreement, UsagePoint
from gridtill.apps.customers.operations.common import CustomerStateWrong, audit
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue


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


def lock_agreement(agreement_id: int) -> CustomerAgreement:
    """Lock an agreement until the transaction ends, and return it with its account and customer."""
    rows = CustomerAgreement.objects.select_for_update(of=("self",))
    return rows.select_related("usage_point__customer__office", "account").get(pk=agreement_id)


@transaction.atomic
def activate_agreement(*, agreement_id: int, terms: OpeningTerms, actor: Actor, at: datetime) -> CustomerAgreement:
    """
    Put a newly installed customer's agreement into force, with its usage point and account.

    :raises CustomerStateWrong: if it is not newly installed, or has no meter
    """
    terms.check()
    row = lock_agreement(agreement_id)
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
    audit(row, customer, "customers.agreement.opened", actor, at, before)
    return row


@transaction.atomic
def set_paused(*, agreement_id: int, paused: bool, reason: str, actor: Actor, at: datetime) -> CustomerAgreement:
    """
    Stop selling to an opened account for a while, or go on.

    :raises CustomerStateWrong: if it is not in use, or not paused
    :raises InvalidValue: without a reason
    """
    if len(reason.strip()) < 3:
        raise InvalidValue("Give a reason.", field="reason")
    rows = CustomerAgreement.objects.select_for_update(of=("self",)).select_related("usage_point__customer__office")
    agreement = rows.get(pk=agreement_id)
    point, customer = agreement.usage_point, agreement.usage_point.customer
    actor.require("archives.edit", customer.office.path)
    expected = AgreementStatus.ACTIVE if paused else AgreementStatus.PAUSED
    if agreement.status != expected:
        raise CustomerStateWrong("The account is not in a state for that. Nothing was changed.")
    before = snapshot(agreement)
    agreement.status = AgreementStatus.PAUSED if paused else AgreementStatus.ACTIVE
    agreement.version += 1
    agreement.save()
    UsagePoint.objects.filter(pk=point.pk).update(status=UsagePointStatus.PAUSED if paused else UsagePointStatus.IN_USE)
    active = CustomerAgreement.objects.filter(account_id=agreement.account_id, status=AgreementStatus.ACTIVE).exists()
    Customer.objects.filter(pk=customer.pk).update(status=CustomerStatus.OPENED if active else CustomerStatus.PAUSED)
    record_write(
        actor=actor,
        at=at,
        action="customers.agreement.paused" if paused else "customers.agreement.resumed",
        subject=agreement,
        unit_path=customer.office.path,
        before=before,
        after=snapshot(agreement),
        reason=reason,
    )
    return agreement


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
    audit(row, customer, "customers.agreement.closed", actor, at, before)
    return row


def is_opening_password(*, agreement_id: int, password: str) -> bool:
    """Tell whether this is the password that was given when the account was opened."""
    stored = CustomerAgreement.objects.values_list("opening_password", flat=True).get(pk=agreement_id)
    return bool(stored) and check_password(password, stored)
