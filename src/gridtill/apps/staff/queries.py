"""Reading operators, roles and sign-ins, and who may do what to whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum
from django_otp import devices_for_user

from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.staff.choices import Permission
from gridtill.apps.staff.models import Operator, Role, RolePermission, SignIn
from gridtill.apps.staff.rules import beyond
from gridtill.kernel.actors import Actor


def actor_of(operator: Operator) -> Actor:
    """Return the operator as operations see them: name, bound and rights; two queries unless joined."""
    return Actor(
        id=operator.pk,
        name=operator.full_name or operator.username,
        unit_path=operator.unit.path,
        permissions=_rights(operator.role),
    )


# Plain, since it runs with every request: the ORM takes three queries and five times as long to build them.
_ADMISSION = """
    SELECT u.path, r.is_administrator, r.second_factor_required, p.permission
    FROM staff_operator o
    JOIN organization_organizationunit u ON u.id = o.unit_id
    JOIN staff_role r ON r.id = o.role_id
    LEFT JOIN staff_rolepermission p ON p.role_id = r.id
    WHERE o.id = %s
"""


@dataclass(frozen=True, slots=True)
class Admission:
    """What a request of a signed-in operator may do, and whether their role asks for a second factor."""

    actor: Actor
    second_factor_required: bool


def admission_of(operator: Operator) -> Admission:
    """Return a signed-in operator's actor and what their role asks for, as they are now; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_ADMISSION, [operator.pk])
        rows = cursor.fetchall()
    path, is_administrator, second_factor_required, _permission = rows[0]
    rights = Permission.values if is_administrator else [row[3] for row in rows if row[3]]
    actor = Actor(
        id=operator.pk,
        name=operator.full_name or operator.username,
        unit_path=path,
        permissions=frozenset(rights),
    )
    return Admission(actor, bool(second_factor_required))


def _rights(role: Role) -> frozenset[str]:
    if role.is_administrator:
        return frozenset(Permission.values)
    return frozenset(role.permissions.values_list("permission", flat=True))


def operators_within(unit_path: str) -> QuerySet[Operator]:
    """Return the operators of a unit and all below it, by name, with role and unit joined."""
    return (
        Operator.objects.filter(unit__path__startswith=unit_path)
        .select_related("role", "unit")
        .order_by("full_name", "pk")
    )


def find_operators(rows: QuerySet[Operator], text: str) -> QuerySet[Operator]:
    """Narrow operators to those whose names, phone or e-mail address hold a text."""
    return rows.filter(
        Q(username__icontains=text) | Q(full_name__icontains=text) | Q(phone__icontains=text) | Q(email__icontains=text)
    )


def sign_ins_of(operator_id: int) -> QuerySet[SignIn]:
    """Return one operator's attempts to sign in, newest first."""
    return SignIn.objects.filter(operator_id=operator_id).order_by("-at", "-id")


def has_second_factor(operator: Operator) -> bool:
    """Tell whether an operator has confirmed an authenticator."""
    return next(iter(devices_for_user(operator, confirmed=True)), None) is not None


def is_locked_out(operator: Operator, at: datetime) -> bool:
    """Tell whether too many wrong passwords keep an operator out at a moment."""
    since = at - timedelta(hours=settings.AXES_COOLOFF_TIME)
    tries = AccessAttempt.objects.filter(username=operator.username, attempt_time__gte=since)
    return (tries.aggregate(all=Sum("failures_since_start"))["all"] or 0) >= settings.AXES_FAILURE_LIMIT


def may_manage(actor: Actor, operator: Operator) -> bool:
    """Tell whether an actor may change this operator: within reach, not themselves, and able to do no more."""
    return (
        actor.may("staff.edit")
        and actor.id != operator.pk
        and actor.reaches(operator.unit.path)
        and not beyond(actor, _rights(operator.role))
    )


def units_within(unit_path: str) -> QuerySet[OrganizationUnit]:
    """Return a unit and all below it, each after the one above it."""
    return OrganizationUnit.objects.filter(path__startswith=unit_path).order_by("path")


def roles() -> QuerySet[Role]:
    """Return every role with ``people``, the number of those who have it; the administrator's comes first."""
    return Role.objects.annotate(people=Count("operators")).order_by("-is_administrator", "pk")


def rights_by_role() -> dict[int, frozenset[str]]:
    """Return the ticked rights of every role by its id; the administrator's needs no ticks."""
    found: dict[int, set[str]] = {}
    for role_id, permission in RolePermission.objects.values_list("role_id", "permission"):
        found.setdefault(role_id, set()).add(permission)
    return {role_id: frozenset(rights) for role_id, rights in found.items()}


def roles_for(actor: Actor) -> list[Role]:
    """Return the roles that an actor may give to somebody; two queries."""
    rights = rights_by_role()
    everything = frozenset(Permission.values)
    return [
        role
        for role in Role.objects.order_by("name")
        if not beyond(actor, everything if role.is_administrator else rights.get(role.pk, frozenset()))
    ]
