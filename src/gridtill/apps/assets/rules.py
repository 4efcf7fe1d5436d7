"""What each field of an asset may hold, checked in the same words for forms, imports and calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

from django.db.models import TextChoices

from gridtill.apps.assets.choices import CreditUnit, PaymentMode, PhaseConfiguration, TokenCarrier
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.sts.pan import normalize_drn

Rule = Callable[[str, Any], Any]


def _plain(value: object) -> str:
    """Read a cell as text; spreadsheets hand whole numbers over as 5.0."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _text(field: str, value: object, *, longest: int, required: bool = False) -> str:
    text = _plain(value)
    if required and not text:
        raise InvalidValue("This is missing.", remedy="Fill it in.", field=field)
    if len(text) > longest:
        raise InvalidValue(f"This has {len(text)} characters; {longest} fit.", remedy="Shorten it.", field=field)
    if not text.isprintable():
        raise InvalidValue("This holds characters that cannot be printed.", remedy="Type it again.", field=field)
    return text


def _digits(field: str, value: object, *, length: int, required: bool = True) -> str:
    text = _plain(value)
    if not text and not required:
        return ""
    if not (text.isascii() and text.isdecimal() and len(text) == length):
        raise InvalidValue(f"This must be {length} digits.", remedy="Correct it.", field=field)
    return text


def _whole(field: str, value: object, *, low: int, high: int, required: bool = False) -> int | None:
    text = _plain(value)
    if not text and not required:
        return None
    # The length is looked at first: reading a number of a million digits takes minutes.
    readable = text.isascii() and text.isdecimal() and len(text) <= 15
    if not readable or not low <= int(text) <= high:
        raise InvalidValue(f"This must be a whole number from {low} to {high}.", remedy="Correct it.", field=field)
    return int(text)


def _choice(field: str, value: object, *, choices: type[TextChoices]) -> str:
    text = _plain(value)
    for choice in choices:
        if text.casefold() in {choice.value.casefold(), str(choice.label).casefold()}:
            return str(choice.value)
    wanted = ", ".join(choices.values)
    raise InvalidValue(f"“{text[:40]}” is none of {wanted}.", remedy="Choose one of them.", field=field)


def _one_of(field: str, value: object, *, allowed: tuple[int, ...]) -> int:
    text = _plain(value)
    if text not in {str(number) for number in allowed}:
        wanted = ", ".join(str(number) for number in allowed)
        raise InvalidValue(f"This must be one of {wanted}.", remedy="Correct it.", field=field)
    return int(text)


def _algorithm(field: str, value: object) -> str:
    text = _plain(value).zfill(2)
    if text not in {"07", "11"}:
        raise InvalidValue("The encryption algorithm is 07 or 11.", remedy="Correct it.", field=field)
    return text


def _tariff_index(field: str, value: object) -> str:
    text = _plain(value)
    # Spreadsheets drop the leading zero of 01.
    return _digits(field, text.zfill(2) if text else "", length=2)


def _day(field: str, value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = _plain(value)
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise InvalidValue("This is no date.", remedy="Write it as 2026-11-23.", field=field) from error


_LARGEST = 2_147_483_647
_COMMON: dict[str, Rule] = {
    "asset_number": partial(_text, longest=30, required=True),
    "maker": partial(_text, longest=60),
    "model": partial(_text, longest=60),
    "batch": partial(_text, longest=40),
    "purchase_date": _day,
    "communication_address": partial(_text, longest=40),
    "protocol": partial(_text, longest=30),
    "remarks": partial(_text, longest=300),
}
RULES: dict[str, dict[str, Rule]] = {
    "meter": _COMMON
    | {
        "number": partial(_text, longest=20, required=True),
        "phase_configuration": partial(_choice, choices=PhaseConfiguration),
        "rated_voltage_v": partial(_whole, low=1, high=1_000_000),
        "rated_current": partial(_text, longest=20),
        "ct_ratio": partial(_whole, low=1, high=100_000, required=True),
        "pt_ratio": partial(_whole, low=1, high=100_000, required=True),
        "pulses_per_kwh": partial(_whole, low=1, high=1_000_000),
        "payment_mode": partial(_choice, choices=PaymentMode),
        "token_carrier": partial(_choice, choices=TokenCarrier),
        "credit_unit": partial(_choice, choices=CreditUnit),
        "credit_maximum_wh": partial(_whole, low=1, high=10**12),
        "supply_group_code": partial(_digits, length=6, required=False),
        "tariff_index": _tariff_index,
        "key_revision": partial(_whole, low=1, high=9, required=True),
        "key_type": partial(_whole, low=0, high=3, required=True),
        "key_expiry": partial(_whole, low=0, high=255, required=True),
        "base_date": partial(_one_of, allowed=(1993, 2014, 2035)),
        "encryption_algorithm": _algorithm,
    },
    "concentrator": _COMMON
    | {
        "sim_number": partial(_text, longest=30),
        "network_address": partial(_text, longest=60),
        "meters_maximum": partial(_whole, low=1, high=_LARGEST),
    },
    "collector": _COMMON | {"channels": partial(_whole, low=1, high=_LARGEST)},
}


def meter_number(number: str, carrier: str) -> str:
    """
    Return a meter's number as stored; a keypad meter needs a decoder reference number.

    :raises InvalidValue: if digits are missing, too many, or the check digit is wrong
    """
    if carrier != TokenCarrier.KEYPAD:
        if not (number.isascii() and number.isdecimal() and len(number) <= 13):
            raise InvalidValue("A meter number has at most 13 digits.", remedy="Correct it.", field="number")
        return number
    try:
        return normalize_drn(number)
    except Refusal as refusal:
        raise InvalidValue(refusal.message, remedy=refusal.remedy, field="number") from refusal


def wrong_fields(kind: str, values: Mapping[str, Any], carrier: str) -> tuple[dict[str, Any], dict[str, Refusal]]:
    """
    Read the given fields of one asset; return those that are good and what is wrong with the others.

    ``carrier`` is the token carrier that holds where ``values`` does not name one.
    """
    good: dict[str, Any] = {}
    wrong: dict[str, Refusal] = {}
    for field, value in values.items():
        rule = RULES[kind].get(field)
        if rule is None:
            wrong[field] = InvalidValue(f"A {kind} has no field {field}.", remedy="Leave it out.", field=field)
            continue
        try:
            good[field] = rule(field, value)
        except Refusal as refusal:
            wrong[field] = refusal
    if "number" in good:
        try:
            good["number"] = meter_number(good["number"], good.get("token_carrier", carrier))
        except Refusal as refusal:
            wrong["number"] = refusal
            del good["number"]
    return good, wrong


def clean_fields(kind: str, values: Mapping[str, Any], carrier: str = "KEYPAD") -> dict[str, Any]:
    """
    Return the values of an asset's fields as they are stored.

    :raises InvalidValue: if one of them is wrong; ``field`` names the first
    """
    good, wrong = wrong_fields(kind, values, carrier)
    for refusal in wrong.values():
        raise refusal
    return good
