"""Working out a purchase on a tariff, line by line, without selling anything."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from gridtill.apps.pricing import queries
from gridtill.kernel.energy import Energy
from gridtill.kernel.errors import Refusal
from gridtill.tariff.document import Tariff, load_tariff
from gridtill.tariff.quote import Quote, quote_energy, quote_money
from gridtill.web.session import needs
from gridtill.web.tariffs.forms import TryForm
from gridtill.web.tariffs.tables import quantity_in_words
from gridtill.web.tariffs.views import found_version


@needs("tariff.view")
def try_it(request: Any, version_id: int) -> HttpResponse:
    row, _rows = found_version(version_id)
    tariff = load_tariff(queries.version_document(row.id))
    initial = {"unit": "money", "at": timezone.localtime()}
    form = TryForm(tariff, request.GET if "amount" in request.GET else None, initial=initial)
    quote = None
    refusal: Refusal | None = None
    if form.is_bound and form.is_valid():
        try:
            quote = _quoted(tariff, form, request.utility.zone)
        except Refusal as error:
            refusal = error
    context = {
        "row": row,
        "tariff": tariff,
        "form": form,
        "refusal": refusal,
        "quote": quote,
        "lines": _lines(quote) if quote else [],
    }
    return render(request, "tariffs/try.html", context, status=422 if refusal or form.errors else 200)


def _quoted(tariff: Tariff, form: TryForm, zone: Any) -> Quote:
    asked, at = form.cleaned_data["amount"], form.cleaned_data["at"]
    if isinstance(asked, Energy):
        return quote_energy(tariff, form.history(), asked, at, zone=zone)
    return quote_money(tariff, form.history(), asked, at, zone=zone)


def _lines(quote: Quote) -> list[tuple[str, str, int]]:
    """Return the lines of a quote as (label, quantity, minor units)."""
    return [
        (
            line.label,
            "" if line.quantity_wh is None or line.rate is None else quantity_in_words(line.quantity_wh, line.rate),
            line.amount_minor,
        )
        for line in quote.lines
    ]
