from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gridtill.apps.arrears.choices import DebtKind, RecoveryMode
from gridtill.apps.arrears.operations import DebtTerms
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.money import parse_money

_NUMBER = {"inputmode": "decimal", "autocomplete": "off"}
# Those that the house sets up itself: with an account, and when a cheque comes back.
_OWN_KINDS = {DebtKind.PRELOAD, DebtKind.CHEQUE}
_KINDS = [(value, label) for value, label in DebtKind.choices if value not in _OWN_KINDS]


class TermsForm(forms.Form):
    """How purchases pay a debt off; money as typed, in major units."""

    version = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=0, widget=forms.HiddenInput)
    description = forms.CharField(
        label=_("Words on the receipt"), help_text=_("Such as: Connection fee 2026."), max_length=120
    )
    mode = forms.ChoiceField(label=_("How it is recovered"), choices=RecoveryMode.choices)
    percent = forms.DecimalField(
        label=_("Share of each purchase, %"),
        help_text=_("From 0.01 to 90."),
        min_value=Decimal("0.01"),
        max_value=90,
        decimal_places=2,
        required=False,
        widget=forms.TextInput(attrs=_NUMBER),
    )
    fixed = forms.CharField(
        label=_("Fixed amount of each purchase"), max_length=24, required=False, widget=forms.TextInput(attrs=_NUMBER)
    )
    priority = forms.IntegerField(
        label=_("Priority"),
        help_text=_("Lower is taken first; equal ones by age."),
        min_value=0,
        max_value=99,
        initial=10,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        wanted = "percent" if found.get("mode") == RecoveryMode.PERCENT else "fixed"
        if found.get(wanted) in (None, "") and wanted not in self.errors:
            self.add_error(wanted, _("Say how much each purchase pays."))
        return found

    def minor(self, name: str, currency: str) -> int:
        """
        Return an amount of the form in minor units, 0 if it is empty.

        :raises InvalidValue: naming the field
        """
        try:
            return parse_money(self.cleaned_data[name] or "0", currency).minor
        except Refusal as refusal:
            raise InvalidValue(refusal.message, remedy=refusal.remedy, field=name) from None

    def terms(self, kind: str, currency: str) -> DebtTerms:
        """
        Return how a debt of a kind is recovered; what belongs to the other way is left out.

        :raises InvalidValue: naming the field that cannot be read
        """
        data, mode = self.cleaned_data, RecoveryMode(self.cleaned_data["mode"])
        by_share = mode == RecoveryMode.PERCENT
        return DebtTerms(
            kind=DebtKind(kind),
            description=data["description"],
            mode=mode,
            percent_bp=int(data["percent"] * 100) if by_share else 0,
            fixed_minor=0 if by_share else self.minor("fixed", currency),
            priority=data["priority"],
        )


class DebtForm(TermsForm):
    """A debt as it is agreed with a customer."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    customer = forms.CharField(
        label=_("Customer"),
        help_text=_("Number of the customer, of the account or of the meter."),
        max_length=40,
        widget=forms.TextInput(attrs={"data-picker-value": True}),
    )
    kind = forms.ChoiceField(label=_("What it is for"), choices=_KINDS)
    principal = forms.CharField(label=_("Debt"), max_length=24, widget=forms.TextInput(attrs=_NUMBER))
    field_order = ("customer", "kind", "description", "principal", "mode", "percent", "fixed", "priority")
