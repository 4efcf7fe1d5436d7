"""Roles and the permission matrix, which belong to the whole utility."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from gridtill.apps.audit.operations import record_write
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.staff.choices import Permission
from gridtill.apps.staff.models import Role, RolePermission
from gridtill.apps.staff.rules import beyond
from gridtill.kernel.actors import Actor, NotAllowed
from gridtill.kernel.errors import InvalidValue, Refusal

P = Permission
_ARCHIVES = {P.ARCHIVES_VIEW, P.ASSETS_VIEW, P.VEND_VIEW}
DEFAULT_ROLES: dict[str, tuple[str, set[Permission]]] = {
    "administrator": ("Administrator", set()),
    "bureau_manager": (
        "Bureau manager",
        {*_ARCHIVES, P.ARCHIVES_EDIT, P.BUREAU_EDIT, P.ASSETS_EDIT, P.ACCOUNT_OPEN, P.ACCOUNT_CLOSE, P.REVERSE_APPROVE,
         P.SHIFT_SIGN, P.BANKING, P.DAY_CLOSE, P.REPORTS_VIEW, P.TARIFF_VIEW, P.TARIFF_ACTIVATE, P.NOTICE_EDIT,
         P.STAFF_VIEW, P.STAFF_EDIT, P.AUDIT_VIEW, P.DEBT_EDIT, P.TOKENS_APPROVE},
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
         P.REPORTS_VIEW, P.DEBT_EDIT, P.ACCOUNT_OPEN, P.ACCOUNT_CLOSE, P.NOTICE_EDIT, P.TOKENS_APPROVE},
    ),
    "card_officer": ("Card officer", {*_ARCHIVES, P.CARDS_EDIT, P.REPRINT}),
    "engineer": ("Engineer", {*_ARCHIVES, P.ARCHIVES_EDIT, P.ASSETS_EDIT, P.METERING_VIEW, P.METERING_CONTROL,
                              P.TOKENS_ISSUE}),
    "auditor": ("Auditor", {*_ARCHIVES, P.REPORTS_VIEW, P.AUDIT_VIEW, P.TARIFF_VIEW, P.STAFF_VIEW, P.METERING_VIEW}),
}  # fmt: skip
_CODE = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)


class RoleChanged(Refusal):
    """Somebody else changed the role meanwhile."""

    code = "changed_meanwhile"
    remedy = "Load the page again and repeat your change."


class RoleInUse(Refusal):
    """Operators have the role, so it stays."""

    code = "role_in_use"
    remedy = "Give these operators another role first."


class RoleFixed(Refusal):
    """The administrator's role holds every right for good."""

    code = "role_fixed"
    remedy = "Make another role, and give it to those who should do less."


@dataclass(frozen=True, slots=True)
class RoleChange:
    """How a role is to be called, and whether those who have it must give a second factor."""

    name: str
    second_factor_required: bool


@dataclass(frozen=True, slots=True)
class RoleTicks:
    """One column of the matrix as it should be; ``version`` is that of the role that was looked at."""

    version: int
    permissions: frozenset[str]


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


def _require_editor(actor: Actor) -> str:
    """Return the utility's path, once it is sure that the actor may change roles, which reach everywhere."""
    path = OrganizationUnit.objects.values_list("path", flat=True).get(parent=None)
    actor.require("role.edit", path)
    return path


def _checked_name(text: str, besides: int = 0) -> str:
    name = text.strip()
    if not 1 <= len(name) <= 80:
        raise InvalidValue("A name has 1 to 80 characters.", field="name")
    if Role.objects.filter(name__iexact=name).exclude(pk=besides).exists():
        raise InvalidValue("Another role has this name.", field="name")
    return name


def _facts(role: Role, permissions: frozenset[str]) -> dict[str, object]:
    return {
        "code": role.code,
        "name": role.name,
        "second_factor_required": role.second_factor_required,
        "permissions": sorted(permissions),
    }


def _rights_of(role: Role) -> frozenset[str]:
    return frozenset(role.permissions.values_list("permission", flat=True))


def _is_administrator(actor: Actor) -> bool:
    return actor.id is None or Role.objects.filter(is_administrator=True, operators=actor.id).exists()


def _locked_role(role_id: int, version: int) -> Role:
    role = Role.objects.select_for_update().get(pk=role_id)
    if role.version != version:
        raise RoleChanged(f"The role {role.name} was changed by somebody else meanwhile. Nothing was saved.")
    return role


@transaction.atomic
def create_role(*, code: str, change: RoleChange, copied_from: int | None = None, actor: Actor, at: datetime) -> Role:
    """
    Add a role without rights, or with those of another role that the actor may hand on.

    :raises InvalidValue: if the code or the name is wrong or taken
    :raises NotAllowed: if the other role may do more than the actor
    """
    path = _require_editor(actor)
    code = code.strip()
    if not _CODE.fullmatch(code):
        raise InvalidValue("A code has 2 to 40 small letters, digits or underscores.", field="code")
    if Role.objects.filter(code=code).exists():
        raise InvalidValue("Another role has this code.", field="code")
    rights: frozenset[str] = frozenset()
    if copied_from is not None:
        rights = _rights_of(Role.objects.get(pk=copied_from, is_administrator=False))
    _refuse_beyond(actor, rights)
    role = Role.objects.create(
        code=code, name=_checked_name(change.name), second_factor_required=change.second_factor_required
    )
    RolePermission.objects.bulk_create([RolePermission(role=role, permission=right) for right in sorted(rights)])
    record_write(
        actor=actor, at=at, action="staff.role.added", subject=role, unit_path=path, after=_facts(role, rights)
    )
    return role


def _refuse_beyond(actor: Actor, rights: frozenset[str]) -> None:
    missing = beyond(actor, rights)
    if missing:
        words = ", ".join(sorted(str(Permission(right).label) for right in missing))
        raise NotAllowed(f"You cannot hand on what you may not do yourself: {words}. Nothing was changed.")


@transaction.atomic
def modify_role(*, role_id: int, version: int, change: RoleChange, actor: Actor, at: datetime) -> Role:
    """
    Rename a role, or ask a second factor of those who have it.

    :raises RoleChanged: if the version is not the one that was looked at
    :raises InvalidValue: if the name is wrong or taken
    :raises NotAllowed: if it is the administrator's and the actor is none, or a second factor is no longer
        asked of those who may do more than the actor
    """
    path = _require_editor(actor)
    role = _locked_role(role_id, version)
    rights = _rights_of(role)
    if role.is_administrator and not _is_administrator(actor):
        raise NotAllowed("Only an administrator changes the administrator's role. Nothing was changed.")
    if role.second_factor_required and not change.second_factor_required:
        _refuse_beyond(actor, rights)
    before = _facts(role, rights)
    role.name = _checked_name(change.name, besides=role.pk)
    role.second_factor_required = change.second_factor_required
    role.version += 1
    role.save()
    after = _facts(role, rights)
    record_write(
        actor=actor, at=at, action="staff.role.modified", subject=role, unit_path=path, before=before, after=after
    )
    return role


@transaction.atomic
def change_matrix(*, matrix: Mapping[int, RoleTicks], actor: Actor, at: datetime) -> list[Role]:
    """
    Give roles exactly these rights, all or none, and return the roles that differ from before.

    :raises InvalidValue: if a right does not exist
    :raises RoleFixed: if rights are taken from the administrator's role
    :raises RoleChanged: if somebody changed one of the roles meanwhile
    :raises NotAllowed: if a right is handed on or taken away that the actor does not hold, or it is their own role
    """
    path = _require_editor(actor)
    return [
        role
        for role_id, ticks in sorted(matrix.items())
        if (role := _tick(role_id, ticks, path=path, actor=actor, at=at)) is not None
    ]


def _tick(role_id: int, ticks: RoleTicks, *, path: str, actor: Actor, at: datetime) -> Role | None:
    unknown = ticks.permissions - frozenset(Permission.values)
    if unknown:
        raise InvalidValue(f"There is no right {min(unknown)}. Nothing was changed.", field="tick")
    role = _locked_role(role_id, ticks.version)
    had = _rights_of(role)
    if had == ticks.permissions:
        return None
    if role.is_administrator:
        raise RoleFixed(f"The role {role.name} holds every right, so that one person can always repair the others.")
    if actor.id is not None and role.operators.filter(pk=actor.id).exists():
        raise NotAllowed("Nobody changes the rights of their own role. Nothing was changed.")
    # Taking away what one may not hand on is meddling too.
    _refuse_beyond(actor, ticks.permissions ^ had)
    before = _facts(role, had)
    role.permissions.filter(permission__in=had - ticks.permissions).delete()
    added = sorted(ticks.permissions - had)
    RolePermission.objects.bulk_create([RolePermission(role=role, permission=right) for right in added])
    role.version += 1
    role.save(update_fields=["version"])
    record_write(
        actor=actor,
        at=at,
        action="staff.role.modified",
        subject=role,
        unit_path=path,
        before=before,
        after=_facts(role, ticks.permissions),
    )
    return role


@transaction.atomic
def delete_role(*, role_id: int, version: int, actor: Actor, at: datetime) -> None:
    """
    Remove a role that nobody has.

    :raises RoleInUse: if operators have it, naming some of them
    :raises RoleFixed: if it is the administrator's
    """
    path = _require_editor(actor)
    role = _locked_role(role_id, version)
    if role.is_administrator:
        raise RoleFixed(f"The role {role.name} always remains. Nothing was changed.")
    _refuse_beyond(actor, _rights_of(role))
    names = list(role.operators.order_by("username").values_list("username", flat=True)[:4])
    if names:
        more = " and others" if len(names) > 3 else ""
        raise RoleInUse(f"{', '.join(names[:3])}{more} have the role {role.name}. Nothing was changed.")
    record_write(
        actor=actor,
        at=at,
        action="staff.role.deleted",
        subject=role,
        unit_path=path,
        before=_facts(role, _rights_of(role)),
    )
    role.delete()
