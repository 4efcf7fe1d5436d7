"""Roles: the matrix of rights, and each role's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from gridtill.apps.staff import queries
from gridtill.apps.staff.choices import Permission
from gridtill.apps.staff.operations import RoleChange, RoleTicks, change_matrix, create_role, delete_role, modify_role
from gridtill.apps.staff.rules import beyond
from gridtill.kernel.actors import Actor
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.web.form_pages import CONFLICT, put_beside, status_of
from gridtill.web.session import needs
from gridtill.web.staff.forms import RoleForm

_GROUPS = (
    (_("Sell"), ("vend",)),
    (_("Tills, days and reports"), ("shift", "day", "reports")),
    (_("Accounts and debts"), ("account", "debt")),
    (_("Archives and devices"), ("archives", "bureau", "assets", "cards", "metering")),
    (_("Tariffs"), ("tariff",)),
    (_("Administration"), ("notice", "staff", "role", "settings", "audit", "keys")),
)


def _grouped_rights() -> list[tuple[Any, list[Permission]]]:
    """Return every right under its heading; those of no known heading come last, so that none is left out."""
    groups = [(label, [right for right in Permission if _area(right) in areas]) for label, areas in _GROUPS]
    known = {right for _label, rights in groups for right in rights}
    rest = [right for right in Permission if right not in known]
    return [*groups, (_("Other"), rest)] if rest else groups


def _area(right: Permission) -> str:
    return right.value.partition(".")[0]


def _editable(request: Any) -> bool:
    # Roles hold for the whole utility, so only somebody who reaches all of it may change them.
    return bool(request.actor.reaches(f"{request.utility.utility_id}/"))


def _cells(right: str, roles: Iterable[Any], ticks: Mapping[int, frozenset[str]], actor: Actor) -> list[dict[str, Any]]:
    return [
        {
            "role": role,
            "value": f"{role.pk}:{right}",
            "on": role.is_administrator or right in ticks.get(role.pk, ()),
            "fixed": role.is_administrator or (right not in ticks.get(role.pk, ()) and bool(beyond(actor, [right]))),
        }
        for role in roles
    ]


@needs("role.edit")
def roles(request: Any) -> HttpResponse:
    found = list(queries.roles())
    ticks = queries.rights_by_role()
    refused = None
    if request.method == "POST":
        asked = _asked(request, found)
        try:
            changed = change_matrix(matrix=asked, actor=request.actor, at=now())
        except Refusal as refusal:
            refused = refusal
            ticks |= {role_id: wanted.permissions for role_id, wanted in asked.items()}
        else:
            messages.success(request, _said(len(changed)))
            return redirect("roles")
    context = {
        "roles": found,
        "editable": _editable(request),
        "groups": [
            (label, [(right, _cells(right.value, found, ticks, request.actor)) for right in rights])
            for label, rights in _grouped_rights()
        ],
        "refusal": refused,
    }
    status = 200 if refused is None else 409 if refused.code == CONFLICT else 422
    return render(request, "staff/roles.html", context, status=status)


def _said(count: int) -> str:
    if not count:
        return _t("Nothing was different.")
    return ngettext("%d role saved.", "%d roles saved.", count) % count


def _asked(request: Any, found: Iterable[Any]) -> dict[int, RoleTicks]:
    """Read the ticked boxes; a role that was not on the page that was sent is left alone."""
    ticked: dict[str, set[str]] = {}
    for tick in request.POST.getlist("tick"):
        role_id, _colon, right = tick.partition(":")
        ticked.setdefault(role_id, set()).add(right)
    asked = {}
    for role in found:
        version = request.POST.get(f"version-{role.pk}", "")
        if not role.is_administrator and version.isdecimal() and len(version) < 10:
            asked[role.pk] = RoleTicks(int(version), frozenset(ticked.get(str(role.pk), ())))
    return asked


@needs("role.edit")
def add(request: Any) -> HttpResponse:
    copies = [(str(role.pk), role.name) for role in queries.roles() if not role.is_administrator]
    form = RoleForm(request.POST or None, copies=copies)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            create_role(
                code=data["code"],
                change=RoleChange(data["name"], data["second_factor_required"]),
                copied_from=int(data["copied_from"]) if data["copied_from"] else None,
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            put_beside(form, refusal)
        else:
            messages.success(request, _t("Added. Tick its rights now."))
            return redirect("roles")
    context = {"title": _("Add role"), "form": form, "cancel_url": reverse("roles")}
    return render(request, "components/form_page.html", context, status=status_of(form))


@needs("role.edit")
def edit(request: Any, role_id: int) -> HttpResponse:
    role = get_object_or_404(queries.roles(), pk=role_id)
    initial = {name: getattr(role, name) for name in ("name", "second_factor_required", "version")}
    form = RoleForm(request.POST or None, initial=initial, copies=None)
    refused = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            modify_role(
                role_id=role.pk,
                version=data["version"],
                change=RoleChange(data["name"], data["second_factor_required"]),
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            refused = refusal
            put_beside(form, refusal)
        else:
            messages.success(request, _t("Saved."))
            return redirect("roles")
    return _role_page(request, role, form, refused)


def _role_page(
    request: Any, role: Any, form: RoleForm, refusal: Refusal | None, *, boxed: bool = False
) -> HttpResponse:
    context = {
        "title": role.name,
        "subtitle": role.code,
        "role": role,
        "form": form,
        "refusal": refusal if boxed else None,
        "cancel_url": reverse("roles"),
    }
    status = 422 if boxed else status_of(form, refusal)
    return render(request, "staff/role.html", context, status=status)


@needs("role.edit")
def delete(request: Any, role_id: int) -> HttpResponse:
    role = get_object_or_404(queries.roles(), pk=role_id)
    if request.method != "POST":
        return redirect("role_edit", role.pk)
    try:
        delete_role(role_id=role.pk, version=role.version, actor=request.actor, at=now())
    except Refusal as refusal:
        initial = {name: getattr(role, name) for name in ("name", "second_factor_required", "version")}
        return _role_page(request, role, RoleForm(initial=initial, copies=None), refusal, boxed=True)
    messages.success(request, _t("Deleted."))
    return redirect("roles")
