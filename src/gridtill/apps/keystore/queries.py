"""Reading which vending keys are held; their bytes are not among what is read."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from gridtill.apps.keystore.choices import EntryState
from gridtill.apps.keystore.models import KeyEntry, VendingKey
from gridtill.drivers.security.base import KeySlot


def vending_keys() -> QuerySet[VendingKey]:
    """Return all vending keys by supply group and revision, without their wrapped bytes."""
    keys = VendingKey.objects.defer("wrapped").select_related("unit")
    return keys.order_by("supply_group_code", "key_revision", "base_date")


def waiting_entries() -> QuerySet[KeyEntry]:
    """Return keys whose second component is still to come, oldest first, without the first one."""
    entries = KeyEntry.objects.defer("component").filter(state=EntryState.WAITING)
    return entries.select_related("first_officer", "unit").order_by("first_at")


def waiting_entry(entry_id: UUID) -> KeyEntry | None:
    """Return one key whose second component is still to come."""
    return waiting_entries().filter(pk=entry_id).first()


@dataclass(frozen=True, slots=True)
class KeyReach:
    """How long a vending key lasts, and below which unit halls may sell to its group; None is everywhere."""

    key_expiry: int
    unit_path: str | None


def key_reach(slot: KeySlot) -> KeyReach | None:
    """Return how far a vending key reaches, or nothing if there is no such key."""
    group, revision, key_type, base_date = slot
    found = (
        VendingKey.objects.filter(
            supply_group_code=group, key_revision=revision, key_type=key_type, base_date=base_date
        )
        .values_list("key_expiry", "unit__path")
        .first()
    )
    return KeyReach(*found) if found else None
