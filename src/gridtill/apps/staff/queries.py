"""Reading operators and what they may do."""

from __future__ import annotations

from gridtill.apps.staff.choices import Permission
from gridtill.apps.staff.models import Operator
from gridtill.kernel.actors import Actor


def actor_of(operator: Operator) -> Actor:
    """Return the operator as operations see them: name, bound and rights; two queries unless joined."""
    if operator.role.is_administrator:
        permissions = frozenset(Permission.values)
    else:
        permissions = frozenset(operator.role.permissions.values_list("permission", flat=True))
    return Actor(
        id=operator.pk,
        name=operator.full_name or operator.username,
        unit_path=operator.unit.path,
        permissions=permissions,
    )
