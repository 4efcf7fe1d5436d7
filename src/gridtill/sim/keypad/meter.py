"""
What a keypad meter is and does, as pure steps from one state to the next.

Which tokens it takes is decided by ``gridtill.sts.acceptance``; here is the rest of a meter:
the energy it counts down, the relay, the display, the supply that comes and goes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from gridtill.kernel.energy import format_kwh
from gridtill.sts.acceptance import MeterState, Verdict, accept, power_cycled
from gridtill.sts.decoded import WH_PER_UNIT, DecodedToken
from gridtill.sts.keys import DecoderKey, KeyContext
from gridtill.sts.tokens import CreditSubclass, ManagementSubclass, TokenClass

_WS_PER_WH = 3600
_WS_PER_UNIT = WH_PER_UNIT * _WS_PER_WH
LONGEST_RUN_S = 10 * 366 * 86400
LOAD_MAXIMUM_W = 100_000
FIRMWARE = "GT-SIM 1"


class RelayReason(StrEnum):
    """Why the relay is open; the first that holds is the one that the display names."""

    NO_SUPPLY = "no supply"
    TAMPER = "tamper"
    POWER_LIMIT = "power limit"
    NO_CREDIT = "no credit"


@dataclass(frozen=True, slots=True)
class KeypadMeter:
    """
    A meter with its house behind it.

    Energies are counted in watt-seconds, so that no load and no span of time is rounded away.
    ``clock_s`` is the meter's own clock, seconds since 1970; it may run ahead of everybody else's.
    """

    drn: str
    security: MeterState
    remaining_ws: int = 0
    used_ws: int = 0
    load_w: int = 0
    has_supply: bool = True
    clock_s: int = 0

    @property
    def remaining_wh(self) -> int:
        """Credit that is left, in whole watt-hours, rounded down."""
        return self.remaining_ws // _WS_PER_WH

    @property
    def used_wh(self) -> int:
        """Everything that ever went through, in whole watt-hours."""
        return self.used_ws // _WS_PER_WH

    @property
    def relay_open_because(self) -> RelayReason | None:
        """Why nothing goes through, None while the relay is closed."""
        limit = self.security.power_limit_w
        if not self.has_supply:
            return RelayReason.NO_SUPPLY
        if self.security.is_tampered:
            return RelayReason.TAMPER
        if limit is not None and self.load_w > limit:
            return RelayReason.POWER_LIMIT
        return RelayReason.NO_CREDIT if self.remaining_ws <= 0 else None

    @property
    def power_w(self) -> int:
        """What goes through right now."""
        return 0 if self.relay_open_because else self.load_w


def new_meter(
    context: KeyContext, key: DecoderKey, *, clock_s: int, key_expiry: int = 255, lock_after: int = 3
) -> KeypadMeter:
    """Return a meter as it comes from the factory: no credit, no token taken, its clock set."""
    return KeypadMeter(
        context.pan.drn,
        MeterState(
            key,
            key_type=context.key_type,
            key_revision=context.key_revision,
            key_expiry=key_expiry,
            tariff_index=context.tariff_index,
            base_date=context.base_date,
            supply_group_code=context.supply_group_code,
            lock_after=lock_after,
        ),
        clock_s=clock_s,
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """What a meter answered to twenty digits: the register's name for it, a person's word, and the display."""

    verdict: Verdict
    word: str
    display: tuple[str, ...]


_WORDS = {
    Verdict.ACCEPT: "accepted",
    Verdict.FIRST_SECTION: "accepted, key change goes on",
    Verdict.SECOND_SECTION: "accepted, key change goes on",
    Verdict.THIRD_SECTION: "accepted, key change goes on",
    Verdict.FOURTH_SECTION: "accepted, key change goes on",
    Verdict.USED: "used",
    Verdict.OLD: "old",
    Verdict.KEY_EXPIRED: "key expired",
    Verdict.LOCKED: "locked, wait",
    Verdict.OVERFLOW: "rejected, too much credit",
}


def enter(meter: KeypadMeter, digits: str) -> tuple[KeypadMeter, Entry]:
    """
    Key twenty digits in; blanks between them are as good as none.

    Without supply the keypad is dead and nothing changes.
    """
    if not meter.has_supply:
        return meter, Entry(Verdict.LOCKED, "no supply", ("",))
    held = -(-meter.remaining_ws // _WS_PER_UNIT)
    before = replace(meter.security, credit={CreditSubclass.ELECTRICITY: held})
    answer = accept(before, "".join(digits.split()), at=meter.clock_s)
    after = replace(meter, security=answer.state)
    if answer.verdict is Verdict.ACCEPT and answer.token is not None:
        after = replace(after, remaining_ws=_credit_after(meter, answer.token, answer.state, held))
    word = _WORDS.get(answer.verdict, "rejected")
    return after, Entry(answer.verdict, word, _answer_display(after, answer.verdict, answer.token, word))


def _credit_after(meter: KeypadMeter, token: DecodedToken, state: MeterState, held: int) -> int:
    if (token.token_class, token.subclass) == (TokenClass.MANAGEMENT, ManagementSubclass.CLEAR_CREDIT):
        return meter.remaining_ws if state.credit.get(CreditSubclass.ELECTRICITY, 0) else 0
    return meter.remaining_ws + (state.credit.get(CreditSubclass.ELECTRICITY, 0) - held) * _WS_PER_UNIT


def _answer_display(meter: KeypadMeter, verdict: Verdict, token: DecodedToken | None, word: str) -> tuple[str, ...]:
    if verdict is Verdict.ACCEPT and token is not None and token.token_class == TokenClass.TEST:
        return shown_by_test(meter, token)
    if verdict is Verdict.ACCEPT and token is not None and token.energy_wh is not None:
        return (f"+{format_kwh(token.energy_wh)} kWh", f"{format_kwh(meter.remaining_wh)} kWh")
    return (word,)


def shown_by_test(meter: KeypadMeter, token: DecodedToken) -> tuple[str, ...]:
    """Return what the display walks through for a test token, one line for each bit of its control field."""
    security = meter.security
    limit, unbalance = security.power_limit_w, security.unbalance_limit_w
    lines = (
        f"relay {'open' if meter.relay_open_because else 'closed'}",
        "88888888",
        f"total {format_kwh(meter.used_wh)} kWh",
        f"key revision {security.key_revision}",
        f"tariff index {security.tariff_index}",
        "keypad 0123456789",
        f"power limit {'none' if limit is None else f'{limit} W'}",
        f"tamper {'yes' if security.is_tampered else 'no'}",
        f"power {meter.power_w} W",
        f"version {FIRMWARE}",
        f"unbalance limit {'none' if unbalance is None else f'{unbalance} W'}",
    )
    control = (token.data & (1 << 44) - 1) >> (16 if token.subclass else 8)
    return tuple(line for bit, line in enumerate(lines) if control >> bit & 1) or ("----",)


def run(meter: KeypadMeter, seconds: int) -> KeypadMeter:
    """
    Let time pass; the load draws until the credit is used up, and the rest of the time nothing flows.

    :raises ValueError: if the span is negative or longer than ten years
    """
    if not 0 <= seconds <= LONGEST_RUN_S:
        raise ValueError("time runs forward, and no more than ten years at once")
    drawn = min(meter.power_w * seconds, meter.remaining_ws)
    return replace(
        meter,
        clock_s=meter.clock_s + seconds,
        remaining_ws=meter.remaining_ws - drawn,
        used_ws=meter.used_ws + drawn,
    )


def with_load(meter: KeypadMeter, watts: int) -> KeypadMeter:
    """
    Switch appliances, so that the house draws so many watts when it may.

    :raises ValueError: if no house draws that
    """
    if not 0 <= watts <= LOAD_MAXIMUM_W:
        raise ValueError(f"a load lies between 0 and {LOAD_MAXIMUM_W} W")
    return replace(meter, load_w=watts)


def tampered(meter: KeypadMeter) -> KeypadMeter:
    """Open the cover: the relay opens until a clear tamper token."""
    return replace(meter, security=replace(meter.security, is_tampered=True))


def switched(meter: KeypadMeter, *, has_supply: bool) -> KeypadMeter:
    """Take the supply away or bring it back; coming back frees a locked keypad and forgets half a key change."""
    if has_supply and not meter.has_supply:
        meter = replace(meter, security=power_cycled(meter.security))
    return replace(meter, has_supply=has_supply)


def display(meter: KeypadMeter) -> tuple[str, ...]:
    """Return what the display shows by itself: the credit, and why the light is off if it is."""
    if not meter.has_supply:
        return ("",)
    reason = meter.relay_open_because
    return (f"{format_kwh(meter.remaining_wh)} kWh", f"off: {reason}" if reason else "on")
