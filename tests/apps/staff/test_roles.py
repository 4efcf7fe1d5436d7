from dataclasses import replace

import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.staff.choices import Permission
from gridtill.apps.staff.models import Role
from gridtill.apps.staff.operations import (
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
from gridtill.kernel.actors import SYSTEM, NotAllowed
from gridtill.kernel.errors import InvalidValue
from tests.factories.scene import MORNING, actor_for, make_operator, make_scene

pytestmark = [pytest.mark.db, pytest.mark.django_db]
READER = RoleChange("Meter reader", second_factor_required=True)


@pytest.fixture
def scene():
    scene = make_scene()
    ensure_default_roles(actor=SYSTEM, at=MORNING)
    return scene


@pytest.fixture
def chief(scene):
    return replace(scene.bram, unit_path=scene.utility.path)


def rights(code):
    return set(Role.objects.get(code=code).permissions.values_list("permission", flat=True))


def made(actor, code="reader", change=READER, **values):
    return create_role(code=code, change=change, actor=actor, at=MORNING, **values)


def tick(role, permissions, actor, version=None):
    ticks = RoleTicks(role.version if version is None else version, frozenset(permissions))
    return change_matrix(matrix={role.pk: ticks}, actor=actor, at=MORNING)


def test_default_roles_are_made_once(scene):
    ensure_default_roles(actor=SYSTEM, at=MORNING)

    assert Role.objects.filter(code="cashier").count() == 1
    assert AuditRecord.objects.filter(action="staff.role.added").count() == 8


def test_new_role_begins_with_the_rights_of_another(chief):
    role = made(chief, copied_from=Role.objects.get(code="cashier").pk)

    assert rights("reader") == rights("cashier")
    assert (role.name, role.second_factor_required) == ("Meter reader", True)
    assert AuditRecord.objects.filter(action="staff.role.added", unit_path=chief.unit_path).count() == 1


@pytest.mark.parametrize(
    ("code", "name", "field"),
    [("X", "Reader", "code"), ("cashier", "Reader", "code"), ("reader", "", "name"), ("reader", "cashier", "name")],
)
def test_role_with_a_wrong_or_taken_name_is_not_made(chief, code, name, field):
    before = Role.objects.count()

    with pytest.raises(InvalidValue) as refused:
        made(chief, code, RoleChange(name, second_factor_required=False))

    assert (refused.value.field, Role.objects.count()) == (field, before)


@pytest.mark.parametrize("permissions", [frozenset(), frozenset({"staff.edit", "vend.sell"})])
def test_roles_are_changed_only_with_the_right(chief, permissions):
    with pytest.raises(NotAllowed):
        made(replace(chief, permissions=permissions))

    assert not Role.objects.filter(code="reader").exists()


def test_roles_reach_everywhere_so_a_bureau_does_not_change_them(scene):
    with pytest.raises(NotAllowed):
        made(scene.bram)

    assert not Role.objects.filter(code="reader").exists()


def test_ticks_are_set_and_taken_and_written_down(chief):
    role = Role.objects.get(code="card_officer")
    had = rights("card_officer")

    saved = tick(role, (had - {"vend.reprint"}) | {"vend.sell"}, chief)

    record = AuditRecord.objects.get(action="staff.role.modified")
    assert rights("card_officer") == (had - {"vend.reprint"}) | {"vend.sell"}
    assert [(item.code, item.version) for item in saved] == [("card_officer", 1)]
    assert set(record.before["permissions"]) ^ set(record.after["permissions"]) == {"vend.reprint", "vend.sell"}


def test_unchanged_column_writes_nothing(chief):
    assert tick(Role.objects.get(code="cashier"), rights("cashier"), chief) == []
    assert not AuditRecord.objects.filter(action="staff.role.modified").exists()


def test_one_refused_column_leaves_all_as_they_were(chief):
    cashier, engineer = Role.objects.get(code="cashier"), Role.objects.get(code="engineer")
    had = rights("cashier")
    matrix = {cashier.pk: RoleTicks(0, frozenset()), engineer.pk: RoleTicks(7, frozenset())}

    with pytest.raises(RoleChanged):
        change_matrix(matrix=matrix, actor=chief, at=MORNING)

    assert rights("cashier") == had


def test_right_that_does_not_exist_is_refused(chief):
    with pytest.raises(InvalidValue):
        tick(Role.objects.get(code="cashier"), {"moon.walk"}, chief)


def test_administrators_role_keeps_every_right(chief):
    role = Role.objects.get(code="administrator")

    with pytest.raises(RoleFixed):
        tick(role, {"vend.sell"}, chief)
    with pytest.raises(RoleFixed):
        delete_role(role_id=role.pk, version=0, actor=chief, at=MORNING)

    assert Role.objects.get(code="administrator").is_administrator


def test_nobody_hands_on_a_right_that_they_lack(chief):
    actor = replace(chief, permissions=frozenset({Permission.ROLE_EDIT}))
    role = Role.objects.get(code="cashier")
    had = rights("cashier")

    with pytest.raises(NotAllowed, match="Enter vending keys"):
        tick(role, had | {"keys.edit"}, actor)
    tick(role, had | {"assets.view"}, actor)

    assert rights("cashier") == had | {"assets.view"}


def test_role_that_may_do_more_is_not_copied(chief):
    actor = replace(chief, permissions=frozenset({Permission.ROLE_EDIT}))

    with pytest.raises(NotAllowed):
        made(actor, copied_from=Role.objects.get(code="auditor").pk)


def test_role_is_renamed_and_asks_for_a_second_factor(chief):
    role = Role.objects.get(code="auditor")

    modify_role(role_id=role.pk, version=0, change=READER, actor=chief, at=MORNING)
    with pytest.raises(RoleChanged):
        modify_role(role_id=role.pk, version=0, change=READER, actor=chief, at=MORNING)

    record = AuditRecord.objects.get(action="staff.role.modified")
    assert (record.before, record.after) == (
        {"name": "Auditor", "second_factor_required": False},
        {"name": "Meter reader", "second_factor_required": True},
    )


def test_role_that_nobody_has_is_deleted(chief):
    role = made(chief)

    delete_role(role_id=role.pk, version=0, actor=chief, at=MORNING)

    assert not Role.objects.filter(code="reader").exists()
    assert AuditRecord.objects.get(action="staff.role.deleted").before["name"] == "Meter reader"


def test_role_of_operators_stays_and_the_refusal_names_them(chief):
    role = Role.objects.get(code="scene")

    with pytest.raises(RoleInUse, match="asha, bram have the role"):
        delete_role(role_id=role.pk, version=0, actor=chief, at=MORNING)

    assert Role.objects.filter(code="scene").exists()


@pytest.fixture
def editor(scene, chief):
    """Somebody who may change roles and nothing else, in a role of that kind."""
    role = create_role(
        code="editor", change=RoleChange("Role editor", second_factor_required=True), actor=chief, at=MORNING
    )
    tick(role, {"role.edit"}, chief)
    operator = make_operator("ed", "Ed Itor", scene.utility)
    operator.role = role
    operator.save()
    return actor_for(operator, frozenset({"role.edit"}))


@pytest.mark.parametrize("right", ["vend.sell", "archives.edit"])
def test_nobody_ticks_their_own_role(editor, right):
    role = Role.objects.get(code="editor")

    with pytest.raises(NotAllowed, match="own role"):
        tick(role, {"role.edit", right}, editor)
    assert rights("editor") == {"role.edit"}


def test_rights_beyond_ones_own_are_not_taken_away(editor):
    role = Role.objects.get(code="bureau_manager")

    with pytest.raises(NotAllowed):
        tick(role, rights("bureau_manager") - {"day.close"}, editor)
    with pytest.raises(NotAllowed):
        delete_role(role_id=role.pk, version=role.version, actor=editor, at=MORNING)


def test_only_an_administrator_changes_the_administrators_role(editor):
    role = Role.objects.get(code="administrator")

    with pytest.raises(NotAllowed, match="Only an administrator"):
        modify_role(
            role_id=role.pk,
            version=role.version,
            change=RoleChange("Harmless", second_factor_required=False),
            actor=editor,
            at=MORNING,
        )


def test_second_factor_of_mightier_roles_stays(editor):
    Role.objects.filter(code="bureau_manager").update(second_factor_required=True)
    role = Role.objects.get(code="bureau_manager")

    with pytest.raises(NotAllowed):
        modify_role(
            role_id=role.pk,
            version=role.version,
            change=RoleChange(role.name, second_factor_required=False),
            actor=editor,
            at=MORNING,
        )
