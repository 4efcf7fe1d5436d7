"""Operators: the list, one of them with their sign-ins, and what may be done about them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import django_filters
import django_tables2
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from gridtill.apps.staff import queries
from gridtill.apps.staff.choices import SignInOutcome
from gridtill.apps.staff.operations import (
    NewOperator,
    OperatorChange,
    SecondPersonNeeded,
    create_operator,
    forget_second_factor,
    lift_lockout,
    modify_operator,
    reset_password,
    set_active,
)
from gridtill.kernel.actors import Actor
from gridtill.kernel.clock import now
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.web.approval import ApprovalForm, approver_of
from gridtill.web.columns import CodeColumn, MomentColumn, NameColumn, StateColumn
from gridtill.web.form_pages import put_beside, status_of, unit_choices
from gridtill.web.lists import Action, Empty, ListSpec, build_list, list_page
from gridtill.web.session import needs
from gridtill.web.staff.forms import OperatorForm
from gridtill.web.templatetags.gridtill import status

# No letters or digits that look alike, since it is read out or copied from a screen.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_STATES = {True: ("ACTIVE", _("Active")), False: ("OFF", _("Kept out"))}


class ActiveColumn(StateColumn):
    """Whether somebody is let in, in words."""

    def render(self, value: bool, record: Any, bound_column: Any) -> Any:  # noqa: ARG002, FBT001
        return status(*_STATES[value])

    def value(self, value: bool) -> str:  # noqa: FBT001
        return str(_STATES[value][1])


class OperatorTable(django_tables2.Table):
    full_name = NameColumn(verbose_name=_("Name"), linkify=lambda record: reverse("operator", args=[record.pk]))
    username = CodeColumn(verbose_name=_("User name"))
    role = django_tables2.Column(verbose_name=_("Role"), accessor="role__name")
    unit = django_tables2.Column(verbose_name=_("Unit"), accessor="unit__name")
    is_active = ActiveColumn(verbose_name=_("State"))
    last_login = MomentColumn(verbose_name=_("Last sign-in"))
    phone = CodeColumn(verbose_name=_("Phone"))
    email = django_tables2.Column(verbose_name=_("E-mail"))


def _role_choices() -> list[tuple[str, str]]:
    return [(role.code, role.name) for role in queries.roles()]


class OperatorFilter(django_filters.FilterSet):
    is_active = django_filters.ChoiceFilter(
        label=_("State"),
        choices=[("True", _("Active")), ("False", _("Kept out"))],
        empty_label=_("All"),
        method="by_state",
        widget=forms.RadioSelect,
    )
    role = django_filters.ChoiceFilter(label=_("Role"), field_name="role__code", choices=_role_choices)

    def by_state(self, rows: Any, _name: str, value: str) -> Any:
        return rows.filter(is_active=value == "True")


OPERATORS = ListSpec(
    name="operators",
    table=OperatorTable,
    filters=OperatorFilter,
    search=queries.find_operators,
    search_hint=_("Name, user name, phone"),
    hidden=("phone", "email"),
    fixed=("full_name",),
    chips="is_active",
    empty=Empty(_("No operators yet"), _("Add the people who sell, count and look after the archives.")),
)


class SignInTable(django_tables2.Table):
    at = MomentColumn(verbose_name=_("When"))
    outcome = StateColumn(verbose_name=_("Outcome"))
    address = CodeColumn(verbose_name=_("Address"))
    device = django_tables2.Column(verbose_name=_("Device"), attrs={"td": {"class": "clip"}})

    class Meta:
        orderable = False

    def render_outcome(self, value: str, record: Any) -> Any:
        tones = {SignInOutcome.OK: "good", SignInOutcome.SIGNED_OUT: "off", SignInOutcome.IDLE: "off"}
        return status(record.outcome, value, tones.get(record.outcome, "bad"))


SIGN_INS = ListSpec(
    name="sign-ins",
    table=SignInTable,
    fixed=("at",),
    empty=Empty(_("Never signed in"), _("Every try will be listed here, with its address and device.")),
    counted=False,
)


@needs("staff.view")
def operators(request: Any) -> HttpResponseBase:
    actions = []
    if request.actor.may("staff.edit"):
        actions = [Action(_("Add operator"), reverse("operator_add"), "user-plus", primary=True)]
    return list_page(
        request,
        OPERATORS,
        queries.operators_within(request.actor.unit_path),
        title=_("Operators"),
        subtitle=_("Who signs in, with which role, and how far it reaches"),
        actions=actions,
    )


def _found(request: Any, operator_id: int) -> Any:
    return get_object_or_404(queries.operators_within(request.actor.unit_path), pk=operator_id)


@needs("staff.view")
def operator(request: Any, operator_id: int, refusal: Refusal | None = None) -> HttpResponseBase:
    found = _found(request, operator_id)
    view = build_list(request, SIGN_INS, queries.sign_ins_of(found.pk))
    if view.response is not None:
        return view.response
    context = {
        "operator": found,
        "list": view,
        "manageable": queries.may_manage(request.actor, found),
        "second_factor": queries.has_second_factor(found),
        "locked": queries.is_locked_out(found, now()),
        "may_read_log": request.actor.may("audit.view"),
        "own": found.pk == request.actor.id,
        "refusal": refusal,
    }
    return render(request, "staff/operator.html", context, status=422 if refusal else 200)


def _form(request: Any, found: Any = None) -> OperatorForm:
    initial = {"language": request.utility.language, "unit": request.user.unit_id}
    if found is not None:
        initial = {name: getattr(found, name) for name in ("full_name", "phone", "email", "language", "version")} | {
            "role": found.role.code,
            "unit": found.unit_id,
        }
    return OperatorForm(
        request.POST or None,
        initial=initial,
        roles=[(role.code, role.name) for role in queries.roles_for(request.actor)],
        units=unit_choices(queries.units_within(request.actor.unit_path)),
        new=found is None,
    )


def first_password() -> str:
    """Return a password that is easy to read out and has to be changed at once; 59 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _place in range(4)) for _group in range(3))


def _change(form: OperatorForm) -> OperatorChange:
    data = form.cleaned_data
    return OperatorChange(
        full_name=data["full_name"],
        role=data["role"],
        unit_id=int(data["unit"]),
        language=data["language"],
        phone=data["phone"],
        email=data["email"],
    )


@needs("staff.edit")
@never_cache
def add(request: Any) -> HttpResponse:
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        change, word = _change(form), first_password()
        new = NewOperator(
            form.cleaned_data["username"],
            change.full_name,
            change.role,
            change.unit_id,
            change.language,
            change.phone,
            change.email,
        )
        try:
            made = create_operator(new=new, password=word, actor=request.actor, at=now())
        except Refusal as refusal:
            put_beside(form, refusal)
        else:
            return render(request, "staff/first_password.html", {"operator": made, "password": word, "made": True})
    context = {
        "title": _("Add operator"),
        "subtitle": _("A first password is made and shown once; it has to be changed at the first sign-in."),
        "form": form,
        "submit_label": _("Add operator"),
        "cancel_url": reverse("operators"),
    }
    return render(request, "components/form_page.html", context, status=status_of(form))


@needs("staff.edit")
def edit(request: Any, operator_id: int) -> HttpResponse:
    found = _managed(request, operator_id)
    form = _form(request, found)
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            modify_operator(
                operator_id=found.pk,
                version=form.cleaned_data["version"],
                change=_change(form),
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            refused = refusal
            put_beside(form, refusal)
        else:
            messages.success(request, _t("Saved."))
            return redirect("operator", found.pk)
    context = {
        "title": found.full_name,
        "subtitle": _("Operator"),
        "form": form,
        "cancel_url": reverse("operator", args=[found.pk]),
    }
    return render(request, "components/form_page.html", context, status=status_of(form, refused))


def _managed(request: Any, operator_id: int) -> Any:
    found = _found(request, operator_id)
    if not queries.may_manage(request.actor, found):
        raise PermissionDenied
    return found


@needs("staff.edit")
@never_cache
def password(request: Any, operator_id: int) -> HttpResponseBase:
    found = _managed(request, operator_id)
    if request.method != "POST":
        return redirect("operator", found.pk)
    word = first_password()
    title = _("A new first password for %(name)s") % {"name": found.full_name}
    asked = _agreed(
        request,
        found,
        lambda approver: reset_password(
            operator_id=found.pk, password=word, actor=request.actor, at=now(), approver=approver
        ),
        title,
    )
    return asked or render(request, "staff/first_password.html", {"operator": found, "password": word})


def _agreed(request: Any, found: Any, act: Callable[[Actor | None], object], title: str) -> HttpResponseBase | None:
    """Do an act that may need a second person; a page comes back if it does, or if it was refused."""
    form = ApprovalForm(request.POST if "approver" in request.POST else None)
    try:
        act(approver_of(request, form) if form.is_bound and form.is_valid() else None)
    except SecondPersonNeeded as needed:
        if form.is_bound and not form.errors:
            put_beside(form, needed)
        context = {
            "form": form,
            "title": title,
            "subtitle": needed.message,
            "submit_label": _("Agree"),
            "cancel_url": reverse("operator", args=[found.pk]),
        }
        return render(request, "components/form_page.html", context, status=422)
    except InvalidValue as refusal:
        put_beside(form, refusal)
        context = {"form": form, "title": title, "cancel_url": reverse("operator", args=[found.pk])}
        return render(request, "components/form_page.html", context, status=422)
    except Refusal as refusal:
        return operator(request, found.pk, refusal)
    return None


def _act(request: HttpRequest, operator_id: int, act: Callable[[], object], said: str) -> HttpResponseBase:
    """Do one thing about an operator that takes no form, and come back to their page."""
    found = _managed(request, operator_id)
    if request.method == "POST":
        try:
            act()
        except Refusal as refusal:
            return operator(request, operator_id, refusal)
        messages.success(request, said)
    return redirect("operator", found.pk)


@needs("staff.edit")
def active(request: Any, operator_id: int) -> HttpResponseBase:
    let_in = request.POST.get("active") == "1"
    said = _t("Let in again.") if let_in else _t("Kept out from now on.")
    return _act(
        request,
        operator_id,
        lambda: set_active(operator_id=operator_id, active=let_in, actor=request.actor, at=now()),
        said,
    )


@needs("staff.edit")
def unlock(request: Any, operator_id: int) -> HttpResponseBase:
    return _act(
        request,
        operator_id,
        lambda: lift_lockout(operator_id=operator_id, actor=request.actor, at=now()),
        _t("The lock is lifted. They can try again."),
    )


@needs("staff.edit")
def second_factor(request: Any, operator_id: int) -> HttpResponseBase:
    found = _managed(request, operator_id)
    if request.method != "POST":
        return redirect("operator", found.pk)
    asked = _agreed(
        request,
        found,
        lambda approver: forget_second_factor(
            operator_id=operator_id, actor=request.actor, at=now(), approver=approver
        ),
        _("Forget the authenticator of %(name)s") % {"name": found.full_name},
    )
    if asked is None:
        messages.success(request, _t("Forgotten. They set up a new authenticator when they sign in."))
    return asked or redirect("operator", found.pk)
