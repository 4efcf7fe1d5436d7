"""
A token issuer that holds its vending keys in this process, for demonstration and private schemes.

It is not an approved security module: whoever reads the process's memory has the keys, and
with them every meter of their supply groups.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from gridtill.drivers.security.base import (
    CreditRequest,
    InvalidRequest,
    IssuedToken,
    IssuerStatus,
    KeyDescription,
    KeyExpired,
    KeyMissing,
    KeyTypeForbidden,
    MeterSecurity,
    RequestConflict,
)
from gridtill.sts.amounts import decode_amount, encode_amount
from gridtill.sts.decoded import WH_PER_UNIT, DecodedToken
from gridtill.sts.errors import StsError
from gridtill.sts.keys import DecoderKey, KeyContext, KeyType, check_value, derive_decoder_key
from gridtill.sts.pan import MeterPan
from gridtill.sts.sta import SAMPLE_TABLES, StaTables
from gridtill.sts.tid import is_expired, is_reserved
from gridtill.sts.tokens import CreditSubclass, decode, encode_credit

KeySlot = tuple[str, int, int, int]
_RESULTS_KEPT = 4096
_DECODER_KEYS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class _Kept:
    request: CreditRequest
    answer: IssuedToken


class SoftwareIssuer:
    """
    Makes tokens with vending keys given by supply group code, key revision, key type and base date.

    The digits follow from the request alone, so asking again is safe, in another process too.
    The keys are in no representation, message or answer.

    >>> issuer = SoftwareIssuer({("201457", 1, 2, 2014): bytes(20)})
    >>> issuer
    <SoftwareIssuer with 1 vending key>

    :raises ValueError: if a vending key has neither 8 nor 20 bytes
    """

    repeatable = True

    def __init__(self, vending_keys: Mapping[KeySlot, bytes], sta_tables: StaTables = SAMPLE_TABLES) -> None:
        if any(len(key) not in (8, 20) for key in vending_keys.values()):
            raise ValueError("a vending key has 8 bytes (key generation 02) or 20 (key generation 04)")
        self._vending_keys = {slot: bytes(key) for slot, key in vending_keys.items()}
        self._check_values = {slot: check_value(key) for slot, key in self._vending_keys.items()}
        self._tables = sta_tables
        self._kept: OrderedDict[uuid.UUID, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._decoder_key = lru_cache(maxsize=_DECODER_KEYS_KEPT)(self._derive)

    def __repr__(self) -> str:
        count = len(self._vending_keys)
        return f"<SoftwareIssuer with {count} vending key{'' if count == 1 else 's'}>"

    def issue_credit(self, request: CreditRequest) -> IssuedToken:
        """
        Make a credit token; an equal request gives the same digits, a changed one is refused.

        :raises KeyMissing: if there is no vending key for the meter
        :raises KeyExpired: if the token identifier lies beyond the meter's key expiry number
        :raises KeyTypeForbidden: if the meter's key may not carry credit
        :raises InvalidRequest: if a number of the request does not fit
        :raises RequestConflict: if the request id was used for something else
        """
        with self._lock:
            kept = self._kept.get(request.request_id)
        if kept is not None:
            return self._answer_again(kept, request)
        self._require_allowed(request)
        answer = self._make(request)
        with self._lock:
            kept = self._kept.setdefault(request.request_id, _Kept(request, answer))
            if len(self._kept) > _RESULTS_KEPT:
                self._kept.popitem(last=False)
        return self._answer_again(kept, request)

    def fetch_result(self, request_id: uuid.UUID) -> IssuedToken | None:
        """Give again what a recent request was answered; None says that asking anew is safe."""
        with self._lock:
            kept = self._kept.get(request_id)
        return kept.answer if kept else None

    def verify(self, meter: MeterSecurity, digits: str) -> DecodedToken:
        """
        Read a token as the meter would, without applying it.

        :raises KeyMissing: if there is no vending key for the meter
        :raises InvalidRequest: if the meter's identity or key parameters are wrong
        :raises StsError: if the digits are no token of this meter
        """
        return decode(digits, self._key_of(meter))

    def status(self) -> IssuerStatus:
        """Tell which vending keys are held; the issuer is ready when there is one."""
        keys = tuple(KeyDescription(*slot, value) for slot, value in sorted(self._check_values.items()))
        return IssuerStatus(ready=bool(keys), issuer="software", keys=keys)

    @staticmethod
    def _answer_again(kept: _Kept, request: CreditRequest) -> IssuedToken:
        if kept.request != request:
            raise RequestConflict("This request was answered before with other content.")
        return kept.answer

    @staticmethod
    def _require_allowed(request: CreditRequest) -> None:
        meter = request.meter
        if meter.key_type in (KeyType.INITIALIZATION, KeyType.DEFAULT):
            raise KeyTypeForbidden(f"A key of type {meter.key_type} carries no credit.", field="key_type")
        if request.subclass != CreditSubclass.ELECTRICITY:
            raise InvalidRequest("This issuer transfers electricity, subclass 0, only.", field="subclass")
        if request.units < 1:
            raise InvalidRequest("A credit token carries at least one unit of 0.1 kWh.", field="units")
        if is_reserved(request.token_identifier):
            raise InvalidRequest(
                "The minute 00:01 is set aside for special tokens.",
                remedy="Reserve the next token identifier.",
                field="token_identifier",
            )
        if is_expired(request.token_identifier, meter.key_expiry):
            raise KeyExpired(f"The meter's key has expired: its expiry number is {meter.key_expiry}.")

    def _make(self, request: CreditRequest) -> IssuedToken:
        key = self._key_of(request.meter)
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
            vending_key_check_value=self._check_values[_slot(request.meter)],
        )

    def _key_of(self, meter: MeterSecurity) -> DecoderKey:
        try:
            return self._decoder_key(meter)
        except StsError as error:
            raise InvalidRequest(error.message, remedy=error.remedy, field=error.field) from error

    def _derive(self, meter: MeterSecurity) -> DecoderKey:
        context = KeyContext(
            pan=MeterPan.from_drn(meter.drn),
            supply_group_code=meter.supply_group_code,
            tariff_index=meter.tariff_index,
            key_revision=meter.key_revision,
            key_type=meter.key_type,
            base_date=meter.base_date,
            algorithm=meter.encryption_algorithm,
        )
        vending_key = self._vending_keys.get(_slot(meter))
        if vending_key is None:
            raise KeyMissing(
                f"There is no vending key for supply group {meter.supply_group_code}, revision {meter.key_revision}, "
                f"type {meter.key_type}, base date {meter.base_date}.",
                field="supply_group_code",
            )
        return derive_decoder_key(vending_key, context, meter.dkga, self._tables)


def _slot(meter: MeterSecurity) -> KeySlot:
    return meter.supply_group_code, meter.key_revision, meter.key_type, meter.base_date
