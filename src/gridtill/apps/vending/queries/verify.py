"""What twenty digits are: whose token, of which purchase, or nobody's that is known here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from gridtill.apps.assets.models import Meter
from gridtill.apps.customers.queries import meters_within
from gridtill.apps.keystore.operations import token_issuer
from gridtill.apps.vending.models import Delivery, EngineeringToken
from gridtill.apps.vending.queries.key_changes import KEY_DATA
from gridtill.drivers.security.base import (
    InvalidRequest,
    IssueRefused,
    IssueUnknown,
    KeyMissing,
    MeterSecurity,
    TokenIssuer,
)
from gridtill.kernel.errors import InvalidValue
from gridtill.sts.assembly import normalize_token, unseal
from gridtill.sts.decoded import DecodedToken
from gridtill.sts.errors import StsError
from gridtill.sts.tid import moment_of
from gridtill.sts.tokens import TokenClass, decode


class TokenOrigin(StrEnum):
    """Where a token comes from, as far as it can be known here."""

    PURCHASE = "PURCHASE"
    ENGINEERING = "ENGINEERING"
    FOREIGN = "FOREIGN"
    CLOSED = "CLOSED"
    TEST = "TEST"


@dataclass(frozen=True, slots=True)
class TokenFinding:
    """
    What was found about a token.

    FOREIGN opens with a key that is held here and was never made here, which should not happen;
    CLOSED opens with no key of the meter that was named, or no meter was named. ``content`` and ``made_for`` are
    set where the token could be opened, ``delivery`` or ``engineering`` where it was found.
    """

    origin: TokenOrigin
    meter: Meter | None = None
    content: DecodedToken | None = None
    made_for: datetime | None = None
    delivery: Delivery | None = None
    engineering: EngineeringToken | None = None


def verify_token(*, digits: str, meter_number: str, unit_path: str, issuer: TokenIssuer | None = None) -> TokenFinding:
    """
    Find out what a token is; ``meter_number`` may be empty, then only those made here are found.

    Nothing is revealed by it that the digits did not say already, and nothing is changed.

    :raises StsError: if the digits are no token at all
    :raises InvalidValue: if a meter is named that is not there
    :raises KeystoreLocked: if no key can be used at all
    :raises IssueRefused: if the issuer cannot be asked
    """
    digits = normalize_token("".join(digits.split()))
    token_class = unseal(digits)[0]
    found = _made_here(digits, unit_path)
    meter = found.meter if found else _named(meter_number, unit_path)
    if token_class == TokenClass.TEST:
        return TokenFinding(TokenOrigin.TEST, meter, decode(digits), engineering=found.engineering if found else None)
    if meter is None:
        return TokenFinding(TokenOrigin.CLOSED)
    try:
        opened = _opened(digits, _keys_of(meter, found), issuer or token_issuer())
    except IssueRefused:
        if found is None:
            raise
        # Who made it is known from the books, whatever the issuer has to say.
        opened = None
    content, base_date = opened or (None, 0)
    minute = content.token_identifier if content else None
    made_for = None if minute is None else moment_of(minute, base_date)
    if found:
        return TokenFinding(found.origin, meter, content, made_for, found.delivery, found.engineering)
    part = _part_of(digits, meter, base_date, minute)
    if part is not None:
        return TokenFinding(TokenOrigin.PURCHASE, meter, content, made_for, part)
    return TokenFinding(TokenOrigin.FOREIGN if content else TokenOrigin.CLOSED, meter, content, made_for)


def _part_of(digits: str, meter: Meter, base_date: int, minute: int | None) -> Delivery | None:
    """Return the purchase of which the digits are one token of several."""
    if minute is None:
        return None
    around = Delivery.objects.filter(
        meter=meter, base_date=base_date, token_identifier__lte=minute, last_identifier__gte=minute
    )
    row = around.select_related("meter", "vend__agreement__usage_point__customer").first()
    return row if row and digits in row.token.split() else None


def _made_here(digits: str, unit_path: str) -> TokenFinding | None:
    sold = Delivery.objects.filter(
        token=digits, vend__agreement__usage_point__customer__office__path__startswith=unit_path
    )
    row = sold.select_related("meter", "vend__agreement__usage_point__customer").first()
    if row is not None:
        return TokenFinding(TokenOrigin.PURCHASE, row.meter, delivery=row)
    made = EngineeringToken.objects.filter(digits__contains=digits, meter__in=meters_within(unit_path))
    token = made.select_related("meter", "requested_by").first()
    return TokenFinding(TokenOrigin.ENGINEERING, token.meter, engineering=token) if token else None


def _named(meter_number: str, unit_path: str) -> Meter | None:
    number = "".join(meter_number.split())
    if not number:
        return None
    meter = meters_within(unit_path).filter(number=number).first()
    if meter is None:
        raise InvalidValue("There is no such meter within your unit.", field="meter")
    return meter


def _keys_of(meter: Meter, found: TokenFinding | None) -> list[MeterSecurity]:
    """Return the key data that a meter has or had, the likeliest first."""
    kept: list[dict[str, Any]] = []
    if found and found.delivery:
        kept.append(found.delivery.meter_security)
    if found and found.engineering and found.engineering.meter_security:
        kept.append(found.engineering.meter_security)
    kept.append({name: getattr(meter, name) for name in KEY_DATA})
    changes = EngineeringToken.objects.filter(meter=meter, new_security__isnull=False).order_by("-requested_at")
    for old, new in changes.values_list("meter_security", "new_security")[:20]:
        kept += [security for security in (new, old) if security]
    # A key's expiry is no part of it: the same key would be tried again.
    distinct = {tuple(data[name] for name in KEY_DATA if name != "key_expiry"): data for data in reversed(kept)}
    return [
        MeterSecurity(drn=meter.number, **{name: data[name] for name in KEY_DATA})
        for data in reversed(list(distinct.values()))
    ]


def _opened(digits: str, keys: list[MeterSecurity], issuer: TokenIssuer) -> tuple[DecodedToken, int] | None:
    for security in keys:
        try:
            return issuer.verify(security, digits), security.base_date
        except (StsError, KeyMissing, InvalidRequest):
            # Any other refusal says nothing about the digits: an issuer that is out of reach calls nobody a forger.
            continue
        except IssueUnknown as unknown:
            raise IssueRefused(
                "Whoever makes the tokens does not answer, so nothing can be said of this one.", remedy="Try again."
            ) from unknown
    return None
