from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from gridtill.apps.customers.choices import OverdraftPolicy
from gridtill.apps.customers.operations import OpeningTerms
from gridtill.apps.vending.choices import TenderKind
from gridtill.apps.vending.operations.sell import SaleOrder
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.kernel.energy import parse_kwh
from gridtill.kernel.money import parse_money
from gridtill.usecases.open_account import FirstPurchase
from gridtill.web.approval import ApprovalForm

_PASSWORD = {"autocomplete": "new-password"}
_NUMBER = {"inputmode": "decimal", "autocomplete": "off"}


class OpenForm(forms.Form):
    """Opening an account: what is agreed, and the first purchase with it."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    password = forms.CharField(
        label=_("Opening password"),
        help_text=_("The customer chooses it; it is asked again when the account is cancelled."),
        min_length=4,
        max_length=40,
        widget=forms.PasswordInput(attrs=_PASSWORD),
    )
    again = forms.CharField(
        label=_("Opening password again"), max_length=40, widget=forms.PasswordInput(attrs=_PASSWORD)
    )
    overdraft_policy = forms.ChoiceField(label=_("Customer type"), choices=OverdraftPolicy.choices)
    overdraft_limit = forms.CharField(
        label=_("Overuse limit, kWh"), max_length=16, required=False, widget=forms.TextInput(attrs=_NUMBER)
    )
    overdraft_minutes = forms.IntegerField(
        label=_("Time at the limit, minutes"), min_value=0, max_value=100_000, required=False
    )
    initial_credit = forms.CharField(
        label=_("Initial credit in the meter, kWh"),
        help_text=_("What the meter already held when it was installed."),
        max_length=16,
        required=False,
        widget=forms.TextInput(attrs=_NUMBER),
    )
    preload = forms.CharField(
        label=_("Worth of the initial credit"),
        help_text=_("It is taken back from the first purchases."),
        max_length=24,
        required=False,
        widget=forms.TextInput(attrs=_NUMBER),
    )
    amount = forms.CharField(
        label=_("First purchase"),
        help_text=_("Empty opens the account without a purchase."),
        max_length=24,
        required=False,
        widget=forms.TextInput(attrs=_NUMBER),
    )
    pay = forms.ChoiceField(label=_("Paid by"), choices=TenderKind.choices, required=False)
    reference = forms.CharField(label=_("Reference of the payment"), max_length=60, required=False)

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("password") and found.get("again") != found["password"]:
            self.add_error("again", _("The two do not agree."))
        return found

    def terms(self) -> OpeningTerms:
        """Return what is agreed; a wrong energy raises InvalidValue."""
        data = self.cleaned_data
        return OpeningTerms(
            password=data["password"],
            overdraft_policy=OverdraftPolicy(data["overdraft_policy"]),
            overdraft_limit_wh=parse_kwh(data["overdraft_limit"] or "0").wh,
            overdraft_time_s=60 * (data["overdraft_minutes"] or 0),
            initial_credit_wh=parse_kwh(data["initial_credit"] or "0").wh,
        )

    def preload_minor(self, currency: str) -> int:
        return parse_money(self.cleaned_data["preload"] or "0", currency).minor

    def first(self, *, agreement_id: int, shift_id: int, currency: str) -> FirstPurchase | None:
        """Return the first purchase, None if no money was entered."""
        data = self.cleaned_data
        if not data["amount"].strip():
            return None
        minor = parse_money(data["amount"], currency).minor
        tender = TenderRow(data["pay"] or TenderKind.CASH, minor, minor, data["reference"].strip())
        return FirstPurchase(data["request_id"], SaleOrder(agreement_id, shift_id, (tender,)))


class CancelForm(ApprovalForm):
    """Cancelling an account: what the meter says, the customer's word, and a second person's where it needs one."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    remaining = forms.CharField(
        label=_("Credit left in the meter, kWh"), max_length=16, widget=forms.TextInput(attrs=_NUMBER)
    )
    register = forms.CharField(
        label=_("Register of the meter, kWh"), max_length=16, widget=forms.TextInput(attrs=_NUMBER)
    )
    password = forms.CharField(
        label=_("Opening password"),
        max_length=40,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    waived = forms.BooleanField(label=_("Go on without the password"), required=False)
    reason = forms.CharField(label=_("Reason"), max_length=500, required=False)
    print_receipt = forms.BooleanField(label=_("Print a receipt"), required=False, initial=True)
    field_order = (
        "remaining",
        "register",
        "password",
        "waived",
        "reason",
        "print_receipt",
        "approver",
        "approver_password",
        "approver_code",
    )

    def request(self) -> UUID:
        found: UUID = self.cleaned_data["request_id"]
        return found
