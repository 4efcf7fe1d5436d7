from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gridtill.apps.vending.choices import TenderKind
from gridtill.apps.vending.operations.sell import SaleOrder
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.kernel.errors import InvalidValue
from gridtill.kernel.money import parse_money
from gridtill.web.approval import ApprovalForm

MORE_WAYS = 2


class SaleForm(forms.Form):
    """
    A sale as posted; money as typed, in major units.

    The first way of payment pays what the ``part1`` and ``part2`` of the others leave.
    ``tender_minor`` is the price of a quote by energy, which the amount then is not.
    """

    request_id = forms.UUIDField()
    amount = forms.CharField(max_length=24)
    unit = forms.ChoiceField(choices=(("money", ""), ("kwh", "")), required=False)
    tender_minor = forms.IntegerField(min_value=1, max_value=10**15, required=False)
    expected_wh = forms.IntegerField(min_value=0, max_value=10**15, required=False)
    pay = forms.ChoiceField(choices=TenderKind.choices)
    received = forms.CharField(max_length=24, required=False)
    reference = forms.CharField(max_length=60, required=False)
    bank = forms.CharField(max_length=60, required=False)
    drawer = forms.CharField(max_length=60, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in range(1, MORE_WAYS + 1):
            self.fields[f"pay{number}"] = forms.ChoiceField(choices=TenderKind.choices, required=False)
            self.fields[f"part{number}"] = forms.CharField(max_length=24, required=False)
            self.fields[f"reference{number}"] = forms.CharField(max_length=60, required=False)

    def order(self, *, agreement_id: int, shift_id: int, currency: str) -> tuple[UUID, SaleOrder]:
        """Return the request's id and the order, or raise InvalidValue naming the field."""
        if not self.is_valid():
            field, errors = next(iter(self.errors.items()))
            raise InvalidValue(str(errors[0]), field=field)
        data: dict[str, Any] = self.cleaned_data
        if data["unit"] == "kwh":
            if data["tender_minor"] is None:
                raise InvalidValue(_("Wait for the price, then sell. Nothing was sold."), field="amount")
            total = data["tender_minor"]
        else:
            total = parse_money(data["amount"], currency).minor
        tenders = self._tenders(data, total, currency)
        return data["request_id"], SaleOrder(agreement_id, shift_id, tenders, data["expected_wh"])

    def _tenders(self, data: dict[str, Any], total: int, currency: str) -> tuple[TenderRow, ...]:
        others = []
        for number in range(1, MORE_WAYS + 1):
            if text := data[f"part{number}"].strip():
                if not data[f"pay{number}"]:
                    raise InvalidValue(_("Choose a way of payment. Nothing was sold."), field=f"pay{number}")
                part = parse_money(text, currency).minor
                others.append(TenderRow(data[f"pay{number}"], part, part, data[f"reference{number}"].strip()))
        first = total - sum(row.amount_minor for row in others)
        if others and first <= 0:
            raise InvalidValue(_("The other ways pay more than the price. Nothing was sold."), field="part1")
        received = first
        if data["pay"] == TenderKind.CASH and data["received"].strip():
            received = parse_money(data["received"], currency).minor
        reference, bank, drawer = (data[name].strip() for name in ("reference", "bank", "drawer"))
        return (TenderRow(data["pay"], first, received, reference, bank, drawer), *others)


class TakeBackForm(forms.Form):
    request_id = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        min_length=3,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
    )


class ModifyForm(ApprovalForm):
    """A wrong purchase set right in one act: taken back, and the right amount sold in its place."""

    reversal_id = forms.UUIDField(widget=forms.HiddenInput)
    request_id = forms.UUIDField(widget=forms.HiddenInput)
    amount = forms.CharField(
        label=gettext_lazy("Right amount"),
        max_length=24,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "autofocus": True}),
    )
    pay = forms.ChoiceField(label=gettext_lazy("Paid by"), choices=TenderKind.choices)
    reference = forms.CharField(label=gettext_lazy("Reference of the payment"), max_length=60, required=False)
    reason = forms.CharField(label=gettext_lazy("Reason"), min_length=3, max_length=500)
    field_order = ("amount", "pay", "reference", "reason", "approver", "approver_password", "approver_code")

    def order(self, *, agreement_id: int, shift_id: int, currency: str) -> SaleOrder:
        """Return the purchase that takes the place of the wrong one."""
        data = self.cleaned_data
        minor = parse_money(data["amount"], currency).minor
        return SaleOrder(agreement_id, shift_id, (TenderRow(data["pay"], minor, minor, data["reference"].strip()),))


class ReturnedChequeForm(forms.Form):
    request_id = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=gettext_lazy("What the bank says"), min_length=3, max_length=300, widget=forms.TextInput()
    )
