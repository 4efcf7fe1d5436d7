"""Taking vending keys in, wrapped before they touch the database, and handing out issuers that hold them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection, transaction

from gridtill.apps.audit.operations import record_write
from gridtill.apps.keystore.models import VendingKey
from gridtill.drivers.security.base import TokenIssuer
from gridtill.drivers.security.software.driver import SoftwareIssuer
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.sts.keys import check_value


class KeystoreLocked(Refusal):
    """There is no wrapping key, so no vending key can be stored or used."""

    code = "keystore_locked"
    remedy = "Set GRIDTILL_KEYSTORE_KEY to 64 hexadecimal digits; docs/settings.md says how."


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


def wrapping_key() -> AESGCM:
    """
    Return the cipher that vending keys are wrapped with.

    :raises KeystoreLocked: if the setting is missing or not 32 bytes
    """
    try:
        material = bytes.fromhex(settings.KEYSTORE_KEY)
    except ValueError:
        material = b""
    if len(material) != 32:
        raise KeystoreLocked("The keystore has no wrapping key. Nothing was stored or issued.")
    return AESGCM(material)


def label(supply_group_code: str, key_revision: int, key_type: int, base_date: int) -> bytes:
    """Return what a wrapped key is bound to, so that rows cannot be swapped unnoticed."""
    return f"{supply_group_code}/{key_revision}/{key_type}/{base_date}".encode()


@transaction.atomic
def store_vending_key(*, new: NewVendingKey, actor: Actor, at: datetime) -> VendingKey:
    """
    Wrap and keep a vending key.

    :raises KeystoreLocked: without a wrapping key
    :raises InvalidValue: if its length or its group is wrong, or a key of that name is there
    """
    actor.require("keys.edit")
    if len(new.key) != 20:
        raise InvalidValue("A vending key for DKGA04 has 20 bytes.", field="key")
    if len(new.supply_group_code) != 6 or not new.supply_group_code.isdecimal():
        raise InvalidValue("A supply group code has six digits.", field="supply_group_code")
    names = (new.supply_group_code, new.key_revision, new.key_type, new.base_date)
    if VendingKey.objects.filter(
        supply_group_code=names[0], key_revision=names[1], key_type=names[2], base_date=names[3]
    ).exists():
        raise InvalidValue("A key of this group, revision, type and base date is there already.", field="key_revision")
    nonce = secrets.token_bytes(12)
    row = VendingKey.objects.create(
        supply_group_code=new.supply_group_code,
        key_revision=new.key_revision,
        key_type=new.key_type,
        base_date=new.base_date,
        key_expiry=new.key_expiry,
        wrapped=nonce + wrapping_key().encrypt(nonce, new.key, label(*names)),
        check_value=check_value(new.key),
        is_demo=new.is_demo,
        created_at=at,
    )
    record_write(
        actor=actor,
        at=at,
        action="keystore.key.stored",
        subject=row,
        unit_path=actor.unit_path,
        after={"supply_group_code": names[0], "key_revision": names[1], "check_value": row.check_value},
    )
    return row


_issuers: dict[tuple[int, int], TokenIssuer] = {}


def token_issuer() -> TokenIssuer:
    """
    Return the issuer that holds the vending keys; what it holds never comes out of it.

    It is made anew when a key was added, which one small query tells.

    :raises KeystoreLocked: if the keys cannot be unwrapped
    """
    with connection.cursor() as cursor:
        # Plain, since it runs with every token: building the same query by the ORM takes ten times as long.
        cursor.execute("SELECT count(*), coalesce(max(id), 0) FROM keystore_vendingkey")
        stamp: tuple[int, int] = tuple(cursor.fetchone())
    if stamp not in _issuers:
        _issuers.clear()
        _issuers[stamp] = SoftwareIssuer(_unwrapped())
    return _issuers[stamp]


def forget_issuers() -> None:
    """Drop the issuers that this process keeps, for processes that change databases."""
    _issuers.clear()


def _unwrapped() -> dict[tuple[str, int, int, int], bytes]:
    cipher = wrapping_key()
    keys = {}
    for row in VendingKey.objects.all():
        slot = (row.supply_group_code, row.key_revision, row.key_type, row.base_date)
        wrapped = bytes(row.wrapped)
        try:
            keys[slot] = cipher.decrypt(wrapped[:12], wrapped[12:], label(*slot))
        except InvalidTag:
            raise KeystoreLocked(
                f"The key of group {row.supply_group_code} does not open under this wrapping key. Nothing was issued."
            ) from None
    return keys
