"""Reading price lists, their versions, and the tariff in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import resources
from itertools import pairwise

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from gridtill.apps.pricing.choices import TariffStatus, VersionState
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


def price_lists(at: datetime) -> QuerySet[PricingStructure]:
    """
    Return all price lists by code with what applies at a moment.

    Each carries ``number_now`` and ``since`` of the version in force, ``next_from`` of the one
    that follows, and how many ``drafts`` wait for a second person.
    """
    versions = TariffVersion.objects.filter(structure=OuterRef("pk"))
    active = versions.filter(status=TariffStatus.ACTIVE)
    current = active.filter(active_from__lte=at).order_by("-active_from", "-number")
    following = active.filter(active_from__gt=at).order_by("active_from")
    return structures().annotate(
        number_now=Subquery(current.values("number")[:1]),
        since=Subquery(current.values("active_from")[:1]),
        next_from=Subquery(following.values("active_from")[:1]),
        drafts=Count("versions", filter=Q(versions__status=TariffStatus.DRAFT)),
    )


def find_price_lists(rows: QuerySet[PricingStructure], text: str) -> QuerySet[PricingStructure]:
    """Narrow price lists by a part of their code, name or class of revenue."""
    return rows.filter(Q(code__icontains=text) | Q(name__icontains=text) | Q(price_class__icontains=text))


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a price list and where it stands; ``until`` is when the next one follows it."""

    id: int
    structure_id: int
    code: str
    name: str
    number: int
    state: VersionState
    active_from: datetime | None
    until: datetime | None
    author_id: int
    author_name: str
    created_at: datetime
    activated_by: str
    activated_at: datetime | None
    digest: str

    def __str__(self) -> str:
        return f"{self.code} {self.number}"


def version_rows(structure_id: int, at: datetime) -> list[VersionRow]:
    """Return the versions of a price list as they stand at a moment, newest first; one query."""
    versions = list(
        TariffVersion.objects.filter(structure_id=structure_id)
        .select_related("structure")
        .defer("document")
        .order_by("number")
    )
    begun = [(item.active_from, item.number, item.pk) for item in versions if item.status == TariffStatus.ACTIVE]
    order = sorted((first, number, pk) for first, number, pk in begun if first is not None)
    ends = {pk: following for (_first, _number, pk), (following, _next, _pk) in pairwise(order)}
    return [_row(item, ends.get(item.pk), at) for item in reversed(versions)]


def _row(version: TariffVersion, until: datetime | None, at: datetime) -> VersionRow:
    return VersionRow(
        id=version.pk,
        structure_id=version.structure_id,
        code=version.structure.code,
        name=version.structure.name,
        number=version.number,
        state=_state(version, until, at),
        active_from=version.active_from,
        until=until,
        author_id=version.author_id,
        author_name=version.author_name,
        created_at=version.created_at,
        activated_by=version.activated_by,
        activated_at=version.activated_at,
        digest=version.digest,
    )


def _state(version: TariffVersion, until: datetime | None, at: datetime) -> VersionState:
    if version.status != TariffStatus.ACTIVE or version.active_from is None:
        return VersionState(version.status)
    if version.active_from > at:
        return VersionState.PLANNED
    return VersionState.ENDED if until is not None and until <= at else VersionState.IN_FORCE


def version_document(version_id: int) -> str:
    """
    Return the TOML document of a version in any state.

    :raises TariffVersion.DoesNotExist: if there is none
    """
    return TariffVersion.objects.values_list("document", flat=True).get(pk=version_id)


def structure_of(version_id: int) -> int:
    """
    Return the id of the price list that a version belongs to.

    :raises TariffVersion.DoesNotExist: if there is none
    """
    return TariffVersion.objects.values_list("structure_id", flat=True).get(pk=version_id)


def drafts_waiting() -> QuerySet[TariffVersion]:
    """Return drafts that a second person has not put into force yet."""
    return TariffVersion.objects.filter(status=TariffStatus.DRAFT).select_related("structure").order_by("created_at")


@lru_cache(maxsize=1)
def shipped_documents() -> dict[str, str]:
    """Return the tariff documents that come with the product, by the name of their file."""
    folder = resources.files("gridtill.tariff") / "published"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=lambda item: item.name)
    return {item.name.removesuffix(".toml"): item.read_text(encoding="utf-8") for item in files}
