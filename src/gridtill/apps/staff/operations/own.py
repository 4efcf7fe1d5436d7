"""What operators change about themselves, and the note of every sign-in."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.staff.choices import SignInOutcome
from gridtill.apps.staff.models import Operator, SignIn
from gridtill.apps.staff.operations.operators import OperatorChanged, checked_contact, set_checked_password
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue


@transaction.atomic
def change_own_password(*, operator_id: int, old: str, new: str, actor: Actor, at: datetime) -> Operator:
    """
    Change one's own password after giving the old one.

    :raises InvalidValue: if the old one is wrong, or the new one is weak or the same
    """
    operator = Operator.objects.select_for_update(of=("self",)).select_related("unit").get(pk=operator_id)
    if not operator.check_password(old):
        raise InvalidValue("That is not your password now.", field="old_password")
    if old == new:
        raise InvalidValue("Choose another password than the one you had.", field="new_password")
    set_checked_password(operator, new)
    operator.must_change_password = False
    operator.version += 1
    operator.save()
    record_write(
        actor=actor, at=at, action="staff.operator.password_changed", subject=operator, unit_path=operator.unit.path
    )
    return operator


@transaction.atomic
def modify_own_contact(*, version: int, phone: str, email: str, language: str, actor: Actor, at: datetime) -> Operator:
    """
    Change one's own phone, e-mail address and language; role and unit are for others to change.

    :raises OperatorChanged: if the version is not the one that was looked at
    :raises InvalidValue: naming the field that is wrong
    """
    operator = Operator.objects.select_for_update(of=("self",)).select_related("unit").get(pk=actor.person_id)
    if operator.version != version:
        raise OperatorChanged("Your data were changed by somebody else meanwhile. Nothing was saved.")
    before = snapshot(operator)
    operator.phone, operator.email, operator.language = checked_contact(phone, email, language)
    operator.version += 1
    operator.save(update_fields=["phone", "email", "language", "version"])
    record_write(
        actor=actor,
        at=at,
        action="staff.operator.modified",
        subject=operator,
        unit_path=operator.unit.path,
        before=before,
        after=snapshot(operator),
    )
    return operator


def record_sign_in(*, username: str, outcome: SignInOutcome, address: str | None, device: str, at: datetime) -> None:
    """Note an attempt to sign in, whether the name exists or not."""
    operator = Operator.objects.filter(username=username.strip().lower()).first()
    SignIn.objects.create(
        operator=operator, username=username[:60], at=at, address=address, device=device[:200], outcome=outcome
    )
