"""Reading tariffs in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db.models import QuerySet

from gridtill.apps.pricing.choices import TariffStatus
from gridtill.apps.pricing.models import PricingStructure, TariffVersion
from gridtill.tariff.document import Tariff, load_tariff


@dataclass(frozen=True, slots=True)
class VersionedTariff:
    """A tariff as it was put into force, read and ready to quote with."""

    id: int
    code: str
    title: str
    number: int
    digest: str
    price_class: str
    tariff: Tariff


@lru_cache(maxsize=512)
def tariff_version(version_id: int) -> VersionedTariff:
    """
    Return a version that is or was in force; those never change, so a process reads each once.

    :raises TariffVersion.DoesNotExist: if it is a draft or does not exist
    """
    row = TariffVersion.objects.select_related("structure").exclude(status=TariffStatus.DRAFT).get(pk=version_id)
    return VersionedTariff(
        id=row.pk,
        code=row.structure.code,
        title=row.structure.name,
        number=row.number,
        digest=row.digest,
        price_class=row.structure.price_class,
        tariff=load_tariff(row.document),
    )


def version_in_force(structure_id: int, at: datetime) -> int | None:
    """Return the id of the version of a price list that applies at a moment, if one does."""
    return (
        TariffVersion.objects.filter(structure_id=structure_id, status=TariffStatus.ACTIVE, active_from__lte=at)
        .order_by("-active_from", "-number")
        .values_list("id", flat=True)
        .first()
    )


def structures() -> QuerySet[PricingStructure]:
    """Return all price lists by code."""
    return PricingStructure.objects.order_by("code")


def versions_of(structure_id: int) -> QuerySet[TariffVersion]:
    """Return the versions of a price list, newest first."""
    return TariffVersion.objects.filter(structure_id=structure_id).order_by("-number")


def drafts_waiting() -> QuerySet[TariffVersion]:
    """Return drafts that a second person has not put into force yet."""
    return TariffVersion.objects.filter(status=TariffStatus.DRAFT).select_related("structure").order_by("created_at")
