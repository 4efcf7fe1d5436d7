from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from gridtill.apps.assets.choices import PhaseConfiguration, TokenCarrier
from gridtill.apps.customers.choices import (
    CustomerClass,
    MeasuringMode,
    NoticeChannel,
    UsagePointKind,
    UsagePointProperty,
)
from gridtill.apps.network.choices import PlantStatus, TransformerKind
from gridtill.kernel.energy import parse_kwh
from gridtill.kernel.money import parse_money
from gridtill.web.form_pages import VersionedForm

_NUMBER = {"inputmode": "decimal", "autocomplete": "off"}


def _text(label: Any, most: int, *, required: bool = False, **attrs: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=most, required=required, widget=forms.TextInput(attrs=attrs))


def _whole(label: Any, most: int, *, least: int = 1, required: bool = False) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most, required=required)


class UnitForm(VersionedForm):
    """A bureau or a supply office; its code is given once."""

    name = _text(_("Name"), 120, required=True)
    short_name = _text(_("Short name"), 40)
    address = _text(_("Address"), 200)
    phone = _text(_("Phone"), 40)
    person_in_charge = _text(_("Person in charge"), 80)
    bank_details = _text(_("Bank details for invoices"), 200)
    tax_number = _text(_("Tax number"), 40)
    supply_group_code = _text(_("Supply group code"), 6, inputmode="numeric")
    voltage_kv = _text(_("Voltage, kV"), 20)

    def fields_of_unit(self) -> dict[str, str]:
        return {name: value for name, value in self.cleaned_data.items() if name not in {"version", "code"}}


class NewOfficeForm(UnitForm):
    code = _text(_("Number"), 20, required=True)
    field_order = ("code", "name")


class FeederForm(VersionedForm):
    code = _text(_("Number"), 20, required=True)
    name = _text(_("Name"), 120, required=True)
    voltage_kv = _text(_("Voltage, kV"), 20)
    status = forms.ChoiceField(label=_("State"), choices=PlantStatus.choices, initial=PlantStatus.IN_SERVICE)


class TransformerForm(VersionedForm):
    code = _text(_("Number"), 20, required=True)
    name = _text(_("Name"), 120, required=True)
    kind = forms.ChoiceField(label=_("Kind"), choices=TransformerKind.choices)
    capacity_kva = _whole(_("Capacity, kVA"), 1_000_000)
    voltage_kv = forms.CharField(label=_("Voltage, kV"), max_length=20, required=False, initial="11/0.433")
    feeder_id = forms.TypedChoiceField(label=_("Feeder"), required=False, coerce=int, empty_value=None)
    check_meter_number = _text(_("Check meter"), 30)
    location = _text(_("Location"), 200)
    commissioned_date = forms.DateField(
        label=_("In service since"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    status = forms.ChoiceField(label=_("State"), choices=PlantStatus.choices, initial=PlantStatus.IN_SERVICE)

    def __init__(self, *args: Any, feeders: Iterable[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["feeder_id"]
        field.choices = [("", _("None")), *feeders]


class NewCustomerForm(forms.Form):
    number = forms.CharField(
        label=_("Customer number"), max_length=20, required=False, help_text=_("Given automatically when empty.")
    )
    name = _text(_("Name"), 120, required=True)
    phone = _text(_("Phone"), 40, type="tel")
    address = _text(_("Address"), 200)
    id_document = _text(_("Identity document"), 60)
    customer_class = forms.ChoiceField(label=_("Category"), choices=CustomerClass.choices)


class CustomerForm(VersionedForm):
    name = _text(_("Name"), 120, required=True)
    phone = _text(_("Phone"), 40, type="tel")
    phone_second = _text(_("Second phone"), 40, type="tel")
    email = forms.EmailField(label=_("E-mail"), max_length=254, required=False)
    address = _text(_("Address"), 200)
    id_document = _text(_("Identity document"), 60)
    settlement_name = _text(_("Name on settlements, if another"), 120)
    legacy_number = _text(_("Number in the older system"), 40)
    customer_class = forms.ChoiceField(label=_("Category"), choices=CustomerClass.choices)
    trade_code = _text(_("Trade code"), 20)
    contract_capacity_w = _whole(_("Contract capacity, W"), 10**9)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    notice_channel = forms.ChoiceField(label=_("Notices by"), choices=NoticeChannel.choices)
    is_tax_exempt = forms.BooleanField(label=_("Exempt from tax"), required=False)


class _PriceListForm(forms.Form):
    structure_id = forms.TypedChoiceField(label=_("Price list"), coerce=int)

    def __init__(self, *args: Any, structures: Iterable[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["structure_id"]
        field.choices = list(structures)


class NewPointForm(_PriceListForm):
    number = forms.CharField(
        label=_("Number"), max_length=20, required=False, help_text=_("Given automatically when empty.")
    )
    name = _text(_("Name"), 120, required=True)
    address = forms.CharField(
        label=_("Address"), max_length=200, required=False, help_text=_("The customer's when empty.")
    )
    purchase_mode = forms.ChoiceField(label=_("Purchases by"), choices=TokenCarrier.choices)
    field_order = ("number", "name", "structure_id")


class PointForm(_PriceListForm, VersionedForm):
    name = _text(_("Name"), 120, required=True)
    address = _text(_("Address"), 200)
    property = forms.ChoiceField(label=_("Property"), choices=UsagePointProperty.choices)
    kind = forms.ChoiceField(label=_("Type"), choices=UsagePointKind.choices)
    voltage_kv = _text(_("Voltage, kV"), 20)
    phase_configuration = forms.ChoiceField(label=_("Wiring"), choices=PhaseConfiguration.choices)
    measuring_mode = forms.ChoiceField(label=_("Measuring mode"), choices=MeasuringMode.choices)
    ct_ratio = _whole(_("CT ratio"), 100_000, required=True)
    pt_ratio = _whole(_("PT ratio"), 100_000, required=True)
    capacity_w = _whole(_("Capacity, W"), 10**9)
    load_class = _text(_("Load class"), 20)
    purchase_mode = forms.ChoiceField(label=_("Purchases by"), choices=TokenCarrier.choices)
    purchase_maximum = forms.CharField(
        label=_("Most for one purchase, money"), max_length=24, required=False, widget=forms.TextInput(attrs=_NUMBER)
    )
    energy_maximum = forms.CharField(
        label=_("Most for one purchase, kWh"), max_length=16, required=False, widget=forms.TextInput(attrs=_NUMBER)
    )
    is_main = forms.BooleanField(label=_("Main meter, not a check meter"), required=False)
    counts_for_losses = forms.BooleanField(label=_("Counts for losses"), required=False)
    is_billable = forms.BooleanField(label=_("Takes part in billing"), required=False)
    field_order = ("name", "address", "structure_id")

    def values(self, currency: str) -> dict[str, Any]:
        """Return what the operation takes; an amount that cannot be read raises InvalidValue."""
        data = {name: value for name, value in self.cleaned_data.items() if name != "version"}
        money, energy = data.pop("purchase_maximum"), data.pop("energy_maximum")
        data["purchase_maximum_minor"] = parse_money(money, currency).minor if money else None
        data["energy_maximum_wh"] = parse_kwh(energy).wh if energy else None
        return data


class InstallForm(forms.Form):
    meter_number = _text(_("Meter number"), 30, required=True, inputmode="numeric", autocomplete="off")
    register = forms.CharField(
        label=_("Register of the meter, kWh"), max_length=16, initial="0", widget=forms.TextInput(attrs=_NUMBER)
    )


class RemoveForm(forms.Form):
    register = forms.CharField(
        label=_("Register of the meter, kWh"), max_length=16, widget=forms.TextInput(attrs=_NUMBER)
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), min_length=3, max_length=300, widget=forms.TextInput(attrs={"autofocus": True})
    )
