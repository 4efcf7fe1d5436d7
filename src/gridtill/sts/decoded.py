"""What a decoded token says: the fields that its class and subclass carry, the others empty."""

from __future__ import annotations

from dataclasses import dataclass

WH_PER_UNIT = 100


@dataclass(frozen=True, slots=True)
class DecodedToken:
    """
    The content of one token whose check sum held; a field that its subclass lacks is None.

    ``value`` is what the subclass carries: 0.1 kWh, 0.1 m³ or 0.1 minute in class 0 subclasses
    0 to 3, 1/100000 of the currency in 4 to 7, watts or a register number in class 2. ``data``
    holds the 48 bits above the check sum, subclass first.

    >>> DecodedToken(0, 0, 0x06007B, value=32, token_identifier=123, random_nibble=5).energy_wh
    3200
    >>> DecodedToken(2, 5, 0x550000780000, value=0).energy_wh is None
    True
    """

    token_class: int
    subclass: int
    data: int
    value: int | None = None
    token_identifier: int | None = None
    random_nibble: int | None = None

    @property
    def units(self) -> int | None:
        """The electricity that the token transfers, in 0.1 kWh; None for every other kind of token."""
        return self.value if (self.token_class, self.subclass) == (0, 0) else None

    @property
    def energy_wh(self) -> int | None:
        """The electricity that the token transfers, in watt-hours; None for every other kind of token."""
        units = self.units
        return None if units is None else units * WH_PER_UNIT
