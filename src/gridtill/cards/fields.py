"""
Fields of records: how a number, a digit string, a moment or plain bytes lie in bytes.

Every field has a fixed size; a record is its fields one after the other, big-endian.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from gridtill.cards.errors import FieldInvalid, Malformed


class Form(Enum):
    """How a value is spelled in bytes."""

    UNSIGNED = "unsigned, big-endian"
    SIGNED = "signed, two's complement, big-endian"
    DIGITS = "packed BCD"
    MINUTE = "packed BCD, YYMMDDhhmm"
    DAY = "packed BCD, YYMMDD"
    LETTER = "one ASCII letter"
    BYTES = "as they are"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, its size in bytes, how it is spelled, and what it means."""

    name: str
    size: int
    form: Form
    meaning: str

    def encode(self, value: Any) -> bytes:
        """
        Spell a value.

        :raises FieldInvalid: if it does not fit
        """
        try:
            return self._encode(value)
        except (OverflowError, ValueError, TypeError, AttributeError) as error:
            raise FieldInvalid(
                f"{self.name} holds {self.size} bytes, {self.form.value}; this value does not fit.", field=self.name
            ) from error

    def _encode(self, value: Any) -> bytes:
        if self.form in (Form.UNSIGNED, Form.SIGNED):
            whole: int = value
            return whole.to_bytes(self.size, "big", signed=self.form is Form.SIGNED)
        if self.form is Form.BYTES:
            octets = bytes(value)
        elif self.form is Form.LETTER:
            octets = value.encode("ascii")
        elif self.form is Form.DIGITS:
            octets = packed(value, self.size)
        else:
            octets = packed(value.strftime("%y%m%d%H%M" if self.form is Form.MINUTE else "%y%m%d"), self.size)
        if len(octets) != self.size:
            raise ValueError(f"{len(octets)} bytes")
        return octets

    def decode(self, octets: bytes) -> Any:
        """
        Read a value; minutes and days come back without a zone, as meters have none.

        :raises Malformed: if the bytes spell nothing
        """
        try:
            if self.form in (Form.UNSIGNED, Form.SIGNED):
                return int.from_bytes(octets, "big", signed=self.form is Form.SIGNED)
            if self.form is Form.LETTER:
                return octets.decode("ascii")
            if self.form is Form.BYTES:
                return octets
            digits = unpacked(octets)
            if self.form is Form.DIGITS:
                return digits
            # A meter's clock has no zone, and nothing here may pretend that it has.
            return datetime.strptime(digits, "%y%m%d%H%M" if self.form is Form.MINUTE else "%y%m%d")  # noqa: DTZ007
        except ValueError as error:
            raise Malformed(f"The field {self.name} spells nothing.", field=self.name) from error


def packed(digits: str, size: int) -> bytes:
    """
    Pack decimal digits, two a byte, zeros in front.

    >>> packed("37000000015", 6).hex()
    '037000000015'

    :raises ValueError: if there are more digits than room, or something else than digits
    """
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 2 * size:
        raise ValueError("not so many digits")
    return bytes.fromhex(digits.zfill(2 * size))


def unpacked(octets: bytes) -> str:
    """
    Return packed digits, all of them.

    :raises ValueError: if a nibble is no digit
    """
    digits = octets.hex()
    if not digits.isdecimal():
        raise ValueError("a nibble above nine")
    return digits


@dataclass(frozen=True, slots=True)
class Layout:
    """Fields one after the other; ``size`` is their sum."""

    fields: tuple[Field, ...]

    @property
    def size(self) -> int:
        """How many bytes all fields take."""
        return sum(field.size for field in self.fields)

    def encode(self, values: Mapping[str, Any]) -> bytes:
        """
        Spell values by their field's names.

        :raises FieldInvalid: if one does not fit
        :raises KeyError: if one is missing
        """
        return b"".join(field.encode(values[field.name]) for field in self.fields)

    def decode(self, octets: bytes) -> dict[str, Any]:
        """
        Read all fields.

        :raises Malformed: if there are too many or too few bytes, or a field spells nothing
        """
        if len(octets) != self.size:
            raise Malformed(f"This record has {len(octets)} bytes and should have {self.size}.")
        values, at = {}, 0
        for field in self.fields:
            values[field.name] = field.decode(octets[at : at + field.size])
            at += field.size
        return values


def layout(rows: Sequence[tuple[str, int, Form, str]]) -> Layout:
    """Make a layout of rows as they stand in a table."""
    return Layout(tuple(Field(*row) for row in rows))
