"""Which vending keys are held, and taking a new one in: in two components by two officers, or from a key file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from gridtill.apps.keystore.operations import (
    begin_key_entry,
    cancel_key_entry,
    complete_key_entry,
    import_key_file,
    module_status,
    restrict_key,
)
from gridtill.apps.keystore.queries import vending_keys, waiting_entries, waiting_entry
from gridtill.apps.staff.queries import units_within
from gridtill.apps.vending.queries.key_uses import key_uses
from gridtill.drivers.security.keyfile import FILE_MAXIMUM
from gridtill.kernel.clock import business_day, now
from gridtill.kernel.errors import Refusal
from gridtill.kernel.ids import new_id
from gridtill.web.approval import approver_of
from gridtill.web.form_pages import put_beside, status_of, unit_choices
from gridtill.web.session import needs
from gridtill.web.setup.forms import ComponentForm, KeyFileForm, KeyForm, KeyUnitForm


def _units(request: Any) -> list[tuple[str, str]]:
    return unit_choices(units_within(request.actor.unit_path))


def _page(request: Any, form: Any, title: str, subtitle: str, submit_label: str) -> HttpResponse:
    context = {
        "form": form,
        "title": title,
        "subtitle": subtitle,
        "submit_label": submit_label,
        "cancel_url": reverse("vending_keys"),
    }
    return render(request, "components/form_page.html", context, status=status_of(form))


@needs("keys.edit")
def keys(request: Any) -> HttpResponse:
    status = module_status()
    if status is not None:
        return render(request, "setup/module_keys.html", {"status": status})
    uses = key_uses(business_day(now(), request.utility.zone), request.utility.zone)
    held = [(key, uses.get(key.check_value)) for key in vending_keys()]
    return render(request, "setup/keys.html", {"keys": held, "entries": waiting_entries()})


@never_cache
@sensitive_post_parameters("component")
@needs("keys.edit")
def add(request: Any) -> HttpResponse:
    """Take the first officer's component."""
    form = KeyForm(request.POST or None, initial={"request_id": new_id()}, units=_units(request))
    if request.method == "POST" and form.is_valid():
        try:
            begin_key_entry(
                request_id=form.cleaned_data["request_id"],
                attributes=form.attributes(),
                component=form.taken(),
                expected_check_value=form.cleaned_data["expected"],
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            put_beside(form, refusal)
        else:
            messages.success(request, _("The first component is kept. Another officer enters the second one."))
            return redirect("vending_keys")
    subtitle = _("Two officers each enter a component, so that nobody ever knows the key.")
    return _page(request, form, _("Enter a vending key"), subtitle, _("Keep my component"))


@never_cache
@sensitive_post_parameters("component")
@needs("keys.edit")
def complete(request: Any, entry_id: UUID) -> HttpResponse:
    """Take the second officer's component, and with it the key."""
    entry = waiting_entry(entry_id)
    if entry is None:
        raise Http404
    form = ComponentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = complete_key_entry(entry_id=entry_id, component=form.taken(), actor=request.actor, at=now())
        except Refusal as refusal:
            put_beside(form, refusal)
        else:
            messages.success(
                request, _("Kept. Compare its check value with the paper: %(value)s") % {"value": row.check_value}
            )
            return redirect("vending_keys")
    title = _("Second component of group %(group)s, revision %(revision)s") % {
        "group": entry.supply_group_code,
        "revision": entry.key_revision,
    }
    subtitle = _("The first component came from %(name)s.") % {"name": entry.first_officer.full_name}
    return _page(request, form, title, subtitle, _("Keep the key"))


@needs("keys.edit")
def cancel(request: Any, entry_id: UUID) -> HttpResponse:
    if request.method == "POST":
        if waiting_entry(entry_id) is None:
            raise Http404
        try:
            cancel_key_entry(entry_id=entry_id, actor=request.actor, at=now())
        except Refusal as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}".strip())
        else:
            messages.success(request, _("Given up. The component is wiped."))
    return redirect("vending_keys")


@never_cache
@sensitive_post_parameters("passphrase", "approver_password", "approver_code")
@needs("keys.edit")
def import_file(request: Any) -> HttpResponse:
    """Take the keys of a key file in, with a second officer at the desk."""
    form = KeyFileForm(request.POST or None, request.FILES or None, units=_units(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            rows = import_key_file(
                content=data["file"].read(FILE_MAXIMUM + 1),
                passphrase=data["passphrase"],
                unit_id=data["unit"],
                actor=request.actor,
                approver=approver_of(request, form),
                at=now(),
            )
        except Refusal as refusal:
            put_beside(form, refusal)
        else:
            messages.success(
                request, _("%(count)s keys were taken in. Compare their check values.") % {"count": len(rows)}
            )
            return redirect("vending_keys")
    subtitle = _("A file with its passphrase from two hands; a second officer agrees here.")
    return _page(request, form, _("Import a key file"), subtitle, _("Take the keys in"))


@needs("keys.edit")
def restrict(request: Any, key_id: int) -> HttpResponse:
    """Say which halls may sell to a key's group."""
    key = vending_keys().filter(pk=key_id).first()
    if key is None:
        raise Http404
    form = KeyUnitForm(request.POST or None, initial={"unit": key.unit_id}, units=_units(request))
    if request.method == "POST" and form.is_valid():
        restrict_key(key_id=key_id, unit_id=form.cleaned_data["unit"], actor=request.actor, at=now())
        messages.success(request, _("Saved."))
        return redirect("vending_keys")
    title = _("Who sells to group %(group)s") % {"group": key.supply_group_code}
    subtitle = _("Halls of this unit and all below it; halls elsewhere refuse meters of the group.")
    return _page(request, form, title, subtitle, _("Save"))
