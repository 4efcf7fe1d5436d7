"""Forms that change a row: which state they saw, where a refusal is shown, and the page around one form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from gridtill.kernel.errors import Refusal

CONFLICT = "changed_meanwhile"


def put_beside(form: forms.Form, refusal: Refusal) -> None:
    """Show a refusal beside the field that it names, or above the form."""
    field = refusal.field if refusal.field in form.fields else None
    form.add_error(field, f"{refusal.message} {refusal.remedy}".strip())


def status_of(form: forms.Form, refusal: Refusal | None = None) -> int:
    """Return the status of a page with a form: 409 for a conflict, 422 for what is wrong, else 200."""
    if refusal is not None and refusal.code == CONFLICT:
        return 409
    return 422 if form.errors else 200


def unit_choices(units: Iterable[Any]) -> list[tuple[str, str]]:
    """Return units for a select, each moved in by its depth below the first."""
    choices: list[tuple[str, str]] = []
    top = None
    for unit in units:
        depth = unit.path.count("/")
        top = depth if top is None else top
        choices.append((str(unit.pk), "\N{EM SPACE}" * max(0, depth - top) + unit.name))
    return choices


class VersionedForm(forms.Form):
    """A form that remembers which state of a row it was filled from."""

    version = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=0, widget=forms.HiddenInput)


def form_page(
    request: Any, form: Any, act: Callable[[], object], done: str, *, title: str, back: str, **context: Any
) -> HttpResponse:
    """Show a form; once it is right, do the act, say so and go back."""
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            act()
        except Refusal as refusal:
            refused = refusal
            put_beside(form, refusal)
        else:
            messages.success(request, done)
            return redirect(back)
    page = {"title": title, "form": form, "cancel_url": back, **context}
    return render(request, "components/form_page.html", page, status=status_of(form, refused))
