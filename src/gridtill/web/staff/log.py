"""The log of writes: who did what, when, and what was before and after."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import django_filters
import django_tables2
from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.apps.audit import queries
from gridtill.apps.staff.choices import Permission
from gridtill.kernel.clock import day_bounds
from gridtill.web.columns import MomentColumn, NameColumn
from gridtill.web.lists import Empty, ListSpec, list_page
from gridtill.web.session import needs
from gridtill.web.templatetags.gridtill import amount, day, kwh, moment

AREAS = (
    ("vending", _("Sales, tills and days")),
    ("customers", _("Customers and accounts")),
    ("arrears", _("Debts")),
    ("organization", _("Units and settings")),
    ("network", _("Network")),
    ("assets", _("Meters and devices")),
    ("pricing", _("Tariffs")),
    ("staff", _("Operators and roles")),
    ("notices", _("Notices")),
    ("keystore", _("Vending keys")),
)
_LIST_CHANGES = 3
_YEARS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


def act_in_words(action: str) -> str:
    """
    Return what was done, from its dotted name.

    >>> act_in_words("staff.operator.password_changed")
    'Operator: password changed'
    """
    _area, _dot, rest = action.partition(".")
    subject, _dot, verb = rest.partition(".")
    words = [part.replace("_", " ") for part in (subject, verb) if part]
    return ": ".join(words)[:1].upper() + ": ".join(words)[1:]


def shown(field: str, value: Any, currency: str) -> str | SafeString:
    """Return a stored value as a person reads it: money, energy, moments, yes and no, rights by name."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return _t("yes") if value else _t("no")
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, list):
        rights = {str(code): str(label) for code, label in Permission.choices}
        return ", ".join(rights.get(str(item), str(item)) for item in value)
    return _measured(field, str(value), currency)


def _measured(field: str, text: str, currency: str) -> str:
    try:
        if field.endswith("_minor"):
            return f"{currency} {amount(int(text), currency)}"
        if field.endswith("_wh"):
            return f"{kwh(int(text))} kWh"
    except ValueError:
        return text
    return text


def changes_in_words(record: Any, currency: str, *, named: bool = False) -> list[dict[str, Any]]:
    """Return what a write changed, for people; of two lists only what was added and what was taken away."""
    return [
        {
            "label": change.label,
            "before": shown(change.field, _without(change.before, change.after), currency),
            "after": shown(change.field, _without(change.after, change.before), currency),
        }
        for change in queries.changes_of(record, named=named)
    ]


def _without(items: Any, others: Any) -> Any:
    if isinstance(items, list) and isinstance(others, list):
        return [item for item in items if item not in others] or None
    return items


def _plain(value: Any) -> str:
    """Write a moment or day without its markup, for a line of text and for files."""
    return date_text(value) if isinstance(value, date) else str(value)


def date_text(value: date) -> str:
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
    return value.isoformat()


class ChangesColumn(django_tables2.Column):
    """What a write changed, on one line; the file holds it whole."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(accessor="after", empty_values=(), orderable=False, **kwargs)

    def render(self, record: Any, table: Any) -> str:
        parts = self._parts(record, table.request)
        more = f" (+{len(parts) - _LIST_CHANGES})" if len(parts) > _LIST_CHANGES else ""
        return "; ".join(parts[:_LIST_CHANGES]) + more

    def value(self, record: Any, table: Any) -> str:
        return "; ".join(self._parts(record, table.request))

    @staticmethod
    def _parts(record: Any, request: Any) -> list[str]:
        currency = request.utility.currency
        parts = []
        for change in queries.changes_of(record):
            before, after = (
                _plain(side) if isinstance(side, date) else str(shown(change.field, side, currency))
                for side in (_without(change.before, change.after), _without(change.after, change.before))
            )
            parts.append(f"{change.label}: {after}" if record.before is None else f"{change.label}: {before} → {after}")
        return parts


class LogTable(django_tables2.Table):
    at = MomentColumn(
        verbose_name=_("When"),
        linkify=lambda record: reverse("audit_record", args=[record.pk]),
        attrs={"a": {"data-row": ""}},
    )
    actor_name = NameColumn(verbose_name=_("Who"), orderable=False, attrs={})
    action = django_tables2.Column(verbose_name=_("What was done"), orderable=False)
    subject = django_tables2.Column(verbose_name=_("To what"), accessor="subject_kind", orderable=False)
    changes = ChangesColumn(verbose_name=_("Before and after"), attrs={"td": {"class": "clip log-changes"}})
    reason = django_tables2.Column(verbose_name=_("Reason"), orderable=False, attrs={"td": {"class": "clip"}})
    code = django_tables2.Column(verbose_name=_("Act"), accessor="action", orderable=False)

    def render_action(self, value: str) -> str:
        return act_in_words(value)

    def render_subject(self, value: str, record: Any) -> str:
        words = queries.kind_in_words(value)
        return f"{words[:1].upper()}{words[1:]} {record.subject_id}"


class LogFilter(django_filters.FilterSet):
    since = django_filters.DateFilter(
        label=_("From"), method="from_day", widget=forms.DateInput(attrs={"type": "date"}), validators=_YEARS
    )
    until = django_filters.DateFilter(
        label=_("Until"), method="to_day", widget=forms.DateInput(attrs={"type": "date"}), validators=_YEARS
    )
    area = django_filters.ChoiceFilter(label=_("About"), choices=AREAS, method="by_area", empty_label=_("Everything"))
    by = django_filters.ChoiceFilter(
        label=_("By"),
        choices=[("people", _("People")), ("system", _("The system itself"))],
        method="by_whom",
        empty_label=_("Everybody"),
    )

    def from_day(self, rows: Any, _name: str, value: date) -> Any:
        return rows.filter(at__gte=day_bounds(value, self.request.utility.zone)[0])

    def to_day(self, rows: Any, _name: str, value: date) -> Any:
        return rows.filter(at__lt=day_bounds(value, self.request.utility.zone)[1])

    def by_area(self, rows: Any, _name: str, value: str) -> Any:
        return rows.filter(action__startswith=f"{value}.")

    def by_whom(self, rows: Any, _name: str, value: str) -> Any:
        return rows.filter(actor_id__isnull=value == "system")


LOG = ListSpec(
    name="log",
    table=LogTable,
    filters=LogFilter,
    search=queries.find_records,
    search_hint=_("Who, what, reason"),
    hidden=("code",),
    fixed=("at",),
    empty=Empty(_("Nothing was written yet"), _("Every change of every kind will be listed here.")),
    counted=False,
)


@needs("audit.view")
def log(request: Any) -> HttpResponseBase:
    return list_page(
        request,
        LOG,
        queries.records_within(request.actor.unit_path),
        title=_("Log of writes"),
        subtitle=_("Every change, by whom and when; nothing in it can be altered"),
    )


@needs("audit.view")
def record(request: Any, record_id: int) -> HttpResponse:
    found = get_object_or_404(queries.records_within(request.actor.unit_path), pk=record_id)
    context = {
        "record": found,
        "act": act_in_words(found.action),
        "kind": queries.kind_in_words(found.subject_kind),
        "subject": queries.subject_name(found),
        "changes": changes_in_words(found, request.utility.currency, named=True),
    }
    return render(request, "staff/record.html", context)
