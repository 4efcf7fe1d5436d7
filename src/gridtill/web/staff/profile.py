"""One's own data, password, second factor and sign-ins."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t

from gridtill.apps.staff import queries
from gridtill.apps.staff.operations import modify_own_contact
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.web.form_pages import put_beside, status_of
from gridtill.web.lists import build_list
from gridtill.web.staff.forms import ContactForm
from gridtill.web.staff.operators import SIGN_INS


def profile(request: Any) -> HttpResponseBase:
    person = request.user
    view = build_list(request, SIGN_INS, queries.sign_ins_of(person.pk))
    if view.response is not None:
        return view.response
    form = ContactForm(
        request.POST or None,
        initial={name: getattr(person, name) for name in ("phone", "email", "language", "version")},
    )
    refused = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            modify_own_contact(**data, actor=request.actor, at=now())
        except Refusal as refusal:
            refused = refusal
            put_beside(form, refusal)
        else:
            messages.success(request, _t("Saved."))
            return redirect("profile")
    context = {
        "person": person,
        "list": view,
        "form": form,
        "second_factor": queries.has_second_factor(person),
    }
    return render(request, "staff/profile.html", context, status=status_of(form, refused))
