from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gridtill.apps.vending.choices import TenderKind
from gridtill.apps.vending.queries.records import BalanceConditions, Choices

MOST_DAYS = 366
_ANY = ("", _("All"))


class ConditionsForm(forms.Form):
    """What a balance is asked for; without anything it is today."""

    first = forms.DateField(label=_("From day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(label=_("To day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    office = forms.TypedChoiceField(label=_("Supply office"), required=False, coerce=int, empty_value=None)
    till = forms.TypedChoiceField(label=_("Till"), required=False, coerce=int, empty_value=None)
    cashier = forms.TypedChoiceField(label=_("Cashier"), required=False, coerce=int, empty_value=None)
    kind = forms.ChoiceField(label=_("Paid by"), required=False, choices=[_ANY, *TenderKind.choices])

    def __init__(self, data: Any, *, choices: Choices, today: date) -> None:
        given = {name: data.get(name, "") for name in self.base_fields}
        given["first"] = given["first"] or data.get("day", "") or today.isoformat()
        given["last"] = given["last"] or given["first"]
        super().__init__(given)
        for name, offered in (("office", choices.offices), ("till", choices.tills), ("cashier", choices.cashiers)):
            field: Any = self.fields[name]
            field.choices = [_ANY, *offered]

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        first, last = found.get("first"), found.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day lies before the first."))
        elif first and last and last - first > timedelta(days=MOST_DAYS):
            self.add_error("last", _("Ask for a year at most; export longer spans in parts."))
        return found

    def conditions(self) -> BalanceConditions:
        """Return the conditions of a valid form."""
        found = self.cleaned_data
        return BalanceConditions(
            found["first"], found["last"], found["office"], found["till"], found["cashier"], found["kind"] or None
        )
