from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.kernel.energy import Energy, parse_kwh
from gridtill.kernel.errors import Refusal
from gridtill.kernel.money import Money, parse_money
from gridtill.tariff.document import Tariff, parse_month
from gridtill.tariff.quote import History

DOCUMENT_MAXIMUM = 256 * 1024
MONTHS_MAXIMUM = 36
_YEARS = range(2000, 2200)
_NUMBER = {"inputmode": "decimal", "autocomplete": "off"}
_MOMENT = "%Y-%m-%dT%H:%M"


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format=_MOMENT)


class MonthInput(forms.TextInput):
    input_type = "month"


def _in_our_time(moment: datetime | None) -> None:
    if moment is not None and moment.year not in _YEARS:
        raise ValidationError(_("Enter a moment between the years 2000 and 2199."))


class DocumentForm(forms.Form):
    document = forms.CharField(
        label=_("Tariff document"),
        help_text=_("TOML, with the worked figures that the tariff must reproduce."),
        max_length=DOCUMENT_MAXIMUM,
        strip=False,
        widget=forms.Textarea(
            attrs={
                "rows": 28,
                "class": "code",
                "spellcheck": "false",
                "wrap": "off",
                "dir": "ltr",
                "autocomplete": "off",
            }
        ),
    )

    def clean_document(self) -> str:
        # A browser sends both ends of a line; the digest is of what was written.
        text: str = self.cleaned_data["document"]
        return text.replace("\r\n", "\n")


class ActivateForm(forms.Form):
    active_from = forms.DateTimeField(
        label=_("In force from"),
        help_text=_("Empty means at once. The time is that of the utility."),
        required=False,
        validators=[_in_our_time],
        widget=MomentInput(),
    )


class WithdrawForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), min_length=3, max_length=500, widget=forms.Textarea(attrs={"rows": 3, "autofocus": True})
    )


class TryForm(forms.Form):
    """A purchase that is only worked out; asks for no more of the history than the tariff looks at."""

    unit = forms.ChoiceField(label=_("By"), choices=(("money", _("Money")), ("kwh", _("Energy, kWh"))))
    amount = forms.CharField(label=_("How much"), max_length=24, widget=forms.TextInput(attrs=_NUMBER))
    at = forms.DateTimeField(label=_("When"), validators=[_in_our_time], widget=MomentInput())
    month = forms.CharField(
        label=_("Bought this month, kWh"), max_length=16, required=False, widget=forms.TextInput(attrs=_NUMBER)
    )
    year = forms.CharField(
        label=_("Bought this year, kWh"), max_length=16, required=False, widget=forms.TextInput(attrs=_NUMBER)
    )
    recent = forms.CharField(
        label=_("Bought in the months before, kWh"),
        help_text=_("Newest first, such as: 120 115 105"),
        max_length=600,
        required=False,
    )
    charged = forms.CharField(label=_("Monthly charges paid until"), max_length=7, required=False, widget=MonthInput())
    opened = forms.CharField(label=_("Account opened in"), max_length=7, required=False, widget=MonthInput())
    carry = forms.CharField(
        label=_("Carried from the last purchase"), max_length=24, required=False, widget=forms.TextInput(attrs=_NUMBER)
    )

    def __init__(self, tariff: Tariff, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tariff = tariff
        blocks = not tariff.periods and len(tariff.blocks) > 1
        looked_at = {"month": blocks and tariff.basis == "month", "year": blocks and tariff.basis == "year"}
        looked_at["recent"] = blocks and tariff.basis == "average"
        looked_at["charged"] = looked_at["opened"] = any(charge.monthly for charge in tariff.charges)
        for name, is_looked_at in looked_at.items():
            if not is_looked_at:
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        readers: dict[str, Callable[[str], object]] = {
            "month": self._kwh,
            "year": self._kwh,
            "recent": self._months,
            "amount": self._asked,
            "charged": _month,
            "opened": _month,
            "carry": self._carried,
        }
        for name, read in readers.items():
            self._read(found, name, read)
        return found

    def _read(self, found: dict[str, Any], name: str, read: Callable[[str], object]) -> None:
        text = found.get(name)
        if not text or name not in self.fields:
            found[name] = None
            return
        try:
            found[name] = read(text)
        except Refusal as refusal:
            self.add_error(name, f"{refusal.message} {refusal.remedy}".strip())
        except ValidationError as error:
            self.add_error(name, error)

    def _kwh(self, text: str) -> int:
        wh = parse_kwh(text).wh
        if wh < 0:
            raise ValidationError(_t("Energy that was bought is not negative."))
        return wh

    def _months(self, text: str) -> tuple[int, ...]:
        months = tuple(self._kwh(part) for part in re.split(r"[\s;]+", text.strip()))
        if len(months) > MONTHS_MAXIMUM:
            raise ValidationError(_t("Give at most %(count)d months.") % {"count": MONTHS_MAXIMUM})
        return months

    def _asked(self, text: str) -> Money | Energy:
        if self.cleaned_data.get("unit") == "kwh":
            return parse_kwh(text)
        return parse_money(text, self._tariff.currency)

    def _carried(self, text: str) -> int:
        return parse_money(text, self._tariff.currency).minor

    def history(self) -> History:
        """Return what was bought before."""
        data = self.cleaned_data
        return History(
            month_wh=data["month"] or 0,
            year_wh=data["year"] or 0,
            recent_months_wh=data["recent"] or (),
            charged_through=data["charged"],
            account_opened=data["opened"],
            carry_minor=data["carry"] or 0,
        )


def _month(text: str) -> date:
    month = parse_month(text.strip())
    if month is None or month.year not in _YEARS:
        raise ValidationError(_t("Enter a month such as 2026-11."))
    return month
