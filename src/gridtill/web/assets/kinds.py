"""The three kinds of asset: what they are called, their forms, and their lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import django_filters
import django_tables2
from django import forms
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from gridtill.apps.assets import queries
from gridtill.apps.assets.choices import AssetStatus
from gridtill.apps.staff.queries import units_within
from gridtill.web.assets.forms import AssetForm, CollectorForm, ConcentratorForm, MeterForm
from gridtill.web.columns import CodeColumn, DayColumn, EnergyColumn, NameColumn, StateColumn
from gridtill.web.form_pages import unit_choices
from gridtill.web.lists import Empty, ListSpec
from gridtill.web.menu import Text


def _number_column(slug: str) -> NameColumn:
    return NameColumn(verbose_name=_("Asset"), linkify=lambda record: reverse("asset", args=[slug, record.pk]))


class AssetTable(django_tables2.Table):
    maker = django_tables2.Column(verbose_name=_("Maker"))
    model = django_tables2.Column(verbose_name=_("Model"))
    store = django_tables2.Column(verbose_name=_("Store"), accessor="store__name")
    status = StateColumn(verbose_name=_("State"))
    batch = django_tables2.Column(verbose_name=_("Batch"))
    purchase_date = DayColumn(verbose_name=_("Bought on"))
    communication_address = CodeColumn(verbose_name=_("Communication address"))
    protocol = django_tables2.Column(verbose_name=_("Protocol"))
    remarks = django_tables2.Column(verbose_name=_("Remarks"), attrs={"td": {"class": "clip"}})


class MeterTable(AssetTable):
    asset_number = _number_column("meters")
    number = CodeColumn(verbose_name=_("Meter number"))
    phase_configuration = django_tables2.Column(verbose_name=_("Phases"))
    token_carrier = django_tables2.Column(verbose_name=_("Credit arrives by"))
    payment_mode = django_tables2.Column(verbose_name=_("Paid"))
    rated_current = django_tables2.Column(verbose_name=_("Rated current"))
    supply_group_code = CodeColumn(verbose_name=_("Supply group"))
    tariff_index = CodeColumn(verbose_name=_("Tariff index"))
    key_revision = CodeColumn(verbose_name=_("Key revision"))
    credit_maximum_wh = EnergyColumn(verbose_name=_("Most credit, kWh"))

    class Meta:
        sequence = ("asset_number", "number", "maker", "model", "phase_configuration", "token_carrier", "...")


class ConcentratorTable(AssetTable):
    asset_number = _number_column("concentrators")
    sim_number = CodeColumn(verbose_name=_("SIM card"))
    network_address = CodeColumn(verbose_name=_("Network address"))
    meters_maximum = CodeColumn(verbose_name=_("Most meters"))

    class Meta:
        sequence = ("asset_number", "maker", "model", "sim_number", "network_address", "...")


class CollectorTable(AssetTable):
    asset_number = _number_column("collectors")
    concentrator = CodeColumn(verbose_name=_("Concentrator"), accessor="concentrator__asset_number")
    channels = CodeColumn(verbose_name=_("Channels"))

    class Meta:
        sequence = ("asset_number", "maker", "model", "concentrator", "channels", "...")


class AssetFilter(django_filters.FilterSet):
    """State, store and maker; a store stands for itself and all below it."""

    status = django_filters.ChoiceFilter(
        label=_("State"), choices=AssetStatus.choices, empty_label=_("All"), widget=forms.RadioSelect
    )
    store = django_filters.ChoiceFilter(label=_("Store"), empty_label=_("All"), method="by_store")
    maker = django_filters.CharFilter(label=_("Maker begins with"), lookup_expr="istartswith", max_length=60)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        units = list(units_within(self.request.actor.unit_path))
        self._paths = {str(unit.pk): unit.path for unit in units}
        self.filters["store"].extra["choices"] = unit_choices(units)

    def by_store(self, rows: Any, _name: str, value: str) -> Any:
        return rows.filter(store__path__startswith=self._paths[value])


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of asset on screen; ``code`` is its name in the app, ``slug`` its part of the address."""

    code: str
    slug: str
    title: Text
    one: Text
    add: Text
    icon: str
    form: type[AssetForm]
    spec: ListSpec


_METER_HIDDEN = (
    *("payment_mode", "rated_current", "supply_group_code", "tariff_index", "key_revision"),
    "credit_maximum_wh",
)
_HIDDEN = ("batch", "purchase_date", "communication_address", "protocol", "remarks")


def _spec(slug: str, table: type[AssetTable], hidden: tuple[str, ...], hint: Text, title: Text) -> ListSpec:
    return ListSpec(
        name=slug,
        table=table,
        filters=AssetFilter,
        search=queries.find_assets,
        search_hint=hint,
        hidden=(*_HIDDEN, *hidden),
        fixed=("asset_number",),
        chips="status",
        empty=Empty(title, _("Register the first one, or import a file."), icon="package"),
    )


KINDS: dict[str, Kind] = {
    kind.slug: kind
    for kind in (
        Kind(
            "meter",
            "meters",
            _("Meters"),
            _("Meter"),
            _("Register meter"),
            "circuit-voltmeter",
            MeterForm,
            _spec(
                "meters",
                MeterTable,
                _METER_HIDDEN,
                _("Asset or meter no."),
                _("No meters yet"),
            ),
        ),
        Kind(
            "concentrator",
            "concentrators",
            _("Concentrators"),
            _("Concentrator"),
            _("Register concentrator"),
            "server",
            ConcentratorForm,
            _spec("concentrators", ConcentratorTable, ("meters_maximum",), _("Asset no."), _("No concentrators yet")),
        ),
        Kind(
            "collector",
            "collectors",
            _("Collectors"),
            _("Collector"),
            _("Register collector"),
            "cpu",
            CollectorForm,
            _spec("collectors", CollectorTable, (), _("Asset no."), _("No collectors yet")),
        ),
    )
}


def kind_of(slug: str) -> Kind:
    """
    Return the kind that a part of an address names.

    :raises Http404: if there is none
    """
    if slug not in KINDS:
        raise Http404
    return KINDS[slug]
