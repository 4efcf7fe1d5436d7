"""Writing drafts, putting them into force and taking them back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import django_tables2
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.apps.pricing import queries
from gridtill.apps.pricing.operations import activate_tariff, draft_tariff, read_document, withdraw_tariff
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.tariff.document import load_tariff
from gridtill.web.columns import CodeColumn, NameColumn
from gridtill.web.lists import ListSpec, list_page
from gridtill.web.session import needs
from gridtill.web.tariffs.forms import ActivateForm, DocumentForm, WithdrawForm
from gridtill.web.tariffs.places import excerpt, wrong_line
from gridtill.web.tariffs.tables import figure_rows
from gridtill.web.tariffs.views import found_version


@dataclass(frozen=True, slots=True)
class Shipped:
    """A tariff that comes with the product."""

    name: str
    code: str
    title: str
    currency: str
    valid_from: Any
    source: str


@lru_cache(maxsize=1)
def _shipped() -> list[Shipped]:
    found = []
    for name, document in queries.shipped_documents().items():
        tariff = load_tariff(document)
        found.append(Shipped(name, tariff.code, tariff.title, tariff.currency, tariff.valid_from, tariff.source))
    return found


class ShippedTable(django_tables2.Table):
    title = NameColumn(verbose_name=_("Tariff"), linkify=lambda record: f"{reverse('tariff_add')}?copy={record.name}")
    code = CodeColumn(verbose_name=_("Code"))
    currency = django_tables2.Column(verbose_name=_("Currency"))
    source = django_tables2.Column(verbose_name=_("Source"), attrs={"td": {"class": "wraps"}})


SHIPPED = ListSpec(
    name="published-tariffs",
    table=ShippedTable,
    search=lambda rows, text: [row for row in rows if text.lower() in f"{row.title} {row.code} {row.source}".lower()],
    fixed=("title",),
    exported=False,
)


@needs("tariff.edit")
def published(request: Any) -> HttpResponseBase:
    return list_page(
        request,
        SHIPPED,
        _shipped(),
        title=_("Copy a tariff"),
        subtitle=_("Built from published tariffs, with their worked figures. Choose one and change it into yours."),
    )


def _start(request: Any) -> str:
    """Return the document that a new draft begins with."""
    shipped = queries.shipped_documents()
    if (name := request.GET.get("copy")) is not None:
        if name not in shipped:
            raise Http404
        return shipped[name]
    text = request.GET.get("version", "")
    if not text:
        return ""
    try:
        return queries.version_document(int(text) if text.isdecimal() and len(text) < 18 else 0)
    except ObjectDoesNotExist:
        raise Http404 from None


@needs("tariff.edit")
def add(request: Any) -> HttpResponse:
    """Write a draft; asked to check, it only tries the document and keeps nothing."""
    form = DocumentForm(request.POST or None, initial={"document": _start(request)})
    context: dict[str, Any] = {"form": form, "cancel_url": reverse("tariffs")}
    if request.method == "POST" and form.is_valid():
        document = form.cleaned_data["document"]
        try:
            if request.POST.get("act") != "check":
                made = draft_tariff(document=document, actor=request.actor, at=now())
                messages.success(request, _t("The draft is kept. A second person puts it into force."))
                return redirect("tariff_version", version_id=made.pk)
            context["figures"] = figure_rows(read_document(document))
            context["failing"] = sum(1 for figure in context["figures"] if figure.failures)
        except Refusal as refusal:
            line = wrong_line(document, refusal.message)
            context["excerpt"] = excerpt(document, line)
            where = _t("Line %(line)d: ") % {"line": line} if context["excerpt"] else ""
            form.add_error("document", f"{where}{refusal.message} {refusal.remedy}".strip())
    return render(request, "tariffs/write.html", context, status=422 if form.errors else 200)


@needs("tariff.activate")
def activate(request: Any, version_id: int) -> HttpResponse:
    row, _rows = found_version(version_id)
    form = ActivateForm(request.POST if request.method == "POST" else None)
    refused = None
    if request.method == "POST" and form.is_valid():
        at = now()
        try:
            activate_tariff(
                version_id=row.id, active_from=form.cleaned_data["active_from"] or at, actor=request.actor, at=at
            )
        except Refusal as refusal:
            refused = _beside(form, refusal)
        else:
            messages.success(request, _t("The version is put into force."))
            return redirect("tariff_version", version_id=row.id)
    title = _t("Put version %(number)d into force") % {"number": row.number}
    return _form_page(request, row, form, title, _("Put into force"), refused)


@needs("tariff.activate")
def withdraw(request: Any, version_id: int) -> HttpResponse:
    row, _rows = found_version(version_id)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            withdraw_tariff(version_id=row.id, reason=form.cleaned_data["reason"], actor=request.actor, at=now())
        except Refusal as refusal:
            refused = _beside(form, refusal)
        else:
            messages.success(request, _t("The version is withdrawn."))
            return redirect("tariff_version", version_id=row.id)
    title = _t("Withdraw version %(number)d") % {"number": row.number}
    return _form_page(request, row, form, title, _("Withdraw"), refused)


def _beside(form: Any, refusal: Refusal) -> Refusal | None:
    """Show a refusal beside its field, or give it back for the head of the page."""
    if refusal.field not in form.fields:
        return refusal
    form.add_error(refusal.field, f"{refusal.message} {refusal.remedy}".strip())
    return None


def _form_page(request: Any, row: Any, form: Any, title: str, submit: Any, refused: Refusal | None) -> HttpResponse:
    context = {
        "title": title,
        "subtitle": f"{row.name} · {row.code}",
        "form": form,
        "refusal": refused,
        "submit_label": submit,
        "cancel_url": reverse("tariff_version", args=[row.id]),
    }
    return render(request, "components/form_page.html", context, status=422 if refused or form.errors else 200)
