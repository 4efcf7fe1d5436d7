"""The steps between a key and a token, one JSON question each, for comparing implementations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from gridtill.sts import acceptance, amounts, crc, misty1, sta, tid, tokens
from gridtill.sts.assembly import seal
from gridtill.sts.errors import StsError, WrongCheckDigit
from gridtill.sts.keychange import key_change_tokens
from gridtill.sts.keys import DecoderKey, KeyContext, derive_decoder_key
from gridtill.sts.pan import MeterPan, normalize_drn

Inputs = Mapping[str, Any]


def compute(line: str) -> dict[str, Any]:
    """
    Answer one question, ``{"id", "kind", "inputs"}``, with its ``result`` or its ``error``.

    >>> compute('{"id": 1, "kind": "pan", "inputs": {"drn": "12345678903"}}')
    {'id': 1, 'result': '600727123456789030'}
    """
    try:
        question = json.loads(line)
        identity, kind, inputs = question.get("id"), question["kind"], question["inputs"]
    except (ValueError, KeyError, AttributeError, TypeError):
        return {"id": None, "error": "not a JSON object with kind and inputs"}
    answer = _KINDS.get(kind) if isinstance(kind, str) else None
    if answer is None:
        return {"id": identity, "error": f"no such kind: {kind}"}
    try:
        return {"id": identity, "result": answer(inputs)}
    except StsError as error:
        return {"id": identity, "error": error.message, "code": error.code}
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        return {"id": identity, "error": f"the inputs do not fit {kind}: {type(error).__name__}: {error}"}


def _context(key: Inputs) -> KeyContext:
    # Key generation 02 knows neither a base date nor another algorithm than 07.
    return KeyContext(
        pan=MeterPan(key["pan"]),
        supply_group_code=key["sgc"],
        tariff_index=key["ti"],
        key_revision=key["krn"],
        key_type=key["kt"],
        base_date=key.get("base", 1993),
        algorithm=f"{int(key.get('ea', 7)):02d}",
    )


def _key(key: Inputs) -> DecoderKey:
    return derive_decoder_key(bytes.fromhex(key["vk"]), _context(key), key["dkga"])


def _decoder_key(inputs: Inputs) -> str:
    return _key(inputs).octets.hex()


def _luhn(inputs: Inputs) -> bool:
    try:
        normalize_drn(inputs["drn"])
    except WrongCheckDigit:
        return False
    return True


def _amount(inputs: Inputs) -> dict[str, int]:
    field = amounts.encode_amount(inputs["units"])
    return {
        "exponent": field >> 14,
        "mantissa": field & 0x3FFF,
        "field16": field,
        "decoded": amounts.decode_amount(field),
    }


def _currency(inputs: Inputs) -> dict[str, int]:
    sign_exponent, field = amounts.encode_currency(inputs["units_1e5"])
    return {"se": sign_exponent, "amount16": field, "decoded_1e5": amounts.decode_currency(sign_exponent, field)}


def _crc(inputs: Inputs) -> str:
    number = int.from_bytes(bytes.fromhex(inputs["bytes7"]), "big")
    return f"{crc.checksum(number >> 48, number & (1 << 48) - 1, currency=inputs['currency']):04x}"


def _token_identifier(inputs: Inputs) -> int:
    at = datetime.strptime(inputs["date"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    return tid.identifier_at(at, inputs["base"])


def _block_07(inputs: Inputs) -> str:
    return f"{sta.encrypt(bytes.fromhex(inputs['key']), int(inputs['block'], 16)):016x}"


def _block_11(inputs: Inputs) -> str:
    return f"{misty1.encrypt(bytes.fromhex(inputs['key']), int(inputs['block'], 16)):016x}"


def _seal(inputs: Inputs) -> str:
    return seal(inputs["cls"], int(inputs["block"], 16))


def _credit(inputs: Inputs) -> str:
    units = inputs["units"] if "units" in inputs else amounts.decode_amount(inputs["amount16"])
    return tokens.encode_credit(_key(inputs["key"]), units, inputs["tid"], inputs["rnd"], inputs["sub"])


def _currency_credit(inputs: Inputs) -> str:
    return tokens.encode_currency_credit(_key(inputs["key"]), inputs["units"], inputs["tid"], inputs["sub"])


def _management(inputs: Inputs) -> str:
    data = inputs["sub"] << 44 | inputs["rnd"] << 40 | inputs["tid"] << 16 | inputs["value16"]
    return tokens.encode_data(inputs["cls"], data, _key(inputs["key"]))


def _test(inputs: Inputs) -> str:
    return tokens.encode_test(inputs["sub"], inputs["control"], inputs["mfr"])


def _test_raw(inputs: Inputs) -> str:
    return tokens.encode_data(inputs["cls"], int(inputs["top48"], 16), None)


def _key_change_section(inputs: Inputs) -> str:
    return tokens.encode_data(tokens.TokenClass.MANAGEMENT, int(inputs["top48"], 16), _key(inputs["old_key"]))


def _key_change_set(inputs: Inputs) -> list[str]:
    return list(
        key_change_tokens(
            _key(inputs["old_key"]),
            _key(inputs["new_key"]),
            _context(inputs["new_key"]),
            new_key_expiry=inputs["new_ken"],
            rollover=bool(inputs["ro"]),
            with_supply_group=inputs["n_tokens"] == 3,
        )
    )


def _meter_scenario(inputs: Inputs) -> dict[str, Any]:
    """Key the tokens into one meter, one after the other, and tell what it answered and how it stands."""
    meter = inputs["meter"]
    state = acceptance.MeterState(
        key=_key(meter["key"]),
        key_type=meter["kt"],
        key_revision=meter["krn"],
        key_expiry=meter["ken"],
        tariff_index=meter["ti"],
        base_date=meter["base"],
        subclasses=frozenset(meter["subclasses"]),
        credit_maximum=meter["max_credit"],
    )
    results = []
    for digits in inputs["tokens"]:
        answer = acceptance.accept(state, digits, at=0)
        results.append(str(answer.verdict))
        state = answer.state
    return {
        "results": results,
        "credit_units": state.credit.get(0, 0),
        "ti": state.tariff_index,
        "krn": state.key_revision,
        "ken": state.key_expiry,
        "sgc": state.supply_group_code,
    }


_KINDS: dict[str, Callable[[Inputs], Any]] = {
    "drn_luhn": _luhn,
    "pan": lambda inputs: MeterPan.from_drn(inputs["drn"]).digits,
    "decoder_key": _decoder_key,
    "amount_encode": _amount,
    "currency_encode": _currency,
    "crc": _crc,
    "tid": _token_identifier,
    "block_ea07": _block_07,
    "block_ea11": _block_11,
    "seal": _seal,
    "credit_token": _credit,
    "currency_token": _currency_credit,
    "management_token": _management,
    "test_token": _test,
    "test_token_raw": _test_raw,
    "key_change_section": _key_change_section,
    "key_change_set": _key_change_set,
    "meter_scenario": _meter_scenario,
}
