from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gridtill.apps.vending.choices import EngineeringKind
from gridtill.apps.vending.operations.engineering import MOST_METERS, EngineeringOrder, NewKey
from gridtill.sts.tid import BASE_DATES

_DIGITS = {"inputmode": "numeric", "autocomplete": "off"}
_BETWEEN = re.compile(r"[\s,;]+")
# What a meter shows for each bit of a test token's control field.
TEST_BITS = (
    (0, _("Load switch")),
    (1, _("Display")),
    (2, _("Total energy")),
    (3, _("Key revision")),
    (4, _("Tariff index")),
    (5, _("Keypad or reader")),
    (6, _("Power limit")),
    (7, _("Tamper state")),
    (8, _("Power now")),
    (9, _("Version of the program")),
    (10, _("Phase unbalance limit")),
    (11, _("Water meter factor")),
    (12, _("Tariff rate")),
)


class AskForm(forms.Form):
    """Which meters, and why; a subclass adds what they are to be told."""

    kind: EngineeringKind
    request_id = forms.UUIDField(widget=forms.HiddenInput)
    meters = forms.CharField(
        label=_("Meter numbers"),
        help_text=_("One or many, with blanks, commas or new lines between them; at most 500."),
        max_length=20 * MOST_METERS,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True, "class": "mono", **_DIGITS}),
    )
    reason = forms.CharField(label=_("Reason"), min_length=3, max_length=300)

    @property
    def meter_numbers(self) -> list[str]:
        """The numbers as typed, without what stands between them."""
        return [number for number in _BETWEEN.split(self.cleaned_data["meters"]) if number]

    def order(self) -> EngineeringOrder:
        """Return what is asked for."""
        return EngineeringOrder(self.kind, self.cleaned_data["reason"], value=self.value())

    def value(self) -> int:
        """Return the value that the token carries."""
        return 0


class ClearTamperForm(AskForm):
    kind = EngineeringKind.CLEAR_TAMPER


class PowerLimitForm(AskForm):
    kind = EngineeringKind.POWER_LIMIT
    watts = forms.IntegerField(
        label=_("Most power, W"),
        min_value=0,
        max_value=18_201_624,
        widget=forms.TextInput(attrs=_DIGITS),
    )
    field_order = ("meters", "watts", "reason")

    def value(self) -> int:
        return int(self.cleaned_data["watts"])


class UnbalanceForm(PowerLimitForm):
    kind = EngineeringKind.UNBALANCE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["watts"].label = _("Most difference between phases, W")


class ClearCreditForm(AskForm):
    kind = EngineeringKind.CLEAR_CREDIT
    register = forms.TypedChoiceField(
        label=_("What is cleared"),
        coerce=int,
        choices=[(0, _("Electricity credit")), (0xFFFF, _("All registers"))],
        widget=forms.RadioSelect,
        initial=0,
    )
    field_order = ("meters", "register", "reason")

    def value(self) -> int:
        return int(self.cleaned_data["register"])


class MeterTestForm(AskForm):
    kind = EngineeringKind.TEST
    bits = forms.TypedMultipleChoiceField(
        label=_("What the meter does and shows"),
        coerce=int,
        choices=TEST_BITS,
        widget=forms.CheckboxSelectMultiple,
    )
    field_order = ("meters", "bits", "reason")

    def value(self) -> int:
        return sum(1 << bit for bit in set(self.cleaned_data["bits"]))


class KeyChangeForm(AskForm):
    """A new key; what is left empty stays as each meter has it."""

    kind = EngineeringKind.KEY_CHANGE
    supply_group_code = forms.RegexField(
        r"^\d{6}$", label=_("Supply group code"), required=False, widget=forms.TextInput(attrs=_DIGITS)
    )
    tariff_index = forms.RegexField(
        r"^\d{2}$", label=_("Tariff index"), required=False, widget=forms.TextInput(attrs=_DIGITS)
    )
    key_revision = forms.IntegerField(
        label=_("Key revision"), min_value=1, max_value=9, required=False, widget=forms.TextInput(attrs=_DIGITS)
    )
    key_type = forms.TypedChoiceField(
        label=_("Key type"),
        coerce=int,
        empty_value=None,
        choices=[("", _("As it is")), (2, _("Unique")), (1, _("Default"))],
        required=False,
    )
    key_expiry = forms.IntegerField(
        label=_("Key expiry number"),
        help_text=_("255 never expires."),
        min_value=0,
        max_value=255,
        required=False,
        widget=forms.TextInput(attrs=_DIGITS),
    )
    base_date = forms.TypedChoiceField(
        label=_("Base date"),
        coerce=int,
        empty_value=None,
        choices=[("", _("As it is")), *[(year, str(year)) for year in BASE_DATES]],
        required=False,
    )
    with_next_purchase = forms.BooleanField(
        label=_("Print it with each meter's next purchase, before the purchase's token"), required=False
    )
    field_order = (
        "meters",
        "supply_group_code",
        "key_revision",
        "tariff_index",
        "key_type",
        "key_expiry",
        "base_date",
        "with_next_purchase",
        "reason",
    )

    def order(self) -> EngineeringOrder:
        data = self.cleaned_data
        return EngineeringOrder(
            self.kind,
            data["reason"],
            new_key=NewKey(
                data["supply_group_code"] or None,
                data["tariff_index"] or None,
                data["key_revision"],
                data["key_type"],
                data["key_expiry"],
                data["base_date"],
            ),
            with_next_purchase=data["with_next_purchase"],
        )


FORMS: dict[str, type[AskForm]] = {
    form.kind.value.lower().replace("_", "-"): form
    for form in (MeterTestForm, PowerLimitForm, UnbalanceForm, ClearTamperForm, ClearCreditForm, KeyChangeForm)
}


class CheckForm(forms.Form):
    """Twenty digits that somebody asks about."""

    token = forms.CharField(
        label=_("Token"),
        help_text=_("Twenty digits; blanks do not matter."),
        max_length=60,
        widget=forms.TextInput(attrs={"class": "mono", "autofocus": True, **_DIGITS}),
    )
    meter = forms.CharField(
        label=_("Meter number"),
        help_text=_("Without it only tokens that were made here are found."),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"class": "mono", **_DIGITS}),
    )
