"""Units, feeders and transformers: a tree on the left, what hangs below on the right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from gridtill.apps.customers.queries import customers_within
from gridtill.apps.network.operations import (
    NewFeeder,
    NewTransformer,
    add_feeder,
    add_transformer,
    delete_feeder,
    delete_transformer,
    modify_feeder,
    modify_transformer,
)
from gridtill.apps.network.queries import feeders_within, transformers_within
from gridtill.apps.organization.operations import add_supply_office, delete_supply_office, modify_unit
from gridtill.apps.organization.queries import offices_with_counts, unit_and_above
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.web.archives.customers import CUSTOMERS
from gridtill.web.archives.forms import FeederForm, NewOfficeForm, TransformerForm, UnitForm
from gridtill.web.archives.tree import build_tree, plant_of
from gridtill.web.form_pages import form_page
from gridtill.web.lists import build_list
from gridtill.web.session import needs

_OF_UNIT = (
    *("name", "short_name", "address", "phone", "person_in_charge", "bank_details", "tax_number"),
    *("supply_group_code", "voltage_kv", "version"),
)
_OF_TRANSFORMER = (
    *("code", "name", "kind", "capacity_kva", "voltage_kv", "feeder_id", "check_meter_number", "location"),
    *("commissioned_date", "status", "version"),
)


def _units(request: Any) -> Any:
    return offices_with_counts(request.actor.unit_path)


@needs("archives.view")
def archives(request: Any) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:80]
    if text:
        return redirect(f"{reverse('archive_customers')}?{urlencode({'q': text})}")
    return redirect("archive_unit", unit_id=request.user.unit_id)


@needs("archives.view")
def branch(request: Any, unit_id: int) -> HttpResponse:
    """Answer the plant of a supply office, when its node is opened."""
    unit = get_object_or_404(_units(request), pk=unit_id)
    level = unit.path.count("/") + 1
    context = {"nodes": plant_of(unit.pk, request.actor.unit_path), "level": level}
    return render(request, "archives/nodes.html", context)


def _page(request: Any, selected: str, unit: Any, **context: Any) -> HttpResponse:
    """Draw the tree, opened to a supply office, with the node that is shown beside it."""
    tree = build_tree(request.actor.unit_path, open_office_id=unit.pk)
    above = [row for row in unit_and_above(unit) if request.actor.reaches(row.path)]
    page = {
        "nodes": tree,
        "selected": selected,
        "above": above,
        "unit": unit,
        "may_edit": request.actor.may("archives.edit"),
        "may_edit_units": request.actor.may("bureau.edit"),
        **context,
    }
    return render(request, "archives/page.html", page)


@needs("archives.view")
def unit(request: Any, unit_id: int) -> HttpResponse:
    found = get_object_or_404(_units(request), pk=unit_id)
    path = request.actor.unit_path
    return _page(
        request,
        f"unit-{found.pk}",
        found,
        kind=found.kind,
        title=found.name,
        children=_units(request).filter(parent_id=found.pk),
        feeders=feeders_within(path).filter(office_id=found.pk),
        transformers=transformers_within(path).filter(office_id=found.pk),
    )


@needs("archives.view")
def feeder(request: Any, feeder_id: int) -> HttpResponse:
    path = request.actor.unit_path
    found = get_object_or_404(feeders_within(path), pk=feeder_id)
    return _page(
        request,
        f"feeder-{found.pk}",
        found.office,
        kind="FEEDER",
        title=str(found),
        feeder=found,
        transformers=transformers_within(path).filter(feeder_id=found.pk),
    )


@needs("archives.view")
def transformer(request: Any, transformer_id: int) -> HttpResponseBase:
    path = request.actor.unit_path
    found = get_object_or_404(transformers_within(path), pk=transformer_id)
    view = build_list(request, CUSTOMERS, customers_within(path).filter(transformer_id=found.pk))
    if view.response is not None:
        return view.response
    return _page(
        request,
        f"transformer-{found.pk}",
        found.office,
        kind="TRANSFORMER",
        title=str(found),
        transformer=found,
        list=view,
    )


def _delete(request: Any, here: str, above: str, act: Callable[[], None], done: str) -> HttpResponse:
    if request.method != "POST":
        return redirect(here)
    try:
        act()
    except Refusal as refusal:
        messages.error(request, f"{refusal.message} {refusal.remedy}")
        return redirect(here)
    messages.success(request, done)
    return redirect(above)


@needs("bureau.edit")
def modify_unit_page(request: Any, unit_id: int) -> HttpResponse:
    found = get_object_or_404(_units(request), pk=unit_id)
    form = UnitForm(request.POST or None, initial={name: getattr(found, name) for name in _OF_UNIT})

    def act() -> None:
        modify_unit(
            unit_id=found.pk,
            version=form.cleaned_data["version"],
            fields=form.fields_of_unit(),
            actor=request.actor,
            at=now(),
        )

    back = reverse("archive_unit", args=[found.pk])
    return form_page(request, form, act, _("Saved."), title=_("Modify"), back=back, subtitle=str(found))


@needs("bureau.edit")
def delete_unit(request: Any, unit_id: int) -> HttpResponse:
    found = get_object_or_404(_units(request), pk=unit_id)

    def act() -> None:
        delete_supply_office(unit_id=found.pk, actor=request.actor, at=now())

    above = reverse("archive_unit", args=[found.parent_id]) if found.parent_id else reverse("archives")
    return _delete(request, reverse("archive_unit", args=[found.pk]), above, act, _("The supply office was deleted."))


@needs("bureau.edit")
def add_office(request: Any, unit_id: int) -> HttpResponse:
    bureau = get_object_or_404(_units(request).filter(kind="BUREAU"), pk=unit_id)
    form = NewOfficeForm(request.POST or None)

    def act() -> None:
        add_supply_office(
            bureau_id=bureau.pk,
            code=form.cleaned_data["code"],
            fields=form.fields_of_unit(),
            actor=request.actor,
            at=now(),
        )

    back = reverse("archive_unit", args=[bureau.pk])
    done = _("The supply office is added.")
    return form_page(request, form, act, done, title=_("Add supply office"), back=back, subtitle=str(bureau))


def _office(request: Any, unit_id: int) -> Any:
    return get_object_or_404(_units(request).filter(kind="SUPPLY_OFFICE"), pk=unit_id)


def _feeder_choices(office_id: int, unit_path: str) -> list[tuple[int, str]]:
    return [(row.pk, str(row)) for row in feeders_within(unit_path).filter(office_id=office_id)]


@needs("archives.edit")
def add_feeder_page(request: Any, unit_id: int) -> HttpResponse:
    office = _office(request, unit_id)
    form = FeederForm(request.POST or None)

    def act() -> None:
        add_feeder(office_id=office.pk, new=_feeder_of(form), actor=request.actor, at=now())

    back = reverse("archive_unit", args=[office.pk])
    return form_page(
        request, form, act, _("The feeder is added."), title=_("Add feeder"), back=back, subtitle=str(office)
    )


def _feeder_of(form: FeederForm) -> NewFeeder:
    return NewFeeder(**{name: value for name, value in form.cleaned_data.items() if name != "version"})


@needs("archives.edit")
def modify_feeder_page(request: Any, feeder_id: int) -> HttpResponse:
    found = get_object_or_404(feeders_within(request.actor.unit_path), pk=feeder_id)
    names = ("code", "name", "voltage_kv", "status", "version")
    form = FeederForm(request.POST or None, initial={name: getattr(found, name) for name in names})

    def act() -> None:
        version = form.cleaned_data["version"]
        modify_feeder(feeder_id=found.pk, version=version, new=_feeder_of(form), actor=request.actor, at=now())

    back = reverse("archive_feeder", args=[found.pk])
    return form_page(request, form, act, _("Saved."), title=_("Modify"), back=back, subtitle=str(found))


@needs("archives.edit")
def delete_feeder_page(request: Any, feeder_id: int) -> HttpResponse:
    found = get_object_or_404(feeders_within(request.actor.unit_path), pk=feeder_id)

    def act() -> None:
        delete_feeder(feeder_id=found.pk, actor=request.actor, at=now())

    here, above = reverse("archive_feeder", args=[found.pk]), reverse("archive_unit", args=[found.office_id])
    return _delete(request, here, above, act, _("The feeder was deleted."))


def _transformer_of(form: TransformerForm) -> NewTransformer:
    return NewTransformer(**{name: value for name, value in form.cleaned_data.items() if name != "version"})


@needs("archives.edit")
def add_transformer_page(request: Any, unit_id: int) -> HttpResponse:
    office = _office(request, unit_id)
    form = TransformerForm(request.POST or None, feeders=_feeder_choices(office.pk, request.actor.unit_path))

    def act() -> None:
        add_transformer(office_id=office.pk, new=_transformer_of(form), actor=request.actor, at=now())

    back = reverse("archive_unit", args=[office.pk])
    done = _("The transformer is added. Add its customers next.")
    return form_page(request, form, act, done, title=_("Add transformer"), back=back, subtitle=str(office))


@needs("archives.edit")
def modify_transformer_page(request: Any, transformer_id: int) -> HttpResponse:
    found = get_object_or_404(transformers_within(request.actor.unit_path), pk=transformer_id)
    form = TransformerForm(
        request.POST or None,
        initial={name: getattr(found, name) for name in _OF_TRANSFORMER},
        feeders=_feeder_choices(found.office_id, request.actor.unit_path),
    )

    def act() -> None:
        modify_transformer(
            transformer_id=found.pk,
            version=form.cleaned_data["version"],
            new=_transformer_of(form),
            actor=request.actor,
            at=now(),
        )

    back = reverse("archive_transformer", args=[found.pk])
    return form_page(request, form, act, _("Saved."), title=_("Modify"), back=back, subtitle=str(found))


@needs("archives.edit")
def delete_transformer_page(request: Any, transformer_id: int) -> HttpResponse:
    found = get_object_or_404(transformers_within(request.actor.unit_path), pk=transformer_id)

    def act() -> None:
        delete_transformer(transformer_id=found.pk, actor=request.actor, at=now())

    here = reverse("archive_transformer", args=[found.pk])
    return _delete(
        request, here, reverse("archive_unit", args=[found.office_id]), act, _("The transformer was deleted.")
    )
