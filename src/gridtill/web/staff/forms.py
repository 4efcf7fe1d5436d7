from __future__ import annotations

from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from gridtill.kernel.errors import InvalidValue
from gridtill.kernel.money import parse_money
from gridtill.web.form_pages import VersionedForm

_MOMENT = "%Y-%m-%dT%H:%M"


class ContactForm(VersionedForm):
    phone = forms.CharField(
        label=_("Phone"), max_length=40, required=False, widget=forms.TextInput(attrs={"type": "tel"})
    )
    email = forms.EmailField(label=_("E-mail"), max_length=254, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


class OperatorForm(ContactForm):
    username = forms.CharField(
        label=_("User name"),
        max_length=60,
        help_text=_("For signing in: letters, digits, dots and dashes. It stays for good."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    full_name = forms.CharField(label=_("Full name"), max_length=120)
    role = forms.ChoiceField(label=_("Role"))
    unit = forms.ChoiceField(
        label=_("Unit"), help_text=_("The operator sees and does nothing outside this unit and what lies below it.")
    )

    field_order = ("username", "full_name", "role", "unit", "phone", "email", "language", "version")

    def __init__(
        self, *args: Any, roles: list[tuple[str, str]], units: list[tuple[str, str]], new: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [("", "—"), *roles] if new else roles  # type: ignore[attr-defined]
        self.fields["unit"].choices = units  # type: ignore[attr-defined]
        if not new:
            del self.fields["username"]


class RoleForm(VersionedForm):
    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*\Z", _("Small letters, digits and underscores only."))],
        help_text=_("Small letters, digits and underscores. It stays for good."),
    )
    name = forms.CharField(label=_("Name"), max_length=80)
    copied_from = forms.ChoiceField(label=_("Begin with the rights of"), required=False)
    second_factor_required = forms.BooleanField(
        label=_("Ask for a second factor at sign-in"),
        required=False,
        help_text=_("People set it up with an authenticator app the next time they sign in."),
    )

    def __init__(self, *args: Any, copies: list[tuple[str, str]] | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if copies is None:
            del self.fields["code"], self.fields["copied_from"]
        else:
            self.fields["copied_from"].choices = [("", _("No rights yet")), *copies]  # type: ignore[attr-defined]


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format=_MOMENT)


class NoticeForm(VersionedForm):
    title = forms.CharField(label=_("Title"), max_length=120)
    unit = forms.ChoiceField(label=_("For the staff of"), help_text=_("The unit and all below it."))
    body = forms.CharField(label=_("Text"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}))
    active_from = forms.DateTimeField(label=_("Shown from"), widget=MomentInput)
    active_to = forms.DateTimeField(
        label=_("Shown until"),
        required=False,
        widget=MomentInput,
        help_text=_("Leave empty to show it until it is withdrawn."),
    )
    is_pinned = forms.BooleanField(label=_("Keep at the top"), required=False)

    def __init__(self, *args: Any, units: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = units  # type: ignore[attr-defined]


@lru_cache(maxsize=1)
def _zones() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in sorted(available_timezones()) if "/" in name or name == "UTC"]


class SettingsForm(VersionedForm):
    time_zone = forms.ChoiceField(label=_("Time zone"), help_text=_("Business days begin at midnight there."))
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    sale_maximum_minor = forms.CharField(
        label=_("Most that one purchase may cost"),
        max_length=24,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    reversal_approval_minor = forms.CharField(
        label=_("Recoveries above this need approval"),
        max_length=24,
        help_text=_("Even when the token was not shown."),
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    cash_rounding_minor = forms.CharField(
        label=_("Smallest coin"), max_length=24, widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    receipt_header = forms.CharField(
        label=_("Top of receipts"), max_length=200, required=False, help_text=_("Such as address and tax number.")
    )
    receipt_footer = forms.CharField(
        label=_("Foot of receipts"), max_length=200, required=False, help_text=_("Such as the number of the help line.")
    )
    public_url = forms.CharField(
        label=_("Public address"),
        max_length=200,
        required=False,
        help_text=_("Where the code on a receipt leads, such as https://tokens.example."),
        widget=forms.TextInput(attrs={"inputmode": "url"}),
    )

    def __init__(self, *args: Any, currency: str, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._currency = currency
        zones = _zones()
        known = any(name == zone for name, _label in zones)
        self.fields["time_zone"].choices = zones if known else [(zone, zone), *zones]  # type: ignore[attr-defined]
        for name in ("sale_maximum_minor", "reversal_approval_minor", "cash_rounding_minor"):
            self.fields[name].label = f"{self.fields[name].label} ({currency})"

    def _minor(self, name: str) -> int:
        try:
            return parse_money(self.cleaned_data[name].replace(",", ""), self._currency).minor
        except InvalidValue as refusal:
            raise forms.ValidationError(refusal.message) from None

    def clean_sale_maximum_minor(self) -> int:
        return self._minor("sale_maximum_minor")

    def clean_reversal_approval_minor(self) -> int:
        return self._minor("reversal_approval_minor")

    def clean_cash_rounding_minor(self) -> int:
        return self._minor("cash_rounding_minor")
