"""What is this token? Twenty digits in, the purchase or act that they came from out."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from gridtill.apps.vending.operations.engineering import note_foreign_token
from gridtill.apps.vending.queries.verify import TokenOrigin, verify_token
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.web.form_pages import put_beside, status_of
from gridtill.web.session import needs
from gridtill.web.tokens.forms import CheckForm
from gridtill.web.tokens.words import value_words


@never_cache
@sensitive_post_parameters("token")
@needs("tokens.issue", "tokens.approve", "vend.view")
def check(request: Any) -> HttpResponse:
    """Asked by POST, so that the digits stay out of addresses and logs."""
    form = CheckForm(request.POST or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            found = verify_token(digits=data["token"], meter_number=data["meter"], unit_path=request.actor.unit_path)
        except Refusal as refusal:
            put_beside(form, refusal)
        else:
            context["found"] = found
            if found.origin is TokenOrigin.FOREIGN and found.meter and found.content:
                minute = found.content.token_identifier
                note_foreign_token(meter_id=found.meter.pk, token_identifier=minute, actor=request.actor, at=now())
            if found.engineering:
                context["words"] = value_words(found.engineering)
    return render(request, "tokens/check.html", context, status=status_of(form))
