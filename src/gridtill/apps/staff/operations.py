"""Making and changing operators and roles, and noting who signed in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.staff.choices import Permission, SignInOutcome
from gridtill.apps.staff.models import Operator, Role, RolePermission, SignIn
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal

P = Permission
_ARCHIVES = {P.ARCHIVES_VIEW, P.ASSETS_VIEW, P.VEND_VIEW}
DEFAULT_ROLES: dict[str, tuple[str, set[Permission]]] = {
    "administrator": ("Administrator", set()),
    "bureau_manager": (
        "Bureau manager",
        {*_ARCHIVES, P.ARCHIVES_EDIT, P.BUREAU_EDIT, P.ASSETS_EDIT, P.ACCOUNT_OPEN, P.ACCOUNT_CLOSE, P.REVERSE_APPROVE,
         P.SHIFT_SIGN, P.BANKING, P.DAY_CLOSE, P.REPORTS_VIEW, P.TARIFF_VIEW, P.TARIFF_ACTIVATE, P.NOTICE_EDIT,
         P.STAFF_VIEW, P.STAFF_EDIT, P.AUDIT_VIEW, P.DEBT_EDIT},
    ),
    "archive_clerk": (
        "Archive clerk",
        {*_ARCHIVES, P.ARCHIVES_EDIT, P.ASSETS_EDIT, P.ASSETS_IMPORT, P.ACCOUNT_OPEN, P.TARIFF_VIEW},
    ),
    "cashier": (
        "Cashier",
        {P.SELL, P.VEND_VIEW, P.REVERSE, P.REPRINT, P.ARCHIVES_VIEW, P.ACCOUNT_OPEN, P.ACCOUNT_CLOSE, P.REPORTS_VIEW},
    ),
    "supervisor": (
        "Supervisor",
        {*_ARCHIVES, P.SELL, P.REVERSE, P.REVERSE_APPROVE, P.REPRINT, P.SHIFT_SIGN, P.BANKING, P.DAY_CLOSE,
         P.REPORTS_VIEW, P.DEBT_EDIT, P.ACCOUNT_OPEN, P.ACCOUNT_CLOSE, P.NOTICE_EDIT},
    ),
    "card_officer": ("Card officer", {*_ARCHIVES, P.CARDS_EDIT, P.REPRINT}),
    "engineer": ("Engineer", {*_ARCHIVES, P.ARCHIVES_EDIT, P.ASSETS_EDIT, P.METERING_VIEW, P.METERING_CONTROL}),
    "auditor": ("Auditor", {*_ARCHIVES, P.REPORTS_VIEW, P.AUDIT_VIEW, P.TARIFF_VIEW, P.STAFF_VIEW, P.METERING_VIEW}),
}  # fmt: skip
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}", re.ASCII)


class LastAdministrator(Refusal):
    """Without it nobody could administrate any more."""

    code = "last_administrator"


@dataclass(frozen=True, slots=True)
class NewOperator:
    """A person to be: sign-in name, full name, role code and the unit that bounds them."""

    username: str
    full_name: str
    role: str
    unit_id: int
    language: str = "en"


@transaction.atomic
def ensure_default_roles(*, actor: Actor, at: datetime) -> None:
    """Create the roles that a utility starts with; those that exist stay as they were changed."""
    for code, (name, permissions) in DEFAULT_ROLES.items():
        role, made = Role.objects.get_or_create(
            code=code, defaults={"name": name, "is_administrator": code == "administrator"}
        )
        if made:
            RolePermission.objects.bulk_create([RolePermission(role=role, permission=item) for item in permissions])
            record_write(
                actor=actor, at=at, action="staff.role.added", subject=role, unit_path="", after={"code": code}
            )


@transaction.atomic
def create_operator(
    *, new: NewOperator, password: str, must_change: bool = True, actor: Actor, at: datetime
) -> Operator:
    """
    Add an operator under a unit that the actor reaches, with no more rights than the actor has.

    :raises InvalidValue: if a field is wrong, the name is taken or the password is weak
    :raises NotAllowed: if the unit or the role goes beyond the actor
    """
    unit = OrganizationUnit.objects.get(pk=new.unit_id)
    actor.require("staff.edit", unit.path)
    username = new.username.strip().lower()
    if not _USERNAME.fullmatch(username):
        raise InvalidValue("A user name has 2 to 60 letters, digits, dots or dashes.", field="username")
    if Operator.objects.filter(username=username).exists():
        raise InvalidValue("This user name is taken.", field="username")
    if not 1 <= len(new.full_name.strip()) <= 120:
        raise InvalidValue("A name has 1 to 120 characters.", field="full_name")
    role = Role.objects.get(code=new.role)
    for permission in _rights(role):
        actor.require(permission)
    operator = Operator(
        username=username,
        full_name=new.full_name.strip(),
        role=role,
        unit=unit,
        language=new.language,
        must_change_password=must_change,
    )
    _set_password(operator, password)
    operator.save()
    record_write(
        actor=actor,
        at=at,
        action="staff.operator.added",
        subject=operator,
        unit_path=unit.path,
        after=snapshot(operator),
    )
    return operator


def _rights(role: Role) -> Iterable[str]:
    if role.is_administrator:
        return list(Permission.values)
    return role.permissions.values_list("permission", flat=True)


def _set_password(operator: Operator, password: str) -> None:
    try:
        validate_password(password, operator)
    except ValidationError as error:
        raise InvalidValue(" ".join(error.messages), field="new_password") from None
    operator.set_password(password)


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
    _set_password(operator, new)
    operator.must_change_password = False
    operator.version += 1
    operator.save()
    record_write(
        actor=actor, at=at, action="staff.operator.password_changed", subject=operator, unit_path=operator.unit.path
    )
    return operator


def record_sign_in(*, username: str, outcome: SignInOutcome, address: str | None, device: str, at: datetime) -> None:
    """Note an attempt to sign in, whether the name exists or not."""
    operator = Operator.objects.filter(username=username.strip().lower()).first()
    SignIn.objects.create(
        operator=operator, username=username[:60], at=at, address=address, device=device[:200], outcome=outcome
    )


@transaction.atomic
def set_active(*, operator_id: int, active: bool, actor: Actor, at: datetime) -> Operator:
    """
    Let an operator in or keep them out.

    :raises LastAdministrator: if no active administrator would remain
    """
    operator = Operator.objects.select_for_update(of=("self",)).select_related("unit", "role").get(pk=operator_id)
    actor.require("staff.edit", operator.unit.path)
    others = Operator.objects.filter(is_active=True, role__is_administrator=True).exclude(pk=operator_id)
    if not active and operator.role.is_administrator and not others.exists():
        raise LastAdministrator("This is the last administrator. Nothing was changed.")
    operator.is_active = active
    operator.version += 1
    operator.save(update_fields=["is_active", "version"])
    record_write(
        actor=actor,
        at=at,
        action="staff.operator.activated" if active else "staff.operator.deactivated",
        subject=operator,
        unit_path=operator.unit.path,
    )
    return operator
