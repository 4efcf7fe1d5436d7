"""Making operators, changing them, letting them in and keeping them out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from axes.utils import reset as forget_attempts
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django_otp import devices_for_user

from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.staff.choices import Permission
from gridtill.apps.staff.models import Operator, Role
from gridtill.apps.staff.rules import beyond, is_below
from gridtill.kernel.actors import Actor, NotAllowed
from gridtill.kernel.errors import InvalidValue, Refusal

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}", re.ASCII)


class LastAdministrator(Refusal):
    """Without it nobody could administrate any more."""

    code = "last_administrator"


class SecondPersonNeeded(Refusal):
    """One person alone does not let themselves in as somebody who may do as much."""

    code = "second_person_needed"


class OperatorChanged(Refusal):
    """Somebody else changed the operator meanwhile."""

    code = "changed_meanwhile"
    remedy = "Load the page again and repeat your change."


@dataclass(frozen=True, slots=True)
class NewOperator:
    """A person to be: sign-in name, full name, role code and the unit that bounds them."""

    username: str
    full_name: str
    role: str
    unit_id: int
    language: str = "en"
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class OperatorChange:
    """All that may change about an operator: name, role code, the unit that bounds them, and contacts."""

    full_name: str
    role: str
    unit_id: int
    language: str = "en"
    phone: str = ""
    email: str = ""


@transaction.atomic
def create_operator(
    *, new: NewOperator, password: str, must_change: bool = True, actor: Actor, at: datetime
) -> Operator:
    """
    Add an operator under a unit that the actor reaches, with no rights that the actor may not hand on.

    :raises InvalidValue: if a field is wrong, the name is taken or the password is weak
    :raises NotAllowed: if the unit or the role goes beyond the actor
    """
    unit = OrganizationUnit.objects.get(pk=new.unit_id)
    actor.require("staff.edit", unit.path)
    username = new.username.strip().lower()
    if not _USERNAME.fullmatch(username):
        raise InvalidValue("A user name has 2 to 60 letters, digits, dots or dashes.", field="username")
    taken = InvalidValue("This user name is taken.", field="username")
    if Operator.objects.filter(username=username).exists():
        raise taken
    full_name = _checked_name(new.full_name)
    phone, email, language = checked_contact(new.phone, new.email, new.language)
    role = Role.objects.get(code=new.role)
    _refuse_beyond(actor, role)
    operator = Operator(
        username=username,
        full_name=full_name,
        role=role,
        unit=unit,
        language=language,
        phone=phone,
        email=email,
        must_change_password=must_change,
    )
    set_checked_password(operator, password)
    try:
        with transaction.atomic():
            operator.save()
    except IntegrityError:
        # Somebody else took it in this very moment.
        raise taken from None
    record_write(
        actor=actor,
        at=at,
        action="staff.operator.added",
        subject=operator,
        unit_path=unit.path,
        after=snapshot(operator),
    )
    return operator


def _rights(role: Role) -> frozenset[str]:
    if role.is_administrator:
        return frozenset(Permission.values)
    return frozenset(role.permissions.values_list("permission", flat=True))


def _refuse_beyond(actor: Actor, role: Role) -> None:
    if beyond(actor, _rights(role)):
        raise NotAllowed(f"The role {role.name} may do more than you. Nothing was changed.")


def _checked_name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= 120:
        raise InvalidValue("A name has 1 to 120 characters.", field="full_name")
    return name


def checked_contact(phone: str, email: str, language: str) -> tuple[str, str, str]:
    """
    Return phone, e-mail address and language of a person, stripped, after checking them.

    :raises InvalidValue: naming the field that is wrong
    """
    phone, email = phone.strip(), email.strip()
    if len(phone) > 40 or not re.fullmatch(r"[0-9+()/ .-]*", phone, re.ASCII):
        raise InvalidValue("A telephone number has up to 40 digits, blanks, + or -.", field="phone")
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise InvalidValue("This is not an e-mail address.", field="email") from None
    if len(email) > 254:
        raise InvalidValue("An e-mail address has up to 254 characters.", field="email")
    if language not in dict(settings.LANGUAGES):
        raise InvalidValue("Choose a language.", field="language")
    return phone, email, language


def set_checked_password(operator: Operator, password: str) -> None:
    """
    Give an operator a password that keeps the rules; nothing is saved yet.

    :raises InvalidValue: saying which rule it breaks
    """
    try:
        validate_password(password, operator)
    except ValidationError as error:
        raise InvalidValue(" ".join(error.messages), field="new_password") from None
    operator.set_password(password)


def _locked_operator(operator_id: int, actor: Actor) -> Operator:
    """
    Return an operator for changing, if the actor reaches them and may do no less than they.

    All administrators are locked first, so that two who change each other do not wait for each other.
    """
    _chiefs()
    operator = Operator.objects.select_for_update(of=("self",)).select_related("unit", "role").get(pk=operator_id)
    actor.require("staff.edit", operator.unit.path)
    _refuse_beyond(actor, operator.role)
    return operator


def _chiefs() -> set[int]:
    """Lock the administrators of the whole utility, always in one order, and return their ids."""
    chiefs = Operator.objects.select_for_update(of=("self",)).filter(
        is_active=True, role__is_administrator=True, unit__parent=None
    )
    return set(chiefs.order_by("pk").values_list("pk", flat=True))


def _require_another_administrator(operator: Operator) -> None:
    """
    Refuse to lose the last person who may do everything everywhere.

    All administrators are locked, so that two of them cannot shut out each other at once.
    """
    if _chiefs() == {operator.pk}:
        raise LastAdministrator(
            "This is the last administrator of the utility. Nothing was changed.",
            remedy="Make somebody else an administrator first.",
        )


@transaction.atomic
def modify_operator(*, operator_id: int, version: int, change: OperatorChange, actor: Actor, at: datetime) -> Operator:
    """
    Change an operator's name, role, unit or contacts; the new role and unit hold from the next page on.

    :raises OperatorChanged: if the version is not the one that was looked at
    :raises LastAdministrator: if no administrator of the whole utility would remain
    :raises NotAllowed: if either role or either unit goes beyond the actor, or it is the actor's own
    :raises InvalidValue: naming the field that is wrong
    """
    operator = _locked_operator(operator_id, actor)
    if operator.version != version:
        raise OperatorChanged(f"{operator.full_name} was changed by somebody else meanwhile. Nothing was saved.")
    unit = OrganizationUnit.objects.get(pk=change.unit_id)
    role = Role.objects.get(code=change.role)
    before = snapshot(operator)
    if (role.pk, unit.pk) != (operator.role_id, operator.unit_id):
        _require_movable(operator, role, unit, actor)
    operator.full_name = _checked_name(change.full_name)
    operator.phone, operator.email, operator.language = checked_contact(change.phone, change.email, change.language)
    left_path = operator.unit.path
    operator.role, operator.unit = role, unit
    operator.version += 1
    operator.save()
    # Somebody who moves is to be found in the log of the unit that they left, and of the one that they came to.
    for path in dict.fromkeys((left_path, unit.path)):
        record_write(
            actor=actor,
            at=at,
            action="staff.operator.modified",
            subject=operator,
            unit_path=path,
            before=before,
            after=snapshot(operator),
        )
    return operator


def _require_movable(operator: Operator, role: Role, unit: OrganizationUnit, actor: Actor) -> None:
    if operator.pk == actor.id:
        raise NotAllowed("Nobody changes their own role or unit. Nothing was changed.")
    actor.require("staff.edit", unit.path)
    _refuse_beyond(actor, role)
    if operator.is_active and operator.role.is_administrator and not (role.is_administrator and unit.parent_id is None):
        _require_another_administrator(operator)


@transaction.atomic
def reset_password(
    *, operator_id: int, password: str, actor: Actor, at: datetime, approver: Actor | None = None
) -> Operator:
    """
    Give an operator a first password again, which ends their sessions and must be changed at the next sign-in.

    A lock after too many wrong tries is lifted as well, since forgetting is what it mostly comes from.

    :raises NotAllowed: if the operator is out of reach, may do more than the actor, or is the actor
    :raises SecondPersonNeeded: if the operator may do as much as the actor, and nobody else agrees
    :raises InvalidValue: if the password is weak
    """
    operator = _locked_operator(operator_id, actor)
    if operator.pk == actor.id:
        raise NotAllowed("Change your own password in your profile. Nothing was changed.")
    _require_second_person(operator, actor, approver)
    set_checked_password(operator, password)
    operator.must_change_password = True
    operator.version += 1
    operator.save(update_fields=["password", "must_change_password", "version"])
    forget_attempts(username=operator.username)
    _record(operator, "password_reset", actor, at, approver)
    return operator


@transaction.atomic
def lift_lockout(*, operator_id: int, actor: Actor, at: datetime) -> bool:
    """
    Let somebody try again at once after too many wrong passwords; tell whether there was anything to lift.

    :raises NotAllowed: if the operator is out of reach or may do more than the actor
    """
    operator = _locked_operator(operator_id, actor)
    lifted = bool(forget_attempts(username=operator.username))
    if lifted:
        _record(operator, "lockout_lifted", actor, at)
    return lifted


def _record(operator: Operator, act: str, actor: Actor, at: datetime, approver: Actor | None = None) -> None:
    record_write(
        actor=actor,
        at=at,
        action=f"staff.operator.{act}",
        subject=operator,
        unit_path=operator.unit.path,
        after={"second_person": approver.name} if approver else None,
    )


def _require_second_person(operator: Operator, actor: Actor, approver: Actor | None) -> None:
    """
    Ask for a second person before somebody may sign in as an equal, who could be their own second person then.

    :raises SecondPersonNeeded: if there is none, or they may not change operators here
    """
    if actor.id is None or is_below(actor, _rights(operator.role)):
        return
    if (
        approver is None
        or approver.id in (actor.id, operator.pk)
        or not approver.may("staff.edit")
        or not approver.reaches(operator.unit.path)
    ):
        raise SecondPersonNeeded(
            "{name} may do as much as you. Somebody else who may change operators has to agree. Nothing was changed.",
            name=operator.full_name,
            field="approver",
        )


@transaction.atomic
def forget_second_factor(*, operator_id: int, actor: Actor, at: datetime, approver: Actor | None = None) -> int:
    """
    Forget the authenticator of somebody who lost it, and return how many devices were forgotten.

    :raises SecondPersonNeeded: if the operator may do as much as the actor, and nobody else agrees
    :raises NotAllowed: if the operator is out of reach, may do more than the actor, or is the actor
    """
    operator = _locked_operator(operator_id, actor)
    if operator.pk == actor.id:
        raise NotAllowed("Somebody else has to reset your second factor. Nothing was changed.")
    _require_second_person(operator, actor, approver)
    devices = list(devices_for_user(operator, confirmed=None))
    for device in devices:
        device.delete()
    _record(operator, "second_factor_forgotten", actor, at, approver)
    return len(devices)


@transaction.atomic
def set_active(*, operator_id: int, active: bool, actor: Actor, at: datetime) -> Operator:
    """
    Let an operator in or keep them out; asking for what already holds changes nothing.

    :raises LastAdministrator: if no administrator of the whole utility would remain
    :raises NotAllowed: if the operator is out of reach, may do more than the actor, or is the actor
    """
    operator = _locked_operator(operator_id, actor)
    if operator.is_active == active:
        return operator
    if not active and operator.role.is_administrator:
        _require_another_administrator(operator)
    if operator.pk == actor.id:
        raise NotAllowed("Nobody keeps themselves out. Nothing was changed.")
    operator.is_active = active
    operator.version += 1
    operator.save(update_fields=["is_active", "version"])
    _record(operator, "activated" if active else "deactivated", actor, at)
    return operator
