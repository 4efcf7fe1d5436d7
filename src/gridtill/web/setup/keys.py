"""Which vending keys are held, and taking a new one in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from gridtill.apps.keystore.operations import NewVendingKey, store_vending_key
from gridtill.apps.keystore.queries import vending_keys
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.web.form_pages import put_beside, status_of
from gridtill.web.session import needs
from gridtill.web.setup.forms import KeyForm


@needs("keys.edit")
def keys(request: Any) -> HttpResponse:
    return render(request, "setup/keys.html", {"keys": vending_keys()})


@never_cache
@sensitive_post_parameters("key", "again")
@needs("keys.edit")
def add(request: Any) -> HttpResponse:
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        new = NewVendingKey(
            supply_group_code=data["supply_group_code"],
            key_revision=data["key_revision"],
            base_date=data["base_date"],
            key=data["bytes"],
            key_expiry=data["key_expiry"],
        )
        try:
            row = store_vending_key(new=new, actor=request.actor, at=now())
        except Refusal as refusal:
            put_beside(form, refusal)
        else:
            messages.success(
                request, _("Kept. Compare its check value with the paper: %(value)s") % {"value": row.check_value}
            )
            return redirect("vending_keys")
    context = {
        "form": form,
        "title": _("Enter a vending key"),
        "subtitle": _("It is kept wrapped and never shown again; only its check value is."),
        "submit_label": _("Keep the key"),
        "cancel_url": reverse("vending_keys"),
    }
    return render(request, "components/form_page.html", context, status=status_of(form))
