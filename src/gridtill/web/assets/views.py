"""Lists, details and forms of assets, and what may be done about one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import django_tables2
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.apps.assets import operations, queries
from gridtill.apps.assets.operations.archive import AssetChanged
from gridtill.apps.assets.states import MOVES
from gridtill.apps.audit.queries import changes_of
from gridtill.apps.staff.queries import units_within
from gridtill.kernel.clock import now
from gridtill.kernel.energy import format_kwh
from gridtill.kernel.errors import Refusal
from gridtill.web.assets.forms import METER_DEFAULTS, AssetForm, Choices, DeleteForm, MoveForm
from gridtill.web.assets.kinds import KINDS, Kind, kind_of
from gridtill.web.columns import MomentColumn, NameColumn
from gridtill.web.form_pages import put_beside, unit_choices
from gridtill.web.lists import Action, Empty, ListSpec, build_list, list_page
from gridtill.web.session import needs
from gridtill.web.staff.log import act_in_words, date_text, shown
from gridtill.web.templatetags.gridtill import day, moment

_THROUGH_POINT = {"INSTALLED", "REMOVED"}


class HistoryTable(django_tables2.Table):
    at = MomentColumn(verbose_name=_("When"))
    actor_name = NameColumn(verbose_name=_("Who"), attrs={})
    action = django_tables2.Column(verbose_name=_("What was done"))
    after = django_tables2.Column(verbose_name=_("Before and after"), empty_values=())
    reason = django_tables2.Column(verbose_name=_("Reason"))

    class Meta:
        orderable = False

    def __init__(self, *args: Any, stores: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stores = stores

    def render_at(self, value: Any, record: Any) -> Any:
        if not self.request.actor.may("audit.view"):
            return moment(value)
        return format_html('<a href="{}">{}</a>', reverse("audit_record", args=[record.pk]), moment(value))

    def render_action(self, value: str) -> str:
        return act_in_words(value)

    def render_after(self, record: Any) -> str:
        # The first write names every field, which the page above does too.
        return "; ".join(self._parts(record)) if record.before is not None else ""

    def _parts(self, record: Any) -> list[str]:
        return [
            f"{change.label}: {self._side(change.field, change.before)} → {self._side(change.field, change.after)}"
            for change in changes_of(record)
        ]

    def _side(self, field: str, value: Any) -> str:
        if field == "store_id" and value is not None:
            return self._stores.get(str(value), str(value))
        if isinstance(value, date):
            return date_text(value)
        return str(shown(field, value, self.request.utility.currency))


HISTORY = ListSpec(
    name="asset-history", table=HistoryTable, fixed=("at",), empty=Empty(_("Nothing was written about it yet"))
)


def first(_request: Any) -> HttpResponse:
    """Lead to the list of meters, which the menu entry stands for."""
    return redirect("asset_list", "meters")


def _within(request: Any, kind: Kind) -> Any:
    rows = queries.assets_within(kind.code, request.actor.unit_path)
    return rows.select_related("store", "concentrator") if kind.code == "collector" else rows


def found_asset(request: Any, kind: Kind, asset_id: int) -> Any:
    """
    Return an asset within the operator's reach.

    :raises Http404: if there is none
    """
    return get_object_or_404(_within(request, kind), pk=asset_id)


def stores_of(request: Any) -> Choices:
    """Return the units whose stores the operator reaches, for a select."""
    return unit_choices(units_within(request.actor.unit_path))


@needs("assets.view")
def assets(request: Any, slug: str) -> HttpResponseBase:
    kind = kind_of(slug)
    actions = []
    if request.actor.may("assets.import"):
        actions.append(Action(_("Import"), reverse("asset_import", args=[slug]), "table-import"))
    if request.actor.may("assets.edit"):
        actions.append(Action(kind.add, reverse("asset_add", args=[slug]), "plus", primary=True))
    return list_page(
        request,
        kind.spec,
        _within(request, kind),
        title=_("Meters and devices"),
        subtitle=_("What the utility owns, where it is kept and in which state"),
        actions=actions,
        template="assets/list.html",
        context={"kinds": KINDS.values(), "kind": kind},
    )


def _value(asset: Any, name: str) -> Any:
    if name == "credit_maximum_wh":
        return "" if asset.credit_maximum_wh is None else f"{format_kwh(asset.credit_maximum_wh)} kWh"
    if name == "purchase_date":
        return day(asset.purchase_date)
    if name == "store":
        return asset.store.name
    if name == "concentrator" and asset.concentrator is not None:
        url = reverse("asset", args=["concentrators", asset.concentrator_id])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', url, asset.concentrator.asset_number)
    words = getattr(asset, f"get_{name}_display", None)
    return words() if words is not None else getattr(asset, name)


def _sections(kind: Kind, asset: Any) -> list[tuple[Any, list[tuple[Any, Any]]]]:
    fields = kind.form.base_fields
    (title, first_names), *rest = kind.form.sections
    # What stands under no heading in the form belongs to the asset as a whole.
    whole = [*first_names, *(name for heading, names in rest if not heading for name in names)]
    shown_under = [(title, whole), *((heading, names) for heading, names in rest if heading)]
    return [(title, [(fields[name].label, _value(asset, name)) for name in names]) for title, names in shown_under]


def _following(kind: Kind, status: str) -> list[str]:
    """Return the states that a storekeeper may set; meters are put up and taken down at their point."""
    if kind.code == "meter" and status == "INSTALLED":
        return []
    through_point = _THROUGH_POINT if kind.code == "meter" else set()
    return sorted(MOVES[status] - through_point)


@needs("assets.view")
def asset(request: Any, slug: str, asset_id: int) -> HttpResponseBase:
    kind = kind_of(slug)
    found = found_asset(request, kind, asset_id)
    names = {str(unit.pk): unit.name for unit in units_within("")}
    view = build_list(request, HISTORY, queries.history_of(kind.code, found.pk), stores=names)
    if view.response is not None:
        return view.response
    may_edit = request.actor.may("assets.edit")
    below = queries.assets_within("collector", request.actor.unit_path).filter(concentrator_id=found.pk)
    context = {
        "kind": kind,
        "asset": found,
        "sections": _sections(kind, found),
        "collectors": below[:50] if kind.code == "concentrator" else (),
        "installations": _installations(request, kind, found),
        "list": view,
        "may_edit": may_edit,
        "movable": may_edit and not (kind.code == "meter" and found.status == "INSTALLED"),
        "deletable": may_edit and found.status == "IN_STORE",
    }
    return render(request, "assets/detail.html", context)


def _installations(request: Any, kind: Kind, found: Any) -> Any:
    if kind.code != "meter":
        return ()
    # Whose wall it hangs on elsewhere is not told where it came from.
    within = found.installations.filter(usage_point__customer__office__path__startswith=request.actor.unit_path)
    return within.select_related("usage_point__customer").order_by("-installed_at")[:50]


def _concentrator_id(request: Any, form: AssetForm) -> int | None:
    """
    Return the concentrator that a collector's form names by its asset number.

    :raises InvalidValue: if there is none within reach
    """
    number = form.cleaned_data.get("concentrator", "")
    return queries.concentrator_by_number(number, request.actor.unit_path).pk if number else None


def _form_page(request: Any, kind: Kind, form: AssetForm, refused: Refusal | None, **context: Any) -> HttpResponse:
    status = 409 if isinstance(refused, AssetChanged) else 422 if form.errors else 200
    return render(request, "assets/form.html", {"kind": kind, "form": form, **context}, status=status)


@needs("assets.edit")
def add(request: Any, slug: str) -> HttpResponse:
    kind, refused = kind_of(slug), None
    initial = {"store": request.user.unit_id, **(METER_DEFAULTS if kind.code == "meter" else {})}
    form = kind.form(request.POST or None, initial=initial, stores=stores_of(request))
    if request.method == "POST" and form.is_valid():
        try:
            made = operations.register_asset(
                kind=kind.code,
                fields=form.values,
                store_id=int(form.cleaned_data["store"]),
                concentrator_id=_concentrator_id(request, form),
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            refused = refusal
            put_beside(form, refusal)
        else:
            messages.success(request, _t("Registered; it is in store."))
            return redirect("asset", slug, made.pk)
    return _form_page(
        request,
        kind,
        form,
        refused,
        title=kind.add,
        subtitle=_("It begins in store."),
        cancel_url=reverse("asset_list", args=[slug]),
    )


def _initial(kind: Kind, found: Any) -> dict[str, Any]:
    names = [name for name in kind.form.base_fields if name != "store"]
    initial = {name: getattr(found, name) for name in names}
    if kind.code == "meter" and found.credit_maximum_wh is not None:
        initial["credit_maximum_wh"] = format_kwh(found.credit_maximum_wh)
    return initial


@needs("assets.edit")
def edit(request: Any, slug: str, asset_id: int) -> HttpResponse:
    kind, refused = kind_of(slug), None
    found = found_asset(request, kind, asset_id)
    carrier = getattr(found, "token_carrier", "KEYPAD")
    form = kind.form(request.POST or None, initial=_initial(kind, found), stores=None, carrier=carrier)
    if request.method == "POST" and form.is_valid():
        try:
            fields = dict(form.values)
            if kind.code == "collector":
                fields["concentrator_id"] = _concentrator_id(request, form)
            operations.modify_asset(
                kind=kind.code,
                asset_id=found.pk,
                version=form.cleaned_data["version"],
                fields=fields,
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            refused = refusal
            put_beside(form, refusal)
        else:
            messages.success(request, _t("Saved."))
            return redirect("asset", slug, found.pk)
    return _form_page(
        request,
        kind,
        form,
        refused,
        title=found.asset_number,
        subtitle=kind.one,
        cancel_url=reverse("asset", args=[slug, found.pk]),
    )


@needs("assets.edit")
def move(request: Any, slug: str, asset_id: int) -> HttpResponse:
    kind = kind_of(slug)
    found = found_asset(request, kind, asset_id)
    following = _following(kind, found.status)
    form = MoveForm(
        request.POST or None,
        initial={"store": found.store_id},
        status=found.status,
        following=following,
        stores=stores_of(request),
    )
    refused = None
    if request.method == "POST" and form.is_valid():
        store_id = int(form.cleaned_data["store"])
        try:
            operations.move_asset(
                kind=kind.code,
                asset_id=found.pk,
                new_status=form.cleaned_data["new_status"],
                store_id=None if store_id == found.store_id else store_id,
                reason=form.cleaned_data["reason"],
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            refused = refusal
            put_beside(form, refusal)
        else:
            messages.success(request, _t("The change is written."))
            return redirect("asset", slug, found.pk)
    context = {
        "kind": kind,
        "asset": found,
        "title": _t("Change the state of %(asset)s") % {"asset": found.asset_number},
        "subtitle": _t("Now: %(state)s") % {"state": found.get_status_display()},
        "form": form,
        "submit_label": _t("Change"),
        "cancel_url": reverse("asset", args=[slug, found.pk]),
    }
    status = 409 if isinstance(refused, AssetChanged) else 422 if form.errors else 200
    return render(request, "assets/act.html", context, status=status)


@needs("assets.edit")
def delete(request: Any, slug: str, asset_id: int) -> HttpResponse:
    kind = kind_of(slug)
    found = found_asset(request, kind, asset_id)
    form = DeleteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            operations.delete_asset(
                kind=kind.code,
                asset_id=found.pk,
                reason=form.cleaned_data["reason"],
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            put_beside(form, refusal)
        else:
            messages.success(request, _t("%(asset)s is deleted.") % {"asset": found.asset_number})
            return redirect("asset_list", slug)
    context = {
        "kind": kind,
        "asset": found,
        "title": _t("Delete %(asset)s?") % {"asset": found.asset_number},
        "subtitle": _t("For what was entered by mistake. It cannot be brought back; the log keeps what it was."),
        "form": form,
        "submit_label": _t("Delete"),
        "cancel_url": reverse("asset", args=[slug, found.pk]),
    }
    return render(request, "assets/act.html", context, status=422 if form.errors else 200)
