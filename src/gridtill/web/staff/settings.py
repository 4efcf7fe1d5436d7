"""What the utility decides for itself."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.apps.organization.operations import SettingsChange, modify_settings
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.kernel.money import format_minor
from gridtill.web.form_pages import put_beside, status_of
from gridtill.web.session import needs
from gridtill.web.staff.forms import SettingsForm

_AMOUNTS = ("sale_maximum_minor", "reversal_approval_minor", "cash_rounding_minor")
_PLAIN = ("language", "receipt_header", "receipt_footer", "public_url", "version")


@needs("settings.edit")
def settings(request: Any) -> HttpResponse:
    kept = request.utility
    if not request.actor.reaches(f"{kept.utility_id}/"):
        raise PermissionDenied
    initial = {name: getattr(kept, name) for name in _PLAIN} | {"time_zone": kept.zone.key}
    initial |= {name: format_minor(getattr(kept, name), kept.currency) for name in _AMOUNTS}
    form = SettingsForm(request.POST or None, initial=initial, currency=kept.currency, zone=kept.zone.key)
    refused = None
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            modify_settings(version=data.pop("version"), change=SettingsChange(**data), actor=request.actor, at=now())
        except Refusal as refusal:
            refused = refusal
            put_beside(form, refusal)
        else:
            messages.success(request, _t("Saved. The settings hold from now on."))
            return redirect("settings")
    context = {
        "title": _("Settings"),
        "subtitle": kept.utility_name,
        "form": form,
        "currency": kept.currency,
        "cancel_url": "/",
    }
    return render(request, "staff/settings.html", context, status=status_of(form, refused))
