"""
Tokens by class and subclass: their 48 data bits, encoded to twenty digits and decoded again.

Class 0 transfers credit, class 2 manages the meter; both are encrypted under the meter's
decoder key. Class 1 tests the meter and is readable by anyone. Class 3 is reserved.

Source: IEC 62055-41, "TokenClass", "TokenSubClass" and the tables of token data elements.
"""

from __future__ import annotations

from enum import IntEnum

from gridtill.sts.amounts import decode_amount, decode_currency, encode_amount, encode_currency
from gridtill.sts.assembly import seal, unseal
from gridtill.sts.crc import checksum
from gridtill.sts.decoded import DecodedToken
from gridtill.sts.errors import OutOfRange, WrongClass, WrongCrc, WrongKey
from gridtill.sts.keys import DecoderKey
from gridtill.sts.tid import TID_MAX

_SUBCLASS_AT = 44
_CONTENT_BITS = 44


class TokenClass(IntEnum):
    """The two bits of a token that can be read without a key."""

    CREDIT = 0
    TEST = 1
    MANAGEMENT = 2


class CreditSubclass(IntEnum):
    """What a credit token transfers: a quantity in 0 to 3, an amount of money for it in 4 to 7."""

    ELECTRICITY = 0
    WATER = 1
    GAS = 2
    TIME = 3
    ELECTRICITY_CURRENCY = 4
    WATER_CURRENCY = 5
    GAS_CURRENCY = 6
    TIME_CURRENCY = 7


class ManagementSubclass(IntEnum):
    """What a management token makes the meter do; the sections of a key change among them."""

    SET_MAXIMUM_POWER_LIMIT = 0
    CLEAR_CREDIT = 1
    SET_TARIFF_RATE = 2
    SET_DECODER_KEY_1 = 3
    SET_DECODER_KEY_2 = 4
    CLEAR_TAMPER_CONDITION = 5
    SET_MAXIMUM_PHASE_UNBALANCE = 6
    SET_WATER_METER_FACTOR = 7
    SET_DECODER_KEY_3 = 8
    SET_DECODER_KEY_4 = 9
    EXTENDED_SET = 10


_CLASSES = frozenset(TokenClass)
_QUANTITY = frozenset(range(CreditSubclass.TIME + 1))
_CURRENCY = frozenset(range(CreditSubclass.ELECTRICITY_CURRENCY, CreditSubclass.TIME_CURRENCY + 1))
_IN_WATTS = frozenset((ManagementSubclass.SET_MAXIMUM_POWER_LIMIT, ManagementSubclass.SET_MAXIMUM_PHASE_UNBALANCE))
_KEY_CHANGE = frozenset(
    (
        ManagementSubclass.SET_DECODER_KEY_1,
        ManagementSubclass.SET_DECODER_KEY_2,
        ManagementSubclass.SET_DECODER_KEY_3,
        ManagementSubclass.SET_DECODER_KEY_4,
    )
)
_PLAIN_MANAGEMENT = frozenset(ManagementSubclass) - _KEY_CHANGE


def encode_credit(
    key: DecoderKey, units: int, token_identifier: int, random_nibble: int, subclass: int = CreditSubclass.ELECTRICITY
) -> str:
    """
    Make a token that transfers a quantity, in 0.1 kWh, 0.1 m³ or 0.1 minute, rounded up if need be.

    >>> key = DecoderKey("11", bytes(range(16)))
    >>> encode_credit(key, 322, 6_612_480, 5)
    '22570960853378583452'

    :raises WrongClass: if the subclass is not 0 to 3
    :raises OutOfRange: if a number does not fit its field
    """
    if subclass not in _QUANTITY:
        raise WrongClass(f"A quantity is transferred by subclass 0 to 3, not {subclass}.", field="subclass")
    content = _content(random_nibble, token_identifier, encode_amount(units))
    return encode_data(TokenClass.CREDIT, subclass << _SUBCLASS_AT | content, key)


def encode_currency_credit(
    key: DecoderKey, amount: int, token_identifier: int, subclass: int = CreditSubclass.ELECTRICITY_CURRENCY
) -> str:
    """
    Make a token that transfers money, in 1/100000 of the currency, rounded for the customer.

    :raises WrongClass: if the subclass is not 4 to 7
    :raises OutOfRange: if a number does not fit its field
    """
    if subclass not in _CURRENCY:
        raise WrongClass(f"Money is transferred by subclass 4 to 7, not {subclass}.", field="subclass")
    sign_exponent, field = encode_currency(amount)
    content = _content(sign_exponent, token_identifier, field)
    return encode_data(TokenClass.CREDIT, subclass << _SUBCLASS_AT | content, key)


def encode_management(key: DecoderKey, subclass: int, value: int, token_identifier: int, random_nibble: int) -> str:
    """
    Make a management token other than a key change; the value is watts, a register or raw bits.

    Watts (subclasses 0 and 6) are rounded up to the next amount that exists. Clearing the
    tamper condition carries 0. What the sixteen bits of a tariff rate (2) and a water meter
    factor (7) mean is left to the standard's association; they are written as given.

    :raises WrongClass: if the subclass is reserved, proprietary or a section of a key change
    :raises OutOfRange: if a number does not fit its field
    """
    if subclass not in _PLAIN_MANAGEMENT:
        raise WrongClass(f"Management subclass {subclass} is not one that carries a value.", field="subclass")
    field = encode_amount(value) if subclass in _IN_WATTS else value
    if subclass == ManagementSubclass.CLEAR_TAMPER_CONDITION and value:
        raise OutOfRange("Clearing the tamper condition carries the value 0.", field="value")
    return encode_data(
        TokenClass.MANAGEMENT, subclass << _SUBCLASS_AT | _content(random_nibble, token_identifier, field), key
    )


def encode_test(subclass: int, control: int, manufacturer: int = 0) -> str:
    """
    Make a meter test token; it needs no key, and manufacturer 0 addresses every make.

    Subclass 0 has 36 bits of control and 8 of manufacturer, subclass 1 has 28 and 16.

    >>> encode_test(0, 0b100)
    '00000000000201328896'

    :raises WrongClass: if the subclass is neither 0 nor 1
    :raises OutOfRange: if a number does not fit its field
    """
    if subclass not in (0, 1):
        raise WrongClass(f"A meter test has subclass 0 or 1, not {subclass}.", field="subclass")
    manufacturer_bits = 16 if subclass else 8
    _require_bits(control, _CONTENT_BITS - manufacturer_bits, "control field")
    _require_bits(manufacturer, manufacturer_bits, "manufacturer code")
    return encode_data(TokenClass.TEST, subclass << _SUBCLASS_AT | control << manufacturer_bits | manufacturer, None)


def encode_data(token_class: int, data: int, key: DecoderKey | None) -> str:
    """
    Close 48 data bits with their check sum, encrypt them unless they are a test, and write the digits.

    :raises WrongClass: if the class is not 0 to 2
    :raises WrongKey: if a class that is encrypted comes without a key
    :raises OutOfRange: if the data have more than 48 bits
    """
    _require_bits(data, _SUBCLASS_AT + 4, "data of a token")
    _require_class(token_class)
    block = data << 16 | checksum(token_class, data, currency=_is_currency(token_class, data))
    if token_class == TokenClass.TEST:
        return seal(token_class, block)
    return seal(token_class, _needed(key).encrypt(block))


def decode(digits: str, key: DecoderKey | None = None) -> DecodedToken:
    """
    Read a token with the key of its meter; a test token (class 1) is read without one.

    >>> key = DecoderKey("11", bytes(range(16)))
    >>> token = decode("2257 0960 8533 7858 3452", key)
    >>> token.energy_wh, token.token_identifier, token.random_nibble
    (32200, 6612480, 5)

    :raises StsError: if the digits are no token
    :raises WrongClass: if its class is the reserved one
    :raises WrongKey: if it is encrypted and there is no key
    :raises WrongCrc: if it does not check: a wrong digit or another meter's key
    """
    token_class, block = unseal(digits)
    _require_class(token_class)
    if token_class != TokenClass.TEST:
        block = _needed(key).decrypt(block)
    data = block >> 16
    expected = checksum(token_class, data, currency=_is_currency(token_class, data))
    if block & 0xFFFF != expected:
        raise WrongCrc(
            "The token does not check: a digit is wrong, or it was made for another meter or key.",
            remedy="Compare the twenty digits and the meter number.",
            field="token",
        )
    return _read(token_class, data)


def _read(token_class: int, data: int) -> DecodedToken:
    subclass, nibble = data >> _SUBCLASS_AT, data >> 40 & 0xF
    identifier, field = data >> 16 & TID_MAX, data & 0xFFFF
    if _is_currency(token_class, data):
        return DecodedToken(token_class, subclass, data, decode_currency(nibble, field), identifier)
    if token_class == TokenClass.CREDIT and subclass <= CreditSubclass.TIME:
        return DecodedToken(token_class, subclass, data, decode_amount(field), identifier, nibble)
    if token_class == TokenClass.MANAGEMENT and subclass in _PLAIN_MANAGEMENT:
        value = decode_amount(field) if subclass in _IN_WATTS else field
        return DecodedToken(token_class, subclass, data, value, identifier, nibble)
    # Tests, sections of a key change and what is reserved carry neither an identifier nor a value.
    return DecodedToken(token_class, subclass, data)


def _is_currency(token_class: int, data: int) -> bool:
    return data >> _SUBCLASS_AT in _CURRENCY and token_class == TokenClass.CREDIT


def _content(nibble: int, token_identifier: int, field: int) -> int:
    _require_bits(nibble, 4, "random part")
    _require_bits(token_identifier, 24, "token identifier")
    _require_bits(field, 16, "value")
    return nibble << 40 | token_identifier << 16 | field


def _require_bits(number: int, bits: int, name: str) -> None:
    if not 0 <= number < 1 << bits:
        raise OutOfRange(f"The {name} lies between 0 and {(1 << bits) - 1}; {number} does not.", field="value")


def _require_class(token_class: int) -> None:
    if token_class not in _CLASSES:
        raise WrongClass(f"Token class {token_class} is reserved; 0, 1 and 2 are in use.", field="token")


def _needed(key: DecoderKey | None) -> DecoderKey:
    if key is None:
        raise WrongKey("This token is encrypted; its meter's decoder key is needed.", field="key")
    return key
