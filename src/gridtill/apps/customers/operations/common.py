"""What the operations on customers, metering points and agreements share."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max

from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.customers.models import Customer, CustomerAgreement, MeterInstallation, UsagePoint
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import Refusal


class CustomerStateWrong(Refusal):
    """The customer, the usage point or the agreement is in a state that forbids this."""

    code = "customer_state_wrong"


class CustomerChanged(Refusal):
    """Somebody else changed the customer or the metering point meanwhile."""

    code = "changed_meanwhile"
    remedy = "Look at what they changed, then make your change again."


def next_number(prefix: str, model: type[Customer] | type[UsagePoint]) -> str:
    # One at a time: two who count at once would find the same number.
    OrganizationUnit.objects.select_for_update(of=("self",)).filter(parent=None).first()
    latest = model.objects.aggregate(latest=Max("id"))["latest"] or 0
    number = latest + 1
    while model.objects.filter(number=f"{prefix}{100000 + number}").exists():
        number += 1
    return f"{prefix}{100000 + number}"


def audit(
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
