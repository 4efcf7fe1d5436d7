"""Taking vending keys in, wrapped before they touch the database, and handing out issuers that hold them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from gridtill.apps.audit.operations import record_write
from gridtill.apps.keystore.choices import EntryState
from gridtill.apps.keystore.models import KeyEntry, VendingKey
from gridtill.apps.keystore.rules import KeyAttributes, check_key, joined, wipe
from gridtill.apps.organization.queries import widest_bound
from gridtill.drivers.security.base import InvalidRequest, IssuerStatus, KeySlot, MeterSecurity, TokenIssuer, slot_of
from gridtill.drivers.security.keyed import context_of
from gridtill.drivers.security.keyfile import open_key_file
from gridtill.drivers.security.module.access import ModuleAccess
from gridtill.drivers.security.module.driver import open_module
from gridtill.drivers.security.pkcs11.access import Pkcs11Refused, TokenAccess
from gridtill.drivers.security.pkcs11.driver import Pkcs11Issuer, TokenWrapping, keep_vending_key, open_token
from gridtill.drivers.security.software.driver import SoftwareIssuer
from gridtill.drivers.security.wrapping import SoftwareWrapping, WrapBroken, WrappingKey
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.sts.keys import DecoderKey, check_value, derive_decoder_key
from gridtill.sts.sta import SAMPLE_TABLES

if TYPE_CHECKING:
    # It loads python-pkcs11, which is an extra.
    from gridtill.drivers.security.pkcs11.token import KeyToken

logger = logging.getLogger(__name__)


class KeystoreLocked(Refusal):
    """There is no wrapping key, so no vending key can be stored or used."""

    code = "keystore_locked"
    remedy = "Set GRIDTILL_KEYSTORE_KEY to 64 hexadecimal digits, or name a key of a token; docs/settings.md says how."


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


def wrapping_key() -> WrappingKey:
    """
    Return what vending keys are wrapped with: a key of the token, of the setting, or of the file that it names.

    :raises KeystoreLocked: if there is none, or it is not 32 bytes
    """
    if settings.PKCS11_WRAPPING_KEY:
        with _locked_without_token():
            return TokenWrapping(key_token(), settings.PKCS11_WRAPPING_KEY)
    try:
        text = settings.KEYSTORE_KEY or _key_from_file()
        return SoftwareWrapping(bytes.fromhex(text.strip()))
    except (ValueError, OSError):
        raise KeystoreLocked("The keystore has no wrapping key. Nothing was stored or issued.") from None


def key_token() -> KeyToken:
    """
    Return the PKCS#11 token that the settings name; it is opened at its first use.

    :raises Pkcs11Refused: if python-pkcs11 is not installed
    """
    return open_token(TokenAccess(settings.PKCS11_LIBRARY, settings.PKCS11_TOKEN, settings.PKCS11_TOKEN_SECRET))


@contextmanager
def _locked_without_token() -> Iterator[None]:
    try:
        yield
    except Pkcs11Refused as refused:
        raise KeystoreLocked(
            "{problem} Nothing was stored or issued.", problem=refused.message, remedy=refused.remedy
        ) from refused


def _key_from_file() -> str:
    return Path(settings.KEYSTORE_KEY_FILE).read_text(encoding="ascii") if settings.KEYSTORE_KEY_FILE else ""


def _require_own_keys() -> None:
    if settings.ISSUER_KIND == "module":
        raise EntryRefused(
            "The vending keys lie in the security module, and none is kept here. Nothing was stored.",
            remedy="Load the key into the security module.",
        )


def label(supply_group_code: str, key_revision: int, key_type: int, base_date: int) -> bytes:
    """Return what a wrapped key is bound to, so that rows cannot be swapped unnoticed."""
    return f"{supply_group_code}/{key_revision}/{key_type}/{base_date}".encode()


def _wrapped(octets: bytes | bytearray, bound_to: bytes) -> bytes:
    with _locked_without_token():
        return wrapping_key().wrap(octets, bound_to)


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
    _require_own_keys()
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
        wrapped=_put_away(key, attributes),
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
        unit_path=widest_bound(),
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


def _put_away(key: bytes | bytearray, attributes: KeyAttributes) -> bytes:
    """
    Return the wrapped key for its row, or nothing after it was put where the issuer holds its keys itself.

    A key in the token outlives a transaction that is given up. Nothing uses it then, and the same key may come again.
    """
    if settings.ISSUER_KIND != "pkcs11":
        return _wrapped(key, _label_of(attributes))
    try:
        with _locked_without_token():
            keep_vending_key(key_token(), _slot_of(attributes), key)
    except InvalidRequest as refused:
        raise InvalidValue(refused.message, remedy=refused.remedy, field=refused.field) from refused
    return b""


def _slot_of(attributes: KeyAttributes) -> KeySlot:
    return attributes.supply_group_code, attributes.key_revision, attributes.key_type, attributes.base_date


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
    :raises EntryRefused: if keys lie in a security module
    """
    try:
        actor.require("keys.edit", widest_bound())
        _require_own_keys()
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

    :raises EntryRefused: if it ended, the officer is the one who began it, or keys lie in a security module
    :raises InvalidValue: if the component, or the key that comes of it, is not what its check value says
    """
    key = bytearray()
    try:
        actor.require("keys.edit", widest_bound())
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
    actor.require("keys.edit", widest_bound())
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
        unit_path=widest_bound(),
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
    :raises EntryRefused: if the second officer is the first one or may not enter keys, or keys lie in a security module
    """
    actor.require("keys.edit", widest_bound())
    _require_own_keys()
    if approver.id == actor.id or not approver.may("keys.edit") or not approver.reaches(widest_bound()):
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
        unit_path=widest_bound(),
        after={"keys": len(rows), "second_officer": approver.name},
    )
    return rows


@transaction.atomic
def restrict_key(*, key_id: int, unit_id: int | None, actor: Actor, at: datetime) -> VendingKey:
    """Let only halls of one unit and below sell to a key's group, or all halls again."""
    actor.require("keys.edit", widest_bound())
    row = VendingKey.objects.select_for_update(of=("self",)).get(pk=key_id)
    before = row.unit_id
    row.unit_id = unit_id
    row.save(update_fields=["unit"])
    record_write(
        actor=actor,
        at=at,
        action="keystore.key.restricted",
        subject=row,
        unit_path=widest_bound(),
        before={"unit": before},
        after={"unit": unit_id},
    )
    return row


@transaction.atomic
def move_keys_into_token(*, actor: Actor, at: datetime) -> int:
    """
    Put the keys that still lie wrapped in the database into the token, all or none, and return how many.

    Running servers notice when they are started anew, which a change of the issuer takes anyway.

    :raises EntryRefused: if the settings do not say that keys lie in a token
    :raises InvalidValue: if one is a key for key generation 02
    :raises KeystoreLocked: without the wrapping key or the token
    """
    if settings.ISSUER_KIND != "pkcs11":
        raise EntryRefused("Keys do not lie in a token here.", remedy="Set GRIDTILL_TOKEN_ISSUER to pkcs11.")
    rows = [row for row in VendingKey.objects.select_for_update(of=("self",)).order_by("pk") if row.wrapped]
    for row in rows:
        attributes = KeyAttributes(row.supply_group_code, row.key_revision, row.key_type, row.base_date)
        key = _unwrap(bytes(row.wrapped), _label_of(attributes))
        row.wrapped = _put_away(key, attributes)
        wipe(key)
        row.save(update_fields=["wrapped"])
        record_write(
            actor=actor,
            at=at,
            action="keystore.key.moved",
            subject=row,
            unit_path=widest_bound(),
            after={"check_value": row.check_value},
        )
    transaction.on_commit(forget_issuers)
    return len(rows)


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
    issuer = held.issuer if held is not None and held.stamp == stamp else _make_issuer()
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
        unit_path=widest_bound(),
        after={"drn": meter.drn},
    )
    return key


def _make_issuer() -> TokenIssuer:
    if settings.ISSUER_KIND == "module":
        return _module_issuer()
    sample_tables = settings.MODE != "production"
    tables = settings.STA_TABLES or SAMPLE_TABLES
    with _locked_without_token():
        if settings.ISSUER_KIND == "pkcs11":
            return Pkcs11Issuer(key_token(), _check_values(), tables, sample_tables=sample_tables)
        return SoftwareIssuer(_unwrapped(), tables, sample_tables=sample_tables)


def _module_issuer() -> TokenIssuer:
    return open_module(
        ModuleAccess(
            settings.TOKEN_MODULES, settings.TOKEN_MODULE_SECRET, settings.TOKEN_MODULE_LINKS, settings.TOKEN_MODULE_CA
        )
    )


def module_status() -> IssuerStatus | None:
    """Ask the security modules which keys they hold; None where keys do not lie in modules."""
    return token_issuer().status() if settings.ISSUER_KIND == "module" else None


def _check_values() -> dict[KeySlot, str]:
    rows = VendingKey.objects.values_list("supply_group_code", "key_revision", "key_type", "base_date", "check_value")
    return {(group, revision, key_type, base_date): value for group, revision, key_type, base_date, value in rows}


def forget_issuers() -> None:
    """Drop the issuer that this process keeps, for processes that change databases."""
    _held.clear()


def _unwrap(wrapped: bytes, bound_to: bytes) -> bytearray:
    try:
        with _locked_without_token():
            return bytearray(wrapping_key().unwrap(wrapped, bound_to))
    except WrapBroken:
        raise KeystoreLocked("A key does not open under this wrapping key. Nothing was stored or issued.") from None


def _unwrapped() -> dict[KeySlot, bytes]:
    cipher = wrapping_key()
    keys = {}
    for row in VendingKey.objects.all():
        if not row.wrapped:
            # It went into a token while the settings said so.
            logger.error("vending key %s lies in a token, and the settings name none", row.pk)
            continue
        slot = (row.supply_group_code, row.key_revision, row.key_type, row.base_date)
        try:
            keys[slot] = cipher.unwrap(bytes(row.wrapped), label(*slot))
        except WrapBroken:
            # One that was damaged does not keep the other groups from their light; its own meters are refused.
            logger.exception("vending key %s does not open under this wrapping key", row.pk)
    return keys
