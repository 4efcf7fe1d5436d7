"""Finding assets: by id, by number, and as filtered lists in the order of their asset number."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from gridtill.apps.assets.models import Collector, DataConcentrator, Meter
from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.audit.queries import records_of
from gridtill.kernel.errors import InvalidValue, Refusal

AnyAsset = Meter | DataConcentrator | Collector
MODELS: dict[str, type[Meter] | type[DataConcentrator] | type[Collector]] = {
    "meter": Meter,
    "concentrator": DataConcentrator,
    "collector": Collector,
}


class AssetNotFound(Refusal):
    """No such asset, or it is kept by a unit out of reach."""

    code = "asset_not_found"
    remedy = "Look it up in the list of assets."


def model_of(kind: str) -> type[Meter] | type[DataConcentrator] | type[Collector]:
    """
    Return the table of a kind of asset: meter, concentrator or collector.

    :raises AssetNotFound: if the kind is none of the three
    """
    if kind not in MODELS:
        raise AssetNotFound(f"There is no kind of asset called {kind[:30]}.")
    return MODELS[kind]


def assets_within(
    kind: str,
    unit_path: str,
    *,
    text: str = "",
    status: str = "",
    store_id: int | None = None,
    maker: str = "",
    after: str = "",
) -> QuerySet[Any]:
    """
    Return the assets of one kind kept by a unit and all below it, in the order of asset numbers.

    ``text`` is the beginning of an asset number or, of meters, of the number on the face;
    ``after`` is the last asset number of the page before, so that no page counts rows.
    """
    rows = model_of(kind).objects.filter(store__path__startswith=unit_path).select_related("store")
    if text:
        match = Q(asset_number__startswith=text)
        rows = rows.filter(match | Q(number__startswith=text) if kind == "meter" else match)
    if status:
        rows = rows.filter(status=status)
    if store_id is not None:
        rows = rows.filter(store_id=store_id)
    if maker:
        rows = rows.filter(maker=maker)
    if after:
        rows = rows.filter(asset_number__gt=after)
    return rows.order_by("asset_number")


def find_assets(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Narrow assets to those whose number, address or, of meters, number on the face begins with a text."""
    match = Q(asset_number__istartswith=text) | Q(communication_address__startswith=text)
    if rows.model is Meter:
        # On the face the digits are printed in groups.
        match |= Q(number__startswith=text.replace(" ", "").replace("-", ""))
    return rows.filter(match)


def asset_by_id(kind: str, asset_id: int, unit_path: str) -> AnyAsset:
    """
    Return one asset with its store, if a unit or one below it keeps the asset.

    :raises AssetNotFound: if there is none within the path
    """
    rows = model_of(kind).objects.select_related("store")
    row = rows.filter(pk=asset_id, store__path__startswith=unit_path).first()
    if row is None:
        raise AssetNotFound(f"There is no such {kind} within your unit.")
    return row


def concentrator_by_number(asset_number: str, unit_path: str) -> DataConcentrator:
    """
    Return the concentrator with an asset number, if a unit within the path keeps it.

    :raises InvalidValue: if there is none; ``field`` is ``concentrator``
    """
    rows = DataConcentrator.objects.filter(asset_number=asset_number, store__path__startswith=unit_path)
    row = rows.first()
    if row is None:
        raise InvalidValue(
            "There is no such concentrator within your unit.", remedy="Correct its number.", field="concentrator"
        )
    return row


def meter_by_number(number: str, unit_path: str) -> Meter | None:
    """Return the meter with that number on its face, or nothing if no store within the path keeps it."""
    rows = Meter.objects.select_related("store")
    return rows.filter(number=number, store__path__startswith=unit_path).first()


def history_of(kind: str, asset_id: int) -> QuerySet[AuditRecord]:
    """Return the writes on one asset, newest first: entry, changes, moves, installations."""
    return records_of(model_of(kind)._meta.label_lower, asset_id)  # noqa: SLF001
