"""
What token issuers share that work with decoder keys in this process, wherever the vending keys lie.

The digits follow from a request alone, so such an issuer is repeatable: it may be asked again
without asking first what became of the last time, in another process too.
"""

from __future__ import annotations

import threading
import uuid
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from gridtill.drivers.security.base import (
    CreditRequest,
    InvalidRequest,
    IssuedSet,
    IssuedToken,
    IssuerStatus,
    KeyChangeRequest,
    KeyExpired,
    KeyMissing,
    KeyTypeForbidden,
    ManagementRequest,
    MeterSecurity,
    RequestConflict,
    require_key_change,
)
from gridtill.sts.amounts import decode_amount, encode_amount
from gridtill.sts.decoded import WH_PER_UNIT, DecodedToken
from gridtill.sts.errors import StsError
from gridtill.sts.keychange import key_change_tokens
from gridtill.sts.keys import STA, DecoderKey, KeyContext, KeyType
from gridtill.sts.pan import MeterPan
from gridtill.sts.tid import is_expired, is_reserved
from gridtill.sts.tokens import CreditSubclass, decode, encode_credit, encode_management

RESULTS_KEPT = 4096
_DECODER_KEYS_KEPT = 4096
_Request = CreditRequest | ManagementRequest | KeyChangeRequest
_Answer = TypeVar("_Answer", IssuedToken, IssuedSet)


class KeyedIssuer(ABC):
    """Makes tokens with decoder keys that a subclass derives; vending keys are its own affair."""

    repeatable = True

    def __init__(self) -> None:
        self._kept: OrderedDict[uuid.UUID, tuple[_Request, IssuedToken | IssuedSet]] = OrderedDict()
        self._lock = threading.Lock()
        self._decoder_key = lru_cache(maxsize=_DECODER_KEYS_KEPT)(self.derive)

    @abstractmethod
    def derive(self, meter: MeterSecurity) -> DecoderKey:
        """
        Return a meter's decoder key.

        :raises KeyMissing: if there is no vending key for it
        :raises StsError: if the meter's identity or key parameters are wrong
        """

    @abstractmethod
    def check_value_for(self, meter: MeterSecurity) -> str:
        """Return the check value of the vending key that a meter's key comes from, which was found before."""

    @abstractmethod
    def status(self) -> IssuerStatus:
        """Tell whether tokens can be made now and which vending keys are held."""

    def require_served(self, meter: MeterSecurity) -> None:
        """
        Make sure that there is a vending key for a meter and a cipher that it has.

        :raises KeyMissing: if there is no vending key
        :raises InvalidRequest: if the meter's identity or key parameters are wrong
        """
        self._key_of(meter)

    def issue_credit(self, request: CreditRequest) -> IssuedToken:
        """
        Make a credit token; an equal request gives the same digits, a changed one is refused.

        :raises KeyMissing: if there is no vending key for the meter
        :raises KeyExpired: if the token identifier lies beyond the meter's key expiry number
        :raises KeyTypeForbidden: if the meter's key may not carry credit
        :raises InvalidRequest: if a number of the request does not fit
        :raises RequestConflict: if the request id was used for something else
        """
        return self._once(request, self._credit)

    def issue_management(self, request: ManagementRequest) -> IssuedSet:
        """
        Make a management token; an equal request gives the same digits, a changed one is refused.

        :raises IssueRefused: as ``issue_credit``, but for every type of key
        """
        return self._once(request, self._management)

    def issue_key_change(self, request: KeyChangeRequest) -> IssuedSet:
        """
        Make the tokens of a key change; an equal request gives the same digits, a changed one is refused.

        :raises KeyMissing: if there is no vending key for the old key or the new
        :raises KeyChangeForbidden: if the meter may not go from one to the other
        """
        return self._once(request, self._key_change)

    def fetch_result(self, request_id: uuid.UUID) -> IssuedToken | None:
        """Give again what a recent credit request was answered; None says that asking anew is safe."""
        answer = self._remembered(request_id)
        return answer if isinstance(answer, IssuedToken) else None

    def fetch_set(self, request_id: uuid.UUID) -> IssuedSet | None:
        """Give again what another recent request was answered; None says that asking anew is safe."""
        answer = self._remembered(request_id)
        return answer if isinstance(answer, IssuedSet) else None

    def verify(self, meter: MeterSecurity, digits: str) -> DecodedToken:
        """
        Read a token as the meter would, without applying it.

        :raises KeyMissing: if there is no vending key for the meter
        :raises InvalidRequest: if the meter's identity or key parameters are wrong
        :raises StsError: if the digits are no token of this meter
        """
        return decode(digits, self._key_of(meter))

    def _remembered(self, request_id: uuid.UUID) -> IssuedToken | IssuedSet | None:
        with self._lock:
            kept = self._kept.get(request_id)
        return kept[1] if kept else None

    def _once(self, request: _Request, make: Callable[..., _Answer]) -> _Answer:
        with self._lock:
            kept = self._kept.get(request.request_id)
        if kept is None:
            answer = make(request)
            with self._lock:
                kept = self._kept.setdefault(request.request_id, (request, answer))
                if len(self._kept) > RESULTS_KEPT:
                    self._kept.popitem(last=False)
        if kept[0] != request:
            raise RequestConflict("This request was answered before with other content.")
        # Equal requests have answers of one type.
        return kept[1]  # type: ignore[return-value]

    def _credit(self, request: CreditRequest) -> IssuedToken:
        meter = request.meter
        if meter.key_type in (KeyType.INITIALIZATION, KeyType.DEFAULT):
            raise KeyTypeForbidden(f"A key of type {meter.key_type} carries no credit.", field="key_type")
        if request.subclass != CreditSubclass.ELECTRICITY:
            raise InvalidRequest("This issuer transfers electricity, subclass 0, only.", field="subclass")
        if request.units < 1:
            raise InvalidRequest("A credit token carries at least one unit of 0.1 kWh.", field="units")
        _require_identifier(request.token_identifier, meter)
        key = self._key_of(meter)
        try:
            units = decode_amount(encode_amount(request.units))
            digits = encode_credit(key, request.units, request.token_identifier, request.random_nibble)
        except StsError as error:
            raise InvalidRequest(error.message, remedy=error.remedy, field=error.field) from error
        return IssuedToken(
            digits=digits,
            units=units,
            energy_wh=units * WH_PER_UNIT,
            token_identifier=request.token_identifier,
            vending_key_check_value=self.check_value_for(meter),
        )

    def _management(self, request: ManagementRequest) -> IssuedSet:
        meter = request.meter
        _require_identifier(request.token_identifier, meter)
        key = self._key_of(meter)
        try:
            digits = encode_management(
                key, request.subclass, request.value, request.token_identifier, request.random_nibble
            )
        except StsError as error:
            raise InvalidRequest(error.message, remedy=error.remedy, field=error.field) from error
        return IssuedSet((digits,), decode(digits, key).value or 0, self.check_value_for(meter))

    def _key_change(self, request: KeyChangeRequest) -> IssuedSet:
        old, new = request.meter, request.new
        require_key_change(old, new)
        try:
            digits = key_change_tokens(
                self._key_of(old),
                self._key_of(new),
                context_of(new),
                new_key_expiry=new.key_expiry,
                rollover=old.base_date != new.base_date,
                with_supply_group=request.with_supply_group,
            )
        except StsError as error:
            raise InvalidRequest(error.message, remedy=error.remedy, field=error.field) from error
        return IssuedSet(digits, 0, self.check_value_for(new))

    def _key_of(self, meter: MeterSecurity) -> DecoderKey:
        try:
            return self._decoder_key(meter)
        except StsError as error:
            raise InvalidRequest(error.message, remedy=error.remedy, field=error.field) from error


def _require_identifier(token_identifier: int, meter: MeterSecurity) -> None:
    if is_reserved(token_identifier):
        raise InvalidRequest(
            "The minute 00:01 is set aside for special tokens.",
            remedy="Reserve the next token identifier.",
            field="token_identifier",
        )
    if is_expired(token_identifier, meter.key_expiry):
        raise KeyExpired(f"The meter's key has expired: its expiry number is {meter.key_expiry}.")


def require_tables(meter: MeterSecurity, *, held: bool) -> None:
    """
    Make sure that tables of encryption algorithm 07 are held where a meter needs them.

    :raises InvalidRequest: if they are not
    """
    if meter.encryption_algorithm == STA and not held:
        raise InvalidRequest(
            "There are no production tables for encryption algorithm 07, so no token of this meter can be made.",
            remedy="Load the tables that the utility has from the STS Association.",
            field="encryption_algorithm",
        )


def key_missing(meter: MeterSecurity) -> KeyMissing:
    """Return the refusal that names the vending key which a meter would need."""
    return KeyMissing(
        f"There is no vending key for supply group {meter.supply_group_code}, revision {meter.key_revision}, "
        f"type {meter.key_type}, base date {meter.base_date}.",
        field="supply_group_code",
    )


def context_of(meter: MeterSecurity) -> KeyContext:
    """
    Return what a meter's decoder key depends on besides the vending key.

    :raises StsError: if a part of it is not what the standard allows
    """
    return KeyContext(
        pan=MeterPan.from_drn(meter.drn),
        supply_group_code=meter.supply_group_code,
        tariff_index=meter.tariff_index,
        key_revision=meter.key_revision,
        key_type=meter.key_type,
        base_date=meter.base_date,
        algorithm=meter.encryption_algorithm,
    )
