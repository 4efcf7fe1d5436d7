from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from gridtill.apps.keystore.operations import Component
from gridtill.apps.keystore.rules import KeyAttributes
from gridtill.web.approval import ApprovalForm

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


class ComponentForm(forms.Form):
    """One officer's part of a key as it is typed in; it is never shown again, not even after a mistake."""

    component = forms.CharField(
        label=_("Component, 40 hexadecimal digits"), max_length=80, widget=forms.PasswordInput(attrs=_SECRET)
    )
    check_value = forms.CharField(
        label=_("Check value of the component"),
        help_text=_("Six hexadecimal digits; they stand beside the component on your paper."),
        min_length=6,
        max_length=8,
        widget=forms.TextInput(attrs=_SECRET),
    )

    def clean_component(self) -> bytearray:
        try:
            return bytearray.fromhex("".join(self.cleaned_data["component"].split()))
        except ValueError:
            raise forms.ValidationError(_("A key has hexadecimal digits: 0 to 9 and A to F.")) from None

    def taken(self) -> Component:
        """Return the component; the operation that takes it overwrites its bytes."""
        return Component(self.cleaned_data["component"], self.cleaned_data["check_value"])


class KeyForm(ComponentForm):
    """What travels with a key, and the first officer's component."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    supply_group_code = forms.CharField(
        label=_("Supply group code"), max_length=6, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )
    key_revision = forms.IntegerField(label=_("Key revision"), min_value=1, max_value=9, initial=1)
    key_type = forms.TypedChoiceField(
        label=_("Key type"), coerce=int, choices=[(2, _("Unique")), (1, _("Default")), (3, _("Common"))], initial=2
    )
    base_date = forms.TypedChoiceField(
        label=_("Base date"), coerce=int, choices=[(year, str(year)) for year in (1993, 2014, 2035)], initial=2014
    )
    key_expiry = forms.IntegerField(
        label=_("Key expiry number"), min_value=0, max_value=255, initial=255, help_text=_("255 never expires.")
    )
    unit = forms.TypedChoiceField(label=_("Sold to in"), coerce=int, required=False, empty_value=None)
    expected = forms.CharField(
        label=_("Check value of the whole key"),
        help_text=_("If your paper names it; it is compared when the second component comes."),
        max_length=8,
        required=False,
        widget=forms.TextInput(attrs=_SECRET),
    )
    field_order = (
        "supply_group_code",
        "key_revision",
        "key_type",
        "base_date",
        "key_expiry",
        "unit",
        "component",
        "check_value",
        "expected",
    )

    def __init__(self, *args: Any, units: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["unit"]
        field.choices = [("", _("All halls")), *units]

    def attributes(self) -> KeyAttributes:
        """Return what travels with the key."""
        data = self.cleaned_data
        return KeyAttributes(
            data["supply_group_code"],
            data["key_revision"],
            data["key_type"],
            data["base_date"],
            data["key_expiry"],
            data["unit"],
        )


class KeyFileForm(ApprovalForm):
    """A key file, its passphrase, and a second officer."""

    file = forms.FileField(label=_("Key file"))
    passphrase = forms.CharField(label=_("Passphrase"), max_length=200, widget=forms.PasswordInput(attrs=_SECRET))
    unit = forms.TypedChoiceField(label=_("Sold to in"), coerce=int, required=False, empty_value=None)
    field_order = ("file", "passphrase", "unit", "approver", "approver_password", "approver_code")

    def __init__(self, *args: Any, units: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["unit"]
        field.choices = [("", _("All halls")), *units]
        self.fields["approver"].label = _("Second officer's user name")
        self.fields["approver_password"].label = _("Second officer's password")
        self.fields["approver_code"].label = _("Code of the second officer's second factor, if they have one")


class KeyUnitForm(forms.Form):
    """Where a key's group may be sold to."""

    unit = forms.TypedChoiceField(label=_("Sold to in"), coerce=int, required=False, empty_value=None)

    def __init__(self, *args: Any, units: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["unit"]
        field.choices = [("", _("All halls")), *units]
