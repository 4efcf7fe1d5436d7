"""Every component with sample data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import django_tables2
from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from gridtill.kernel.errors import Refusal
from gridtill.web.columns import (
    ChooseColumn,
    CodeColumn,
    DayColumn,
    EnergyColumn,
    MomentColumn,
    MoneyColumn,
    NameColumn,
    StateColumn,
)
from gridtill.web.lists import BulkAction, Empty, ListSpec, build_list

SAMPLE_AT = datetime(2026, 11, 22, 17, 42, tzinfo=UTC)
_NAMES = ("Akosua Boateng", "Kofi Tetteh", "Abena Ofori", "Samuel Darko", "Esi Lamptey", "Daniel Asante", "Yaw Mensah")
_STATES = {
    "ACTIVE": _("Active"),
    "LOW": _("Low credit"),
    "ARREARS": _("In arrears"),
    "NEW": _("Not opened"),
    "CLOSED": _("Closed"),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A made-up customer."""

    pk: int
    name: str
    meter: str
    state: str
    balance_minor: int
    credit_wh: int
    seen_at: datetime
    opened_on: date

    def __str__(self) -> str:
        return self.name


class SampleTable(django_tables2.Table):
    chosen = ChooseColumn()
    name = NameColumn(verbose_name=_("Customer"), linkify=lambda record: f"#sample-{record.pk}")
    meter = CodeColumn(verbose_name=_("Meter"))
    state = StateColumn(verbose_name=_("State"), labels=_STATES)
    balance_minor = MoneyColumn(verbose_name=_("Balance"), currency="GHS")
    credit_wh = EnergyColumn(verbose_name=_("Credit, kWh"))
    seen_at = MomentColumn(verbose_name=_("Last seen"))
    opened_on = DayColumn(verbose_name=_("Opened"))


class SampleForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("As on the identity card."))
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)
    kind = forms.ChoiceField(label=_("Property"), choices=[("r", _("Residential")), ("n", _("Non-residential"))])
    opened_on = forms.DateField(label=_("Running since"), widget=forms.DateInput(attrs={"type": "date"}))
    ways = forms.MultipleChoiceField(
        label=_("Ways of payment"),
        choices=[("CASH", _("Cash")), ("MOBILE_MONEY", _("Mobile money"))],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    exempt = forms.BooleanField(label=_("Exempt from tax"), required=False)
    note = forms.CharField(label=_("Note"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}), required=False)


def _samples(count: int) -> list[Sample]:
    return [
        Sample(
            pk=number,
            name=_NAMES[number % len(_NAMES)],
            meter=f"{37_194_028_816 + number * 7919}",
            state=list(_STATES)[number % len(_STATES)],
            balance_minor=(number * 98_765) % 1_234_567 - 90_000,
            credit_wh=(number * 12_345) % 380_000,
            seen_at=SAMPLE_AT - timedelta(hours=number * 5),
            opened_on=SAMPLE_AT.date() - timedelta(days=number),
        )
        for number in range(count)
    ]


def _find(rows: list[Sample], text: str) -> list[Sample]:
    return [row for row in rows if text.lower() in row.name.lower() or text in row.meter]


_LIST = ListSpec(
    name="samples",
    table=SampleTable,
    search=_find,
    hidden=("opened_on",),
    fixed=("name",),
    per_page=10,
    empty=Empty(_("No customers here yet"), _("Add one by hand, or import a file and see a preview first.")),
    bulk=(BulkAction(_("Change tariff"), "#"), BulkAction(_("Remove"), "#", confirm=_("Remove them?"), danger=True)),
)
_CHART = {
    "x": [f"{day:02d} Nov" for day in range(9, 23)],
    "unit": "GHS",
    "unit2": "kWh",
    "series": [
        {"name": "Counters", "type": "bar", "data": [19 + day % 5 for day in range(14)]},
        {"name": "Agents", "type": "bar", "data": [28 + day % 7 for day in range(14)]},
        {"name": "Energy", "type": "line", "y": 1, "data": [25 + day % 6 for day in range(14)]},
    ],
}


@login_required
def styleguide(request: HttpRequest) -> HttpResponseBase:
    if request.headers.get("HX-Target") == "sample-picker-rows":
        q = request.GET.get("q", "")[:80]
        rows = [
            {
                "value": sample.pk,
                "label": sample.name,
                "detail": sample.meter,
                "state": sample.state,
                "state_label": _STATES[sample.state],
            }
            for sample in _find(_samples(7), q)
        ]
        return render(request, "components/picker_rows.html", {"rows": rows, "q": q})
    view = build_list(request, _LIST, _samples(37))
    if view.response is not None:
        return view.response
    bound = SampleForm({"name": "", "phone": "+233 24 555 0148", "kind": "n", "opened_on": "yesterday"})
    context = {
        "list": view,
        "form": SampleForm(),
        "bound": bound,
        "refusal": Refusal("The till is closed.", remedy="Open it first; nothing was sold."),
        "chart": _CHART,
        "states": list(_STATES.items()),
        "trend": [30, 28, 33, 31, 37, 41, 40, 44],
        "sample_at": SAMPLE_AT,
        "token": "49125536018722447019",
    }
    return render(request, "styleguide/page.html", context)
