"""Price lists, and what a version of one says."""

from __future__ import annotations

from typing import Any

import django_tables2
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.apps.pricing import queries
from gridtill.apps.pricing.choices import VersionState
from gridtill.apps.pricing.queries import VersionRow
from gridtill.kernel.clock import now
from gridtill.tariff.document import load_tariff
from gridtill.web.columns import CodeColumn, MomentColumn, NameColumn
from gridtill.web.lists import Action, Empty, ListSpec, list_page
from gridtill.web.session import needs
from gridtill.web.tariffs import tables

_NUMERIC = {"th": {"class": "num"}, "td": {"class": "num"}}


class PriceListTable(django_tables2.Table):
    name = NameColumn(verbose_name=_("Price list"), linkify=lambda record: reverse("tariff", args=[record.pk]))
    code = CodeColumn(verbose_name=_("Code"))
    price_class = django_tables2.Column(verbose_name=_("Class of revenue"))
    number_now = django_tables2.Column(verbose_name=_("Version in force"), attrs=_NUMERIC)
    since = MomentColumn(verbose_name=_("Since"))
    next_from = MomentColumn(verbose_name=_("Next one from"))
    drafts = django_tables2.Column(verbose_name=_("Drafts"), attrs=_NUMERIC)


TARIFFS = ListSpec(
    name="tariffs",
    table=PriceListTable,
    search=queries.find_price_lists,
    fixed=("name",),
    empty=Empty(
        _("No tariffs yet"),
        _("Copy one that comes with the product, or write your own."),
        "/tariffs/published/",
        _("Copy a tariff"),
        "receipt-tax",
    ),
)


@needs("tariff.view")
def tariffs(request: Any) -> HttpResponseBase:
    actions = []
    if request.actor.may("tariff.edit"):
        actions = [
            Action(_("Copy a tariff"), reverse("tariffs_published"), "copy"),
            Action(_("Write a tariff"), reverse("tariff_add"), "plus", primary=True),
        ]
    return list_page(
        request,
        TARIFFS,
        queries.price_lists(now()),
        title=_("Tariffs"),
        subtitle=_("Price lists and the version of each that purchases are priced with"),
        actions=actions,
    )


def found_version(version_id: int) -> tuple[VersionRow, list[VersionRow]]:
    """Return a version and all of its price list, newest first; 404 if there is none."""
    try:
        rows = queries.version_rows(queries.structure_of(version_id), now())
    except ObjectDoesNotExist:
        raise Http404 from None
    return next(row for row in rows if row.id == version_id), rows


@needs("tariff.view")
def current(request: Any, structure_id: int) -> HttpResponse:
    """Show the version in force, or the newest if none is."""
    rows = queries.version_rows(structure_id, now())
    if not rows:
        raise Http404
    return _shown(request, next((row for row in rows if row.state == VersionState.IN_FORCE), rows[0]), rows)


@needs("tariff.view")
def version(request: Any, version_id: int) -> HttpResponse:
    return _shown(request, *found_version(version_id))


def _shown(request: Any, row: VersionRow, rows: list[VersionRow]) -> HttpResponse:
    document = queries.version_document(row.id)
    tariff = load_tariff(document)
    figures = tables.figure_rows(tariff)
    context = {
        "row": row,
        "versions": rows,
        "tariff": tariff,
        "blocks": tables.block_rows(tariff),
        "basis": tables.basis_in_words(tariff),
        "periods": tables.period_rows(tariff),
        "shared": any(period.share is not None for period in tariff.periods),
        "items": tables.item_rows(tariff, tariff.currency),
        "limits": tables.limit_rows(tariff),
        "figures": figures,
        "failing": sum(1 for figure in figures if figure.failures),
        "document": document,
        "changes": _changes(row, rows, document),
        "next_step": _next_step(request, row),
        "may_edit": request.actor.may("tariff.edit"),
        "may_activate": may_activate(request, row),
        "may_withdraw": request.actor.may("tariff.activate")
        and row.state in {VersionState.DRAFT, VersionState.PLANNED},
    }
    return render(request, "tariffs/version.html", context)


def _changes(row: VersionRow, rows: list[VersionRow], document: str) -> tuple[int, list[tables.ChangedLine]] | None:
    """Return what a version that has not begun changes, and against which number, None if there is nothing before."""
    if row.state not in {VersionState.DRAFT, VersionState.PLANNED}:
        return None
    in_force = next((one for one in rows if one.state == VersionState.IN_FORCE), None)
    if in_force is None:
        return None
    return in_force.number, tables.changed_lines(queries.version_document(in_force.id), document)


def may_activate(request: Any, row: VersionRow) -> bool:
    """Tell whether it is this person who can put a version into force."""
    is_second = row.author_id != request.actor.id
    return bool(row.state == VersionState.DRAFT and request.actor.may("tariff.activate") and is_second)


def _next_step(request: Any, row: VersionRow) -> str:
    if row.state != VersionState.DRAFT or may_activate(request, row):
        return ""
    if row.author_id == request.actor.id:
        return _t("You wrote this draft. Somebody else puts it into force.")
    return _t("This draft waits for somebody who may put tariffs into force.")
