"""Taking vending keys in, wrapped before they touch the database, and handing out issuers that hold them."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection, transaction

from gridtill.apps.audit.operations import record_write
from gridtill.apps.keystore.choices import EntryState
from gridtill.apps.keystore.models import KeyEntry, VendingKey
from gridtill.apps.keystore.rules import KeyAttributes, check_key, joined, wipe
from gridtill.drivers.security.base import MeterSecurity, TokenIssuer, slot_of
from gridtill.drivers.security.keyed import context_of
from gridtill.drivers.security.keyfile import open_key_file
from gridtill.drivers.security.software.driver import SoftwareIssuer
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.sts.keys import DecoderKey, check_value, derive_decoder_key

logger = logging.getLogger(__name__)


class KeystoreLocked(Refusal):
    """There is no wrapping key, so no vending key can be stored or used."""

    code = "keystore_locked"
    remedy = "Set GRIDTILL_KEYSTORE_KEY to 64 hexadecimal digits; docs/settings.md says how."


class EntryRefused(Refusal):
    """A key entry cannot go on like this."""

    code = "key_entry_refused"


@dataclass(frozen=True, slots=True)
class NewVendingKey:
    """A vending key with the attributes that travel with it; its bytes never print."""

    supply_group_code: str
    key_revision: int
    base_date: int
    key: bytes = field(repr=False)
    key_type: int = 2
    key_expiry: int = 255
    is_demo: bool = False

    @property
    def attributes(self) -> KeyAttributes:
        """Everything but the bytes."""
        return KeyAttributes(self.supply_group_code, self.key_revision, self.key_type, self.base_date, self.key_expiry)


@dataclass(frozen=True, slots=True)
class Component:
    """
    One officer's part of a key as typed from their paper, and the check value that stands beside it.

    The bytes are overwritten by the operation that takes them, whatever becomes of it.
    """

    octets: bytearray = field(repr=False)
    check_value: str


def wrapping_key() -> AESGCM:
    """
    Return the cipher that vending keys are wrapped with, from the setting or the file that it names.

    :raises KeystoreLocked: if there is none, or it is not 32 bytes
    """
    try:
        text = settings.KEYSTORE_KEY or _key_from_file()
        material = bytes.fromhex(text.strip())
    except (ValueError, OSError):
        material = b""
    if len(material) != 32:
        raise KeystoreLocked("The keystore has no wrapping key. Nothing was stored or issued.")
    return AESGCM(material)


def _key_from_file() -> str:
    return Path(settings.KEYSTORE_KEY_FILE).read_text(encoding="ascii") if settings.KEYSTORE_KEY_FILE else ""


def label(supply_group_code: str, key_revision: int, key_type: int, base_date: int) -> bytes:
    """Return what a wrapped key is bound to, so that rows cannot be swapped unnoticed."""
    return f"{supply_group_code}/{key_revision}/{key_type}/{base_date}".encode()


def _wrapped(octets: bytes | bytearray, bound_to: bytes) -> bytes:
    nonce = secrets.token_bytes(12)
    return nonce + wrapping_key().encrypt(nonce, bytes(octets), bound_to)


def _label_of(attributes: KeyAttributes) -> bytes:
    return label(attributes.supply_group_code, attributes.key_revision, attributes.key_type, attributes.base_date)


@transaction.atomic
def store_vending_key(*, new: NewVendingKey, actor: Actor, at: datetime) -> VendingKey:
    """
    Wrap and keep a vending key that nobody has to type: the demonstration's, or one out of a key file.

    :raises NotAllowed: if a person tries; people enter keys in two components
    :raises KeystoreLocked: without a wrapping key
    :raises InvalidValue: if its length or an attribute is wrong, or a key of that name is there
    """
    if actor.id is not None:
        raise EntryRefused(
            "One person alone does not enter a key. Nothing was stored.",
            remedy="Enter it in two components, or import it from a key file.",
        )
    return _store(new.attributes, new.key, actor, at, is_demo=new.is_demo)


def _store(
    attributes: KeyAttributes, key: bytes | bytearray, actor: Actor, at: datetime, *, is_demo: bool = False
) -> VendingKey:
    attributes.check()
    check_key(key, "key")
    _check_new(attributes)
    row = VendingKey.objects.create(
        supply_group_code=attributes.supply_group_code,
        key_revision=attributes.key_revision,
        key_type=attributes.key_type,
        base_date=attributes.base_date,
        key_expiry=attributes.key_expiry,
        unit_id=attributes.unit_id,
        wrapped=_wrapped(key, _label_of(attributes)),
        check_value=check_value(bytes(key)),
        is_demo=is_demo,
        created_at=at,
    )
    transaction.on_commit(forget_issuers)
    record_write(
        actor=actor,
        at=at,
        action="keystore.key.stored",
        subject=row,
        unit_path=actor.unit_path,
        after={
            "supply_group_code": attributes.supply_group_code,
            "key_revision": attributes.key_revision,
            "key_type": attributes.key_type,
            "base_date": attributes.base_date,
            "key_expiry": attributes.key_expiry,
            "check_value": row.check_value,
        },
    )
    return row


def _check_new(attributes: KeyAttributes) -> None:
    same = VendingKey.objects.filter(
        supply_group_code=attributes.supply_group_code,
        key_revision=attributes.key_revision,
        key_type=attributes.key_type,
        base_date=attributes.base_date,
    )
    if same.exists():
        raise InvalidValue("A key of this group, revision, type and base date is there already.", field="key_revision")


def _check_component(component: Component) -> None:
    if len(component.octets) not in (20, 8):
        raise InvalidValue("A component has 40 hexadecimal digits, or 16 for key generation 02.", field="component")
    if check_value(bytes(component.octets)) != component.check_value.strip().upper():
        raise InvalidValue(
            "The check value does not belong to this component. Nothing was kept.",
            remedy="Compare both with the paper, and type them again.",
            field="check_value",
        )


@transaction.atomic
def begin_key_entry(
    *,
    request_id: UUID,
    attributes: KeyAttributes,
    component: Component,
    expected_check_value: str,
    actor: Actor,
    at: datetime,
) -> KeyEntry:
    """
    Take the first officer's component; the key comes into being when another officer enters theirs.

    ``expected_check_value`` is that of the whole key, where the paper names it; it is compared at the end.

    :raises InvalidValue: naming the field that is wrong; nothing was kept then
    """
    try:
        actor.require("keys.edit")
        attributes.check()
        _check_component(component)
        _check_new(attributes)
        done = KeyEntry.objects.filter(pk=request_id).first()
        if done is not None:
            return done
        entry = KeyEntry.objects.create(
            id=request_id,
            supply_group_code=attributes.supply_group_code,
            key_revision=attributes.key_revision,
            key_type=attributes.key_type,
            base_date=attributes.base_date,
            key_expiry=attributes.key_expiry,
            unit_id=attributes.unit_id,
            expected_check_value=expected_check_value.strip().upper()[:12],
            component=_wrapped(component.octets, _entry_label(request_id)),
            component_check_value=component.check_value.strip().upper(),
            first_officer_id=actor.person_id,
            first_at=at,
        )
    finally:
        wipe(component.octets)
    _note(entry, "begun", actor, at)
    return entry


@transaction.atomic
def complete_key_entry(*, entry_id: UUID, component: Component, actor: Actor, at: datetime) -> VendingKey:
    """
    Take the second officer's component, join the two and keep the key; the first component is wiped.

    :raises EntryRefused: if it ended, or the officer is the one who began it
    :raises InvalidValue: if the component, or the key that comes of it, is not what its check value says
    """
    key = bytearray()
    try:
        actor.require("keys.edit")
        entry = _waiting(entry_id)
        if entry.first_officer_id == actor.id:
            raise EntryRefused("The second component comes from another officer. Nothing was stored.")
        _check_component(component)
        key = joined(_unwrap(bytes(entry.component), _entry_label(entry.pk)), component.octets)
        found = check_value(bytes(key))
        if entry.expected_check_value and found != entry.expected_check_value:
            raise InvalidValue(
                "The two components do not make the key that was announced. Nothing was stored.",
                remedy="Compare both papers; if the first component was the wrong one, give this entry up.",
                field="component",
            )
        row = _store(_attributes_of(entry), key, actor, at)
    finally:
        wipe(component.octets)
        wipe(key)
    entry.state, entry.second_officer_id, entry.ended_at = EntryState.DONE, actor.person_id, at
    entry.component = b""
    entry.save()
    _note(entry, "completed", actor, at)
    return row


@transaction.atomic
def cancel_key_entry(*, entry_id: UUID, actor: Actor, at: datetime) -> KeyEntry:
    """
    Give an entry up; its component is wiped.

    :raises EntryRefused: if it ended before
    """
    actor.require("keys.edit")
    entry = _waiting(entry_id)
    entry.state, entry.ended_at, entry.component = EntryState.CANCELLED, at, b""
    entry.save()
    _note(entry, "cancelled", actor, at)
    return entry


def _waiting(entry_id: UUID) -> KeyEntry:
    entry = KeyEntry.objects.select_for_update(of=("self",)).get(pk=entry_id)
    if entry.state != EntryState.WAITING:
        raise EntryRefused("This entry has ended. Nothing was changed.")
    return entry


def _entry_label(entry_id: UUID) -> bytes:
    return f"component/{entry_id}".encode()


def _attributes_of(entry: KeyEntry) -> KeyAttributes:
    return KeyAttributes(
        entry.supply_group_code,
        entry.key_revision,
        entry.key_type,
        entry.base_date,
        entry.key_expiry,
        entry.unit_id,
    )


def _note(entry: KeyEntry, act: str, actor: Actor, at: datetime) -> None:
    record_write(
        actor=actor,
        at=at,
        action=f"keystore.entry.{act}",
        subject=entry,
        unit_path=actor.unit_path,
        after={
            "supply_group_code": entry.supply_group_code,
            "key_revision": entry.key_revision,
            "component_check_value": entry.component_check_value,
            "state": entry.state,
        },
    )


@transaction.atomic
def import_key_file(
    *, content: bytes, passphrase: str, unit_id: int | None, actor: Actor, approver: Actor, at: datetime
) -> Sequence[VendingKey]:
    """
    Take all keys of a key file in, or none; a second officer stands by.

    :raises InvalidValue: naming what is wrong with the file, or the key that is here already
    :raises EntryRefused: if the second officer is the first one, or may not enter keys
    """
    actor.require("keys.edit")
    if approver.id == actor.id or not approver.may("keys.edit"):
        raise EntryRefused("A second officer who may enter keys has to agree. Nothing was stored.")
    rows = []
    for number, found in enumerate(open_key_file(content, passphrase), start=1):
        attributes = KeyAttributes(
            found.supply_group_code, found.key_revision, found.key_type, found.base_date, found.key_expiry, unit_id
        )
        try:
            rows.append(_store(attributes, found.key, actor, at))
        except InvalidValue as wrong:
            raise InvalidValue(
                "Key {number} of the file: {problem} Nothing was stored.",
                number=number,
                problem=wrong.message,
                field="file",
            ) from wrong
    record_write(
        actor=actor,
        at=at,
        action="keystore.file.imported",
        subject=rows[0],
        unit_path=actor.unit_path,
        after={"keys": len(rows), "second_officer": approver.name},
    )
    return rows


@transaction.atomic
def restrict_key(*, key_id: int, unit_id: int | None, actor: Actor, at: datetime) -> VendingKey:
    """Let only halls of one unit and below sell to a key's group, or all halls again."""
    actor.require("keys.edit")
    row = VendingKey.objects.select_for_update(of=("self",)).get(pk=key_id)
    before = row.unit_id
    row.unit_id = unit_id
    row.save(update_fields=["unit"])
    record_write(
        actor=actor,
        at=at,
        action="keystore.key.restricted",
        subject=row,
        unit_path=actor.unit_path,
        before={"unit": before},
        after={"unit": unit_id},
    )
    return row


@dataclass(frozen=True, slots=True)
class _Held:
    """An issuer that this process keeps, for which keys, and when that was looked at last."""

    issuer: TokenIssuer
    stamp: tuple[int, int]
    looked_at: float


_held: list[_Held] = []
_LOOK_EVERY_S = 5.0


def token_issuer() -> TokenIssuer:
    """
    Return the issuer that holds the vending keys; what it holds never comes out of it.

    It is made anew when a key was added, here at once and in other processes within five seconds.

    :raises KeystoreLocked: without a wrapping key
    """
    held = _held[0] if _held else None
    if held is not None and time.monotonic() - held.looked_at < _LOOK_EVERY_S:
        return held.issuer
    with connection.cursor() as cursor:
        # Plain: building the same query by the ORM takes ten times as long.
        cursor.execute("SELECT count(*), coalesce(max(id), 0) FROM keystore_vendingkey")
        stamp: tuple[int, int] = tuple(cursor.fetchone())
    if held is None or held.stamp != stamp:
        issuer: TokenIssuer = SoftwareIssuer(_unwrapped(), sample_tables=settings.MODE != "production")
    else:
        issuer = held.issuer
    # One assignment: another thread sees the old one or the new one.
    _held[:] = [_Held(issuer, stamp, time.monotonic())]
    return issuer


@transaction.atomic
def practice_key(*, meter: MeterSecurity, actor: Actor, at: datetime) -> DecoderKey:
    """
    Return the decoder key that a virtual meter is to have; only ever of a demonstration's vending key.

    :raises EntryRefused: in production, or for a key that is not a demonstration's
    :raises KeystoreLocked: if the key does not open
    """
    row = VendingKey.objects.filter(
        supply_group_code=meter.supply_group_code,
        key_revision=meter.key_revision,
        key_type=meter.key_type,
        base_date=meter.base_date,
        is_demo=True,
    ).first()
    if row is None or settings.MODE == "production":
        raise EntryRefused("Only keys of a demonstration are given to virtual meters. Nothing was made.")
    vending_key = _unwrap(bytes(row.wrapped), label(*slot_of(meter)))
    try:
        key = derive_decoder_key(bytes(vending_key), context_of(meter), meter.dkga)
    finally:
        wipe(vending_key)
    record_write(
        actor=actor,
        at=at,
        action="keystore.key.practised",
        subject=row,
        unit_path=actor.unit_path,
        after={"drn": meter.drn},
    )
    return key


def forget_issuers() -> None:
    """Drop the issuer that this process keeps, for processes that change databases."""
    _held.clear()


def _unwrap(wrapped: bytes, bound_to: bytes) -> bytearray:
    try:
        return bytearray(wrapping_key().decrypt(wrapped[:12], wrapped[12:], bound_to))
    except InvalidTag:
        raise KeystoreLocked("A key does not open under this wrapping key. Nothing was stored or issued.") from None


def _unwrapped() -> dict[tuple[str, int, int, int], bytes]:
    cipher = wrapping_key()
    keys = {}
    for row in VendingKey.objects.all():
        slot = (row.supply_group_code, row.key_revision, row.key_type, row.base_date)
        wrapped = bytes(row.wrapped)
        try:
            keys[slot] = cipher.decrypt(wrapped[:12], wrapped[12:], label(*slot))
        except InvalidTag:
            # One that was damaged does not keep the other groups from their light; its own meters are refused.
            logger.exception("vending key %s does not open under this wrapping key", row.pk)
    return keys
