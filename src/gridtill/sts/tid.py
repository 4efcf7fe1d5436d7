"""
Token identifiers (TID): the minute of a token, counted in 24 bits from the base date of its key.

The minute 00:01 of every day is set aside for special tokens; an ordinary token of that
minute takes 00:02. A key's expiry number (KEN) bounds the upper eight bits.

Source: IEC 62055-41, "TokenIdentifier", "BaseDate" and "KeyExpiryNumber".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gridtill.sts.errors import OutOfRange

BASE_DATES = (1993, 2014, 2035)
TID_MAX = (1 << 24) - 1
_MINUTES_PER_DAY = 1440
_RESERVED_MINUTE = 1


def base_moment(base_date: int) -> datetime:
    """
    Give the moment from which the identifiers of a base date count, in UTC.

    >>> base_moment(2014).isoformat()
    '2014-01-01T00:00:00+00:00'

    :raises OutOfRange: if the standard has no such base date
    """
    if base_date not in BASE_DATES:
        raise OutOfRange(f"The base date is 1993, 2014 or 2035, not {base_date}.", field="base_date")
    return datetime(base_date, 1, 1, tzinfo=UTC)


def is_reserved(token_identifier: int) -> bool:
    """
    Tell whether an identifier is the minute 00:01 of its day, which ordinary tokens leave out.

    >>> is_reserved(1), is_reserved(1441), is_reserved(1442)
    (True, True, False)
    """
    return token_identifier % _MINUTES_PER_DAY == _RESERVED_MINUTE


def identifier_at(at: datetime, base_date: int) -> int:
    """
    Count the whole minutes from the base date, stepping over the reserved one.

    >>> identifier_at(datetime(2026, 7, 29, 0, 1, tzinfo=UTC), 2014)
    6612482

    :raises OutOfRange: if the moment lies before the base date or beyond its 24 bits
    :raises ValueError: if ``at`` has no time zone
    """
    if at.tzinfo is None:
        raise ValueError("a token identifier needs a moment with its time zone")
    minutes = (at - base_moment(base_date)) // timedelta(minutes=1)
    identifier = minutes + 1 if is_reserved(minutes) else minutes
    if not 0 <= identifier <= TID_MAX:
        raise OutOfRange(
            f"{at.isoformat()} is outside the range of base date {base_date}.",
            remedy="Change the meter's key to a later base date.",
            field="token_identifier",
        )
    return identifier


def moment_of(token_identifier: int, base_date: int) -> datetime:
    """
    Give the minute, in UTC, that an identifier stands for.

    >>> moment_of(16777215, 1993).isoformat()
    '2024-11-24T20:15:00+00:00'

    :raises OutOfRange: if it has more than 24 bits
    """
    if not 0 <= token_identifier <= TID_MAX:
        raise OutOfRange(f"A token identifier lies between 0 and {TID_MAX}.", field="token_identifier")
    return base_moment(base_date) + timedelta(minutes=token_identifier)


def is_expired(token_identifier: int, key_expiry: int) -> bool:
    """
    Tell whether an identifier lies beyond the expiry number of its key.

    >>> is_expired(0x55FFFF, 0x55), is_expired(0x560000, 0x55)
    (False, True)
    """
    return token_identifier >> 16 > key_expiry
