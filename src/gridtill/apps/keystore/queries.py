"""Reading which vending keys are held; their bytes are not among what is read."""

from __future__ import annotations

from django.db.models import QuerySet

from gridtill.apps.keystore.models import VendingKey


def vending_keys() -> QuerySet[VendingKey]:
    """Return all vending keys by supply group and revision, without their wrapped bytes."""
    return VendingKey.objects.defer("wrapped").order_by("supply_group_code", "key_revision", "base_date")
