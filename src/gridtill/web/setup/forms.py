from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

_SECRET = {"autocomplete": "off", "spellcheck": "false"}


class HallForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)
    address = forms.CharField(label=_("Address"), max_length=200, required=False)
    is_active = forms.BooleanField(label=_("In use"), required=False, initial=True)


class NewHallForm(forms.Form):
    code = forms.CharField(label=_("Code"), max_length=12, help_text=_("Letters, digits and dashes."))
    name = forms.CharField(label=_("Name"), max_length=80)
    unit = forms.TypedChoiceField(label=_("Unit"), coerce=int)
    address = forms.CharField(label=_("Address"), max_length=200, required=False)

    def __init__(self, *args: Any, units: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["unit"]
        field.choices = units


class TillForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)
    is_active = forms.BooleanField(label=_("In use"), required=False, initial=True)


class NewTillForm(forms.Form):
    code = forms.CharField(
        label=_("Code"), max_length=12, help_text=_("Receipt numbers begin with it; it stays for ever.")
    )
    name = forms.CharField(label=_("Name"), max_length=80)


class KeyForm(forms.Form):
    """A vending key as it is typed in; it is never shown again, not even after a mistake."""

    supply_group_code = forms.CharField(
        label=_("Supply group code"), max_length=6, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )
    key_revision = forms.IntegerField(label=_("Key revision"), min_value=1, max_value=9, initial=1)
    base_date = forms.TypedChoiceField(
        label=_("Base date"), coerce=int, choices=[(year, str(year)) for year in (1993, 2014, 2035)], initial=2014
    )
    key_expiry = forms.IntegerField(
        label=_("Key expiry number"), min_value=0, max_value=255, initial=255, help_text=_("255 never expires.")
    )
    key = forms.CharField(
        label=_("Key, 40 hexadecimal digits"), max_length=60, widget=forms.PasswordInput(attrs=_SECRET)
    )
    again = forms.CharField(label=_("Key again"), max_length=60, widget=forms.PasswordInput(attrs=_SECRET))

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        texts = ["".join(str(found.get(name, "")).split()) for name in ("key", "again")]
        if texts[0] != texts[1]:
            self.add_error("again", _("The two do not agree."))
            return found
        try:
            found["bytes"] = bytes.fromhex(texts[0])
        except ValueError:
            self.add_error("key", _("A key has hexadecimal digits: 0 to 9 and A to F."))
        return found
