"""Forms of the asset archives; what a field may hold is asked of the app's own rules."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from gridtill.apps.assets.choices import AssetStatus, CreditUnit, PaymentMode, PhaseConfiguration, TokenCarrier
from gridtill.apps.assets.rules import RULES, wrong_fields
from gridtill.kernel.energy import parse_kwh
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.web.form_pages import VersionedForm

_WHOLE = {"inputmode": "numeric"}
Choices = list[tuple[str, str]]


def _text(label: Any, help_text: Any = "", *, required: bool = False, whole: bool = False) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", **(_WHOLE if whole else {})})
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=400, widget=widget)


class AssetForm(VersionedForm):
    """What assets of every kind have in common; the rules answer for all fields at once."""

    kind: ClassVar[str] = ""
    sections: ClassVar[tuple[tuple[Any, tuple[str, ...]], ...]] = ()

    asset_number = _text(_("Asset number"), _("On the utility's own label."), required=True)
    store = forms.ChoiceField(label=_("Store"), help_text=_("Unit whose store keeps it."))
    maker = _text(_("Maker"))
    model = _text(_("Model"))
    batch = _text(_("Batch"))
    purchase_date = forms.CharField(
        label=_("Bought on"), required=False, max_length=40, widget=forms.DateInput(attrs={"type": "date"})
    )
    communication_address = _text(_("Communication address"))
    protocol = _text(_("Protocol"))
    remarks = forms.CharField(
        label=_("Remarks"), required=False, max_length=400, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, stores: Choices | None, carrier: str = "KEYPAD", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._carrier = carrier
        self.values: dict[str, Any] = {}
        # The store of an asset that is there is changed by moving it, with a reason.
        if stores is None:
            del self.fields["store"]
        else:
            self.fields["store"].choices = stores  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        given = {name: found[name] for name in RULES[self.kind] if name in found}
        self.values, wrong = wrong_fields(self.kind, given, self._carrier)
        for name, refusal in wrong.items():
            self.add_error(name, _in_words(refusal))
        return found

    def grouped(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """Return the visible fields under the headings of their sections."""
        return [(title, [self[name] for name in names if name in self.fields]) for title, names in self.sections]


def _in_words(refusal: Refusal) -> str:
    return f"{refusal.message} {refusal.remedy}".strip()


_DEVICE = ("maker", "model", "batch", "purchase_date")
_REACHED = ("communication_address", "protocol")
_ELECTRICAL = ("phase_configuration", "rated_voltage_v", "rated_current", "ct_ratio", "pt_ratio", "pulses_per_kwh")
_KEYS = ("supply_group_code", "tariff_index", "key_revision", "key_type", "key_expiry")


class MeterForm(AssetForm):
    kind = "meter"
    sections = (
        (_("Meter"), ("asset_number", "number", "store", *_DEVICE, "payment_mode", "token_carrier", "credit_unit")),
        (
            _("Connection"),
            (*_ELECTRICAL, "credit_maximum_wh", *_REACHED),
        ),
        (
            _("Keys"),
            (*_KEYS, "base_date", "encryption_algorithm"),
        ),
        ("", ("remarks",)),
    )

    number = _text(_("Meter number"), _("On its face: 11 or 13 digits for a keypad meter."), required=True, whole=True)
    phase_configuration = forms.ChoiceField(label=_("Phases"), choices=PhaseConfiguration.choices)
    rated_voltage_v = _text(_("Rated voltage, V"), whole=True)
    rated_current = _text(_("Rated current"), _("Such as 5(60) A."))
    ct_ratio = _text(_("Current transformer ratio"), required=True, whole=True)
    pt_ratio = _text(_("Voltage transformer ratio"), required=True, whole=True)
    pulses_per_kwh = _text(_("Pulses per kWh"), whole=True)
    payment_mode = forms.ChoiceField(label=_("Paid"), choices=PaymentMode.choices)
    token_carrier = forms.ChoiceField(label=_("Credit arrives by"), choices=TokenCarrier.choices)
    credit_unit = forms.ChoiceField(label=_("Counts in"), choices=CreditUnit.choices)
    credit_maximum_wh = _text(_("Most credit it holds, kWh"))
    supply_group_code = _text(_("Supply group code"), _("Left empty, a new meter takes its store's."), whole=True)
    tariff_index = _text(_("Tariff index"), required=True, whole=True)
    key_revision = _text(_("Key revision"), required=True, whole=True)
    key_type = _text(_("Key type"), required=True, whole=True)
    key_expiry = _text(_("Key expiry"), required=True, whole=True)
    base_date = forms.ChoiceField(
        label=_("Base date"),
        choices=[(year, year) for year in ("1993", "2014", "2035")],
        help_text=_("Year that token identifiers count from."),
    )
    encryption_algorithm = forms.ChoiceField(label=_("Algorithm"), choices=[("07", "07 STA"), ("11", "11 MISTY1")])

    def clean_credit_maximum_wh(self) -> int | None:
        text = self.cleaned_data["credit_maximum_wh"]
        if not text:
            return None
        try:
            return parse_kwh(text).wh
        except InvalidValue as refusal:
            raise forms.ValidationError(refusal.message) from None


METER_DEFAULTS = {
    "phase_configuration": PhaseConfiguration.SINGLE.value,
    "payment_mode": PaymentMode.PREPAID.value,
    "token_carrier": TokenCarrier.KEYPAD.value,
    "credit_unit": CreditUnit.ENERGY.value,
    "ct_ratio": 1,
    "pt_ratio": 1,
    "tariff_index": "01",
    "key_revision": 1,
    "key_type": 2,
    "key_expiry": 255,
    "base_date": "2014",
    "encryption_algorithm": "11",
}


class ConcentratorForm(AssetForm):
    kind = "concentrator"
    sections = (
        (_("Concentrator"), ("asset_number", "store", *_DEVICE)),
        (_("Network"), ("sim_number", "network_address", "meters_maximum", *_REACHED)),
        ("", ("remarks",)),
    )

    sim_number = _text(_("SIM card number"))
    network_address = _text(_("Network address"))
    meters_maximum = _text(_("Most meters it serves"), whole=True)


class CollectorForm(AssetForm):
    kind = "collector"
    sections = (
        (_("Collector"), ("asset_number", "store", *_DEVICE)),
        (_("Network"), ("concentrator", "channels", *_REACHED)),
        ("", ("remarks",)),
    )

    concentrator = _text(_("Concentrator"), _("Asset number of the concentrator that it answers to."))
    channels = _text(_("Channels"), whole=True)


class MoveForm(forms.Form):
    """A change of stock state or store, and why."""

    new_status = forms.ChoiceField(label=_("New state"))
    store = forms.ChoiceField(label=_("Store"), help_text=_("Unit whose store keeps it from now on."))
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, status: str, following: list[str], stores: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = dict(AssetStatus.choices)
        stays = _("%(state)s, as it is; only the store changes") % {"state": words[AssetStatus(status)]}
        self.fields["new_status"].choices = [  # type: ignore[attr-defined]
            ("", "—"),
            *((name, words[AssetStatus(name)]) for name in following),
            (status, stays),
        ]
        self.fields["store"].choices = stores  # type: ignore[attr-defined]


class DeleteForm(forms.Form):
    """Why an asset is taken out of the archive."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class UploadForm(forms.Form):
    """A list of assets to import."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV or XLSX, at most 10 MB and 50,000 rows, headings in the first row."),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx,.txt"}),
    )
    store = forms.ChoiceField(label=_("Store"), help_text=_("For rows that name none."))

    def __init__(self, *args: Any, stores: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["store"].choices = stores  # type: ignore[attr-defined]
