"""Debts that purchases pay off: the list of a unit, one debt with its recoveries, a new one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import django_filters
import django_tables2
from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.apps.arrears import queries
from gridtill.apps.arrears.choices import DebtKind, DebtStatus, RecoveryMode
from gridtill.apps.arrears.operations import DebtChanged, add_debt, change_terms, set_frozen
from gridtill.apps.vending.queries.recoveries import recoveries_of
from gridtill.kernel.clock import now
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id
from gridtill.kernel.money import format_minor
from gridtill.web.columns import CodeColumn, MomentColumn, MoneyColumn, NameColumn, StateColumn
from gridtill.web.debts.forms import DebtForm, TermsForm
from gridtill.web.lists import Action, Empty, ListSpec, build_list, list_page
from gridtill.web.menu import Text
from gridtill.web.session import needs
from gridtill.web.templatetags.gridtill import amount, money, status

_TONES = {DebtStatus.OPEN: "warn", DebtStatus.FROZEN: "info", DebtStatus.PAID: "good"}


def terms_in_words(debt: Any, currency: str) -> str:
    """Say what each purchase pays towards a debt."""
    if debt.mode == RecoveryMode.PERCENT:
        return f"{(Decimal(debt.percent_bp) / 100).normalize():f} %"
    return amount(debt.fixed_minor, currency)


class DebtStateColumn(StateColumn):
    """An open debt wants attention, a paid one is good; elsewhere "open" is the good one."""

    def render(self, value: Any, record: Any, bound_column: Any) -> Any:  # noqa: ARG002  the names are the library's
        return debt_status(record)


def debt_status(debt: Any) -> Any:
    """Draw the state of a debt."""
    return status(debt.status, debt.get_status_display(), _TONES[debt.status])


class DebtTable(django_tables2.Table):
    customer = NameColumn(
        verbose_name=_("Customer"),
        accessor="account__customer__name",
        linkify=lambda record: reverse("debt", args=[record.pk]),
    )
    number = CodeColumn(verbose_name=_("Customer number"), accessor="account__customer__number")
    account = CodeColumn(verbose_name=_("Account"), accessor="account__number")
    office = django_tables2.Column(verbose_name=_("Supply office"), accessor="account__customer__office__name")
    kind = django_tables2.Column(verbose_name=_("Kind"))
    description = django_tables2.Column(verbose_name=_("Words on the receipt"))
    terms = django_tables2.Column(
        verbose_name=_("Of each purchase"),
        accessor="pk",
        orderable=False,
        attrs={"th": {"class": "num"}, "td": {"class": "num"}},
    )
    principal_minor = MoneyColumn(verbose_name=_("Debt"))
    recovered_minor = MoneyColumn(verbose_name=_("Recovered"))
    remaining_minor = MoneyColumn(verbose_name=_("Remaining"))
    priority = django_tables2.Column(verbose_name=_("Priority"), attrs={"th": {"class": "num"}, "td": {"class": "num"}})
    created_at = MomentColumn(verbose_name=_("Since"))
    status = DebtStateColumn(verbose_name=_("State"))

    def render_terms(self, record: Any) -> str:
        return terms_in_words(record, self.request.utility.currency)

    def value_terms(self, record: Any) -> str:
        return self.render_terms(record)


class DebtFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(
        label=_("State"), choices=DebtStatus.choices, empty_label=_("All"), widget=forms.RadioSelect
    )
    kind = django_filters.ChoiceFilter(label=_("Kind"), choices=DebtKind.choices)


def _totals(request: Any, rows: Any) -> Sequence[tuple[Text, str]]:
    return ((_("Remaining"), money(queries.total_remaining(rows), request.utility.currency)),)


DEBTS = ListSpec(
    name="debts",
    table=DebtTable,
    filters=DebtFilter,
    search=queries.find_debts,
    search_hint=_("Customer, account or meter number, or name"),
    hidden=("account", "office", "kind", "priority"),
    fixed=("customer",),
    chips="status",
    empty=Empty(
        _("No debts"),
        _("A debt that you add here is paid off by the customer's purchases."),
        "/debts/add/",
        _("Add a debt"),
        "receipt-refund",
    ),
    totals=_totals,
)


@needs("debt.edit")
def debts(request: Any) -> HttpResponseBase:
    return list_page(
        request,
        DEBTS,
        queries.debts_within(request.actor.unit_path),
        title=_("Debt recovery"),
        subtitle=_("What customers owe, and what each purchase pays of it"),
        actions=[Action(_("Add a debt"), reverse("debt_add"), "plus", primary=True)],
    )


class RecoveryTable(django_tables2.Table):
    at = MomentColumn(verbose_name=_("Time"), orderable=False)
    number = NameColumn(
        verbose_name=_("Receipt"),
        linkify=lambda record: reverse("counter_sold", args=[record.vend_id]),
        orderable=False,
    )
    total_minor = MoneyColumn(verbose_name=_("Purchase"), orderable=False)
    taken_minor = MoneyColumn(verbose_name=_("Taken"), orderable=False)
    given_back = django_tables2.Column(verbose_name=_("Remark"), orderable=False)

    def render_given_back(self, value: bool) -> str:  # noqa: FBT001  the library calls it
        return _t("Given back: the purchase was reversed") if value else ""

    def value_given_back(self, value: bool) -> str:  # noqa: FBT001  the library calls it
        return self.render_given_back(value)


RECOVERIES = ListSpec(
    name="debt-recoveries",
    table=RecoveryTable,
    fixed=("number",),
    empty=Empty(_("Nothing recovered yet"), _("The next purchase pays its part.")),
)


def _found(request: Any, debt_id: int) -> Any:
    found = queries.debts_within(request.actor.unit_path).filter(pk=debt_id).first()
    if found is None:
        raise Http404
    return found


@needs("debt.edit")
def debt(request: Any, debt_id: int) -> HttpResponseBase:
    found = _found(request, debt_id)
    view = build_list(request, RECOVERIES, recoveries_of(found.pk, account_id=found.account_id))
    if view.response is not None:
        return view.response
    currency = request.utility.currency
    context = {
        "debt": found,
        "customer": found.account.customer,
        "state": debt_status(found),
        "terms": terms_in_words(found, currency),
        "done_percent": found.recovered_minor * 100 // found.principal_minor,
        "list": view,
        "currency": currency,
    }
    return render(request, "debts/debt.html", context)


@needs("debt.edit")
def freeze(request: Any, debt_id: int) -> HttpResponse:
    """Freeze or resume; a visit by address alone only leads back."""
    found = _found(request, debt_id)
    if request.method == "POST":
        frozen = request.POST.get("frozen") == "1"
        try:
            set_frozen(debt_id=found.pk, frozen=frozen, actor=request.actor, at=now())
        except Refusal as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}".strip())
        else:
            words = _t("Frozen. Purchases pay nothing of it.") if frozen else _t("Purchases pay it off again.")
            messages.success(request, words)
    return redirect("debt", debt_id=found.pk)


@needs("debt.edit")
def edit(request: Any, debt_id: int) -> HttpResponse:
    found = _found(request, debt_id)
    form = TermsForm(request.POST or None, initial=_as_typed(found, request.utility.currency))
    refused: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            change_terms(
                debt_id=found.pk,
                version=form.cleaned_data["version"],
                terms=form.terms(found.kind, request.utility.currency),
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            refused = refusal
            _put_beside(form, refusal)
        else:
            messages.success(request, _t("Saved. The next purchase pays by these terms."))
            return redirect("debt", debt_id=found.pk)
    context = {
        "title": found.description,
        "subtitle": found.account.customer.name,
        "form": form,
        "cancel_url": reverse("debt", args=[found.pk]),
    }
    status = 409 if isinstance(refused, DebtChanged) else 422 if form.errors else 200
    return render(request, "components/form_page.html", context, status=status)


def _as_typed(debt: Any, currency: str) -> dict[str, Any]:
    """Return the terms of a debt as a person would type them."""
    by_share = debt.mode == RecoveryMode.PERCENT
    typed = {name: getattr(debt, name) for name in ("description", "mode", "priority", "version")}
    typed["percent"] = f"{(Decimal(debt.percent_bp) / 100).normalize():f}" if by_share else ""
    typed["fixed"] = "" if by_share else format_minor(debt.fixed_minor, currency)
    return typed


def _put_beside(form: TermsForm, refusal: Refusal) -> None:
    """Show a refusal beside the field that it names, or above the form."""
    field = refusal.field if refusal.field in form.fields else None
    form.add_error(field, f"{refusal.message} {refusal.remedy}".strip())


@needs("debt.edit")
def add(request: Any) -> HttpResponse:
    initial = {"request_id": new_id(), "customer": request.GET.get("customer", "")[:40]}
    form = DebtForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = _added(request, form)
        except Refusal as refusal:
            _put_beside(form, refusal)
        else:
            messages.success(request, _t("The debt is set up. The next purchase pays its part."))
            return redirect("debt", debt_id=made.pk)
    context = {
        "title": _("Add a debt"),
        "subtitle": _("Amounts are in %(currency)s") % {"currency": request.utility.currency},
        "form": form,
        "submit_label": _("Add the debt"),
        "cancel_url": reverse("debts"),
    }
    return render(request, "debts/add.html", context, status=422 if form.errors else 200)


def _added(request: Any, form: DebtForm) -> Any:
    accounts = queries.accounts_called(form.cleaned_data["customer"], request.actor.unit_path)
    if len(accounts) != 1:
        raise InvalidValue(
            _t("No account in your unit has that number.") if not accounts else _t("Several accounts match it."),
            remedy=_t("Enter the number of the customer as it stands in the archives."),
            field="customer",
        )
    currency = request.utility.currency
    return add_debt(
        request_id=form.cleaned_data["request_id"],
        account_id=accounts[0].pk,
        principal_minor=form.minor("principal", currency),
        terms=form.terms(form.cleaned_data["kind"], currency),
        actor=request.actor,
        at=now(),
    )
