"""Writes of operators, roles and sign-ins."""

from gridtill.apps.staff.operations.operators import (
    LastAdministrator,
    NewOperator,
    OperatorChange,
    OperatorChanged,
    create_operator,
    forget_second_factor,
    modify_operator,
    reset_password,
    set_active,
)
from gridtill.apps.staff.operations.own import change_own_password, modify_own_contact, record_sign_in
from gridtill.apps.staff.operations.roles import (
    DEFAULT_ROLES,
    RoleChange,
    RoleChanged,
    RoleFixed,
    RoleInUse,
    RoleTicks,
    change_matrix,
    create_role,
    delete_role,
    ensure_default_roles,
    modify_role,
)

__all__ = [
    "DEFAULT_ROLES",
    "LastAdministrator",
    "NewOperator",
    "OperatorChange",
    "OperatorChanged",
    "RoleChange",
    "RoleChanged",
    "RoleFixed",
    "RoleInUse",
    "RoleTicks",
    "change_matrix",
    "change_own_password",
    "create_operator",
    "create_role",
    "delete_role",
    "ensure_default_roles",
    "forget_second_factor",
    "modify_operator",
    "modify_own_contact",
    "modify_role",
    "record_sign_in",
    "reset_password",
    "set_active",
]
