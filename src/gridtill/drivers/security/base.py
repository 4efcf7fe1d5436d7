"""
What a token issuer is asked and what it answers; a vending key never crosses this border.

There are three outcomes. The answer is a token; or ``IssueRefused``, and nothing was made;
or ``IssueUnknown``, and the token may exist. After the last, ask ``fetch_result`` and never
``issue_credit`` blindly: a second token for one payment is energy given away.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Protocol

from gridtill.kernel.errors import Refusal
from gridtill.sts.decoded import DecodedToken


@dataclass(frozen=True, slots=True)
class MeterSecurity:
    """
    What a meter's decoder key depends on, as the archive knows it; nothing of it is secret.

    ``key_expiry`` (KEN) bounds the token identifiers that the meter still takes, in steps of
    65536 minutes; ``base_date`` is the year from which they count. ``dkga`` names the key
    generation algorithm.
    """

    drn: str
    supply_group_code: str
    tariff_index: str
    key_revision: int
    key_type: int = 2
    key_expiry: int = 255
    base_date: int = 2014
    encryption_algorithm: str = "11"
    dkga: str = "04"


_INITIALIZATION, _COMMON = 0, 3

# What a vending key is found by: supply group code, key revision, key type, base date.
KeySlot = tuple[str, int, int, int]


def slot_of(meter: MeterSecurity) -> KeySlot:
    """Return what the vending key of a meter is found by."""
    return meter.supply_group_code, meter.key_revision, meter.key_type, meter.base_date


@dataclass(frozen=True, slots=True)
class CreditRequest:
    """
    One credit token to make; the caller has reserved its token identifier durably before.

    ``units`` counts 0.1 kWh (for subclass 0). ``random_nibble`` is 0 to 15 and belongs to the
    request, so that the same request gives the same digits.
    """

    request_id: uuid.UUID
    meter: MeterSecurity
    units: int
    token_identifier: int
    random_nibble: int
    subclass: int = 0


@dataclass(frozen=True, slots=True)
class ManagementRequest:
    """
    One management token (class 2) to make that carries a value; the identifier was reserved before.

    ``value`` is watts for subclasses 0 and 6, a register for 1, 0 for 5; see ``sts.tokens``.
    """

    request_id: uuid.UUID
    meter: MeterSecurity
    subclass: int
    value: int
    token_identifier: int
    random_nibble: int


@dataclass(frozen=True, slots=True)
class KeyChangeRequest:
    """
    One set of key change tokens to make, from the key that a meter has to the one it is to get.

    Both must be of one meter and one encryption algorithm. ``with_supply_group`` adds the third
    token of algorithm 07, for meters that store their supply group.
    """

    request_id: uuid.UUID
    meter: MeterSecurity
    new: MeterSecurity
    with_supply_group: bool = False


@dataclass(frozen=True, slots=True)
class IssuedSet:
    """
    The tokens of one management request, in the order in which they are to be printed.

    ``value`` is what a management token really carries, rounded as its format demands.
    """

    digits: tuple[str, ...] = field(repr=False)
    value: int
    vending_key_check_value: str


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """
    A token as made: twenty digits and what the meter will read in them.

    ``units`` may exceed what was asked where the token's number format has no such amount;
    ask for ``sts.amounts.largest_representable_at_most`` of it to avoid that. The digits stay
    out of the representation, which ends up in logs.
    """

    digits: str = field(repr=False)
    units: int
    energy_wh: int
    token_identifier: int
    vending_key_check_value: str


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """A vending key that an issuer holds, told by everything but its bytes."""

    supply_group_code: str
    key_revision: int
    key_type: int
    base_date: int
    check_value: str


@dataclass(frozen=True, slots=True)
class IssuerStatus:
    """
    Whether an issuer can make tokens now, and with which keys.

    ``remaining`` is how many tokens its licence still allows, or None where nothing counts them.
    """

    ready: bool
    issuer: str
    keys: tuple[KeyDescription, ...] = ()
    remaining: int | None = None


class IssueRefused(Refusal):
    """The issuer declined and made no token; the same request may be put right and asked again."""

    code = "issue_refused"


class KeyMissing(IssueRefused):
    """The issuer holds no vending key for the meter's supply group, revision, type and base date."""

    code = "vending_key_missing"
    remedy = "Load the vending key of this supply group, or correct the meter's supply group and key revision."


class KeyExpired(IssueRefused):
    """The token identifier lies beyond the expiry number of the meter's key."""

    code = "vending_key_expired"
    remedy = "Issue a key change to a key that is still valid, then sell again."


class KeyTypeForbidden(IssueRefused):
    """The meter's key type may not carry credit."""

    code = "key_type_forbidden"
    remedy = "Issue a key change to a unique key first; only then can the meter take credit."


class KeyChangeForbidden(IssueRefused):
    """A meter may not go from its key to the one that was asked for."""

    code = "key_change_forbidden"
    remedy = "Choose a key of the meter's own algorithm that is valid longer than its identifiers run."


def require_key_change(old: MeterSecurity, new: MeterSecurity) -> None:
    """
    Make sure that a keypad meter may go from one key to another.

    :raises KeyChangeForbidden: saying which rule stands in the way
    """
    if (old.drn, old.encryption_algorithm) != (new.drn, new.encryption_algorithm):
        raise KeyChangeForbidden("A key change stays with its meter and its encryption algorithm.")
    if new.base_date < old.base_date:
        raise KeyChangeForbidden(
            "A meter does not go back from base date {old} to {new}.",
            old=old.base_date,
            new=new.base_date,
            field="base_date",
        )
    if new.key_type == _COMMON or (new.key_type == _INITIALIZATION and old.key_type != _INITIALIZATION):
        raise KeyChangeForbidden("A keypad meter takes no key of type {type}.", type=new.key_type, field="key_type")


class InvalidRequest(IssueRefused):
    """A number of the request does not fit the token or the meter's identity."""

    code = "issue_request_invalid"


class RequestConflict(IssueRefused):
    """The request's identity was used before, for something else."""

    code = "issue_request_conflict"
    remedy = "Give each sale a request identity of its own."


class IssueUnknown(Exception):
    """
    No answer came, so the token may exist or not.

    Ask ``fetch_result`` with the same request id until it answers; do not issue anew.
    """

    def __init__(self, request_id: uuid.UUID, message: str) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.message = message


class TokenIssuer(Protocol):
    """
    Something that makes and checks tokens for meters, holding the vending keys itself.

    ``repeatable`` says that its digits follow from the request alone, so that there is no
    answer to lose: it may be asked again without asking first what became of the last time.
    """

    repeatable: bool

    def require_served(self, meter: MeterSecurity) -> None:
        """
        Make sure that tokens can be made which this meter takes; asked before anybody pays for one.

        :raises IssueRefused: saying what is missing
        """
        ...

    def issue_credit(self, request: CreditRequest) -> IssuedToken:
        """
        Make a credit token; asking again with an equal request gives the same digits.

        :raises IssueRefused: if nothing was made, and why
        :raises IssueUnknown: if no answer came
        """
        ...

    def issue_management(self, request: ManagementRequest) -> IssuedSet:
        """
        Make one management token; asking again with an equal request gives the same digits.

        :raises IssueRefused: if nothing was made, and why
        :raises IssueUnknown: if no answer came
        """
        ...

    def issue_key_change(self, request: KeyChangeRequest) -> IssuedSet:
        """
        Make the tokens that change a meter's key, encrypted under the key it has.

        An expired key may still be changed, but not to an expired one; a new base date makes
        the meter forget its token identifiers.

        :raises IssueRefused: if nothing was made, and why
        :raises IssueUnknown: if no answer came
        """
        ...

    def fetch_result(self, request_id: uuid.UUID) -> IssuedToken | None:
        """
        Give again what a credit request was answered; None if the issuer remembers no such request.

        :raises IssueUnknown: if no answer came
        """
        ...

    def fetch_set(self, request_id: uuid.UUID) -> IssuedSet | None:
        """
        Give again what a management or key change request was answered; None if it is not remembered.

        :raises IssueUnknown: if no answer came
        """
        ...

    def verify(self, meter: MeterSecurity, digits: str) -> DecodedToken:
        """
        Read a token as the meter would, without applying it.

        :raises IssueRefused: if the issuer has no key for the meter
        :raises StsError: if the digits are no token of this meter
        """
        ...

    def status(self) -> IssuerStatus:
        """Tell whether tokens can be made now and which vending keys are held."""
        ...
