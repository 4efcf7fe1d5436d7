"""Writes of the asset archives."""

from gridtill.apps.assets.operations.archive import (
    delete_asset,
    modify_asset,
    register_asset,
    register_collector,
    register_concentrator,
    register_meter,
)
from gridtill.apps.assets.operations.moves import move_asset, note_installed, note_removed

__all__ = [
    "delete_asset",
    "modify_asset",
    "move_asset",
    "note_installed",
    "note_removed",
    "register_asset",
    "register_collector",
    "register_concentrator",
    "register_meter",
]
