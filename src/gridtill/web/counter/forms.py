from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from gridtill.apps.vending.choices import TenderKind
from gridtill.apps.vending.operations.sell import SaleOrder
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.kernel.errors import InvalidValue
from gridtill.kernel.money import parse_money


class SaleForm(forms.Form):
    request_id = forms.UUIDField()
    amount = forms.CharField(max_length=24)
    expected_wh = forms.IntegerField(min_value=0, required=False)
    pay = forms.ChoiceField(choices=TenderKind.choices)
    received = forms.CharField(max_length=24, required=False)
    reference = forms.CharField(max_length=60, required=False)

    def order(self, *, agreement_id: int, shift_id: int, currency: str) -> tuple[UUID, SaleOrder]:
        """Return the request's id and the order, or raise InvalidValue naming the field."""
        if not self.is_valid():
            field, errors = next(iter(self.errors.items()))
            raise InvalidValue(str(errors[0]), field=field)
        data: dict[str, Any] = self.cleaned_data
        amount = parse_money(data["amount"], currency).minor
        received = amount
        if data["pay"] == TenderKind.CASH and data["received"].strip():
            received = parse_money(data["received"], currency).minor
        tender = TenderRow(data["pay"], amount, received, data["reference"].strip())
        return data["request_id"], SaleOrder(agreement_id, shift_id, (tender,), data["expected_wh"])


class TakeBackForm(forms.Form):
    request_id = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"), min_length=3, max_length=500, widget=forms.Textarea(attrs={"rows": 3, "autofocus": True})
    )
