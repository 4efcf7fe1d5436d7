"""Setting up debts, changing and freezing them, and giving back what a reversed purchase took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F

from gridtill.apps.arrears.choices import DebtKind, DebtStatus, RecoveryMode
from gridtill.apps.arrears.models import AuxiliaryAgreement
from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.customers.models import CustomerAccount
from gridtill.apps.ledger.choices import EntryKind
from gridtill.apps.ledger.operations import EntryHead, Line, post_entry
from gridtill.apps.ledger.queries import reference_of
from gridtill.apps.organization.queries import utility_settings
from gridtill.kernel.actors import Actor
from gridtill.kernel.clock import business_day
from gridtill.kernel.errors import InvalidValue, Refusal

AMOUNT_MAXIMUM = 10**13
# The worth of a meter's initial credit is part of opening the account; banks return cheques to who banks them.
_RIGHT_OF = {DebtKind.PRELOAD: "account.open", DebtKind.CHEQUE: "shift.banking"}


class DebtChanged(Refusal):
    """Somebody, or a purchase, changed the debt after it was shown."""

    code = "changed_meanwhile"
    remedy = "Look at it again, then repeat the change."


@dataclass(frozen=True, slots=True)
class DebtTerms:
    """
    How a debt is recovered: ``percent_bp`` hundredths of a percent, or ``fixed_minor``, of each purchase.

    Lower ``priority`` is taken first.
    """

    kind: DebtKind
    description: str
    mode: RecoveryMode
    percent_bp: int = 0
    fixed_minor: int = 0
    priority: int = 10

    def check(self) -> None:
        """
        Make sure that the terms can be applied.

        :raises InvalidValue: naming the field that is wrong
        """
        if not self.description.strip() or len(self.description) > 120:
            raise InvalidValue("Describe the debt in 1 to 120 characters.", field="description")
        if self.mode == RecoveryMode.PERCENT and not 1 <= self.percent_bp <= 9_000:
            raise InvalidValue("The share must lie between 0.01 % and 90 %.", field="percent")
        if self.mode == RecoveryMode.FIXED and not 1 <= self.fixed_minor <= AMOUNT_MAXIMUM:
            raise InvalidValue("The fixed amount must be positive.", field="fixed")
        if not 0 <= self.priority <= 99:
            raise InvalidValue("The priority is a number from 0 to 99.", field="priority")


@transaction.atomic
def add_debt(
    *,
    account_id: int,
    principal_minor: int,
    terms: DebtTerms,
    actor: Actor,
    at: datetime,
    request_id: UUID | None = None,
) -> AuxiliaryAgreement:
    """
    Set up a debt that purchases will pay off, and book it as receivable; the same request does so once.

    :raises InvalidValue: if the amount or the terms cannot be, the account is closed, or the
        request was another one before
    """
    terms.check()
    if not 1 <= principal_minor <= AMOUNT_MAXIMUM:
        raise InvalidValue("The debt must be positive.", field="principal")
    # Locked, so that of two equal requests the second sees what the first has done.
    accounts = CustomerAccount.objects.select_for_update(of=("self",), no_key=True).select_related("customer__office")
    account = accounts.get(pk=account_id)
    if account.closed_at is not None:
        raise InvalidValue("This account is closed; no purchase will pay a debt of it.", field="customer")
    unit_path = account.customer.office.path
    actor.require(_RIGHT_OF.get(terms.kind, "debt.edit"), unit_path)
    entry_id = request_id or uuid4()
    if (done := reference_of(entry_id)) is not None:
        return _repeated(done, account_id, principal_minor)
    debt = AuxiliaryAgreement.objects.create(
        account=account,
        kind=terms.kind,
        description=terms.description.strip(),
        mode=terms.mode,
        percent_bp=terms.percent_bp if terms.mode == RecoveryMode.PERCENT else 0,
        fixed_minor=terms.fixed_minor if terms.mode == RecoveryMode.FIXED else 0,
        principal_minor=principal_minor,
        remaining_minor=principal_minor,
        priority=terms.priority,
        created_at=at,
    )
    day = business_day(at, utility_settings().zone)
    post_entry(
        head=EntryHead(entry_id, EntryKind.DEBT, f"DEBT-{debt.pk}", day, at, at),
        lines=[Line("1400", principal_minor), Line("4950", -principal_minor)],
    )
    record_write(
        actor=actor, at=at, action="arrears.debt.added", subject=debt, unit_path=unit_path, after=snapshot(debt)
    )
    return debt


def _repeated(reference: str, account_id: int, principal_minor: int) -> AuxiliaryAgreement:
    """Return the debt that a request set up before."""
    same = AuxiliaryAgreement.objects.filter(account_id=account_id, principal_minor=principal_minor)
    number = reference.removeprefix("DEBT-")
    debt = same.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 19 else None
    if debt is None:
        raise InvalidValue(
            "This form was sent before with other contents. Nothing was changed.", remedy="Open it anew."
        )
    return debt


@transaction.atomic
def give_back(*, taken: Mapping[int, int], actor: Actor, at: datetime) -> None:
    """Raise debts by what a purchase had taken from them, because it was taken back; by debt id, minor units."""
    for debt_id, amount in sorted(taken.items()):
        AuxiliaryAgreement.objects.filter(pk=debt_id).update(
            remaining_minor=F("remaining_minor") + amount, version=F("version") + 1
        )
        AuxiliaryAgreement.objects.filter(pk=debt_id, status=DebtStatus.PAID).update(status=DebtStatus.OPEN)
        debt = AuxiliaryAgreement.objects.select_related("account__customer__office").get(pk=debt_id)
        record_write(
            actor=actor,
            at=at,
            action="arrears.debt.given_back",
            subject=debt,
            unit_path=debt.account.customer.office.path,
            after={"remaining_minor": debt.remaining_minor, "given_back_minor": amount},
        )


@transaction.atomic
def offset_debts(*, account_id: int, actor: Actor, at: datetime) -> int:
    """
    Mark all open debts of an account as paid, because its settlement pays them; returns their sum.

    The caller books that sum against the receivable.
    """
    total = 0
    for debt in AuxiliaryAgreement.objects.select_for_update(no_key=True).filter(
        account_id=account_id, status=DebtStatus.OPEN
    ):
        total += debt.remaining_minor
        AuxiliaryAgreement.objects.filter(pk=debt.pk).update(
            status=DebtStatus.PAID, remaining_minor=0, version=F("version") + 1
        )
        record_write(
            actor=actor,
            at=at,
            action="arrears.debt.settled",
            subject=debt,
            unit_path=actor.unit_path,
            before={"remaining_minor": debt.remaining_minor},
            after={"remaining_minor": 0},
        )
    return total


@transaction.atomic
def change_terms(*, debt_id: int, version: int, terms: DebtTerms, actor: Actor, at: datetime) -> AuxiliaryAgreement:
    """
    Recover a debt in another way from the next purchase on; its kind and its amount stay.

    :raises InvalidValue: if the terms cannot be, or the debt is paid
    :raises DebtChanged: if it is no longer in the state that was shown
    """
    terms.check()
    row = _locked(debt_id)
    unit_path = row.account.customer.office.path
    actor.require("debt.edit", unit_path)
    if row.status == DebtStatus.PAID:
        raise InvalidValue("This debt is paid already.")
    if row.version != version:
        raise DebtChanged("A purchase or somebody else changed this debt meanwhile. Nothing was changed.")
    before = snapshot(row)
    row.description, row.mode, row.priority = terms.description.strip(), terms.mode, terms.priority
    row.percent_bp = terms.percent_bp if terms.mode == RecoveryMode.PERCENT else 0
    row.fixed_minor = terms.fixed_minor if terms.mode == RecoveryMode.FIXED else 0
    row.version += 1
    row.save(update_fields=["description", "mode", "priority", "percent_bp", "fixed_minor", "version"])
    record_write(
        actor=actor,
        at=at,
        action="arrears.debt.modified",
        subject=row,
        unit_path=unit_path,
        before=before,
        after=snapshot(row),
    )
    return row


def _locked(debt_id: int) -> AuxiliaryAgreement:
    debts = AuxiliaryAgreement.objects.select_for_update(of=("self",), no_key=True).select_related(
        "account__customer__office"
    )
    return debts.get(pk=debt_id)


@transaction.atomic
def set_frozen(*, debt_id: int, frozen: bool, actor: Actor, at: datetime) -> AuxiliaryAgreement:
    """
    Stop recovering a debt from purchases, or begin again.

    :raises InvalidValue: if it is paid
    """
    row = _locked(debt_id)
    unit_path = row.account.customer.office.path
    actor.require("debt.edit", unit_path)
    if row.status == DebtStatus.PAID:
        raise InvalidValue("This debt is paid already.")
    before, after = row.status, DebtStatus.FROZEN if frozen else DebtStatus.OPEN
    if before == after:
        # Pressed twice, or by two people: what was wanted is so, and one record of it is enough.
        return row
    row.status = after
    row.version += 1
    row.save(update_fields=["status", "version"])
    record_write(
        actor=actor,
        at=at,
        action="arrears.debt.frozen" if frozen else "arrears.debt.resumed",
        subject=row,
        unit_path=unit_path,
        before={"status": before},
        after={"status": row.status},
    )
    return row
