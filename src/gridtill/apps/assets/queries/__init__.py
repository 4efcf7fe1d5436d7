"""Reads of the asset archives, bounded by the path of the unit whose store keeps the asset."""

from gridtill.apps.assets.queries.archive import (
    asset_by_id,
    assets_within,
    concentrator_by_number,
    find_assets,
    history_of,
    meter_by_number,
    model_of,
)

__all__ = [
    "asset_by_id",
    "assets_within",
    "concentrator_by_number",
    "find_assets",
    "history_of",
    "meter_by_number",
    "model_of",
]
