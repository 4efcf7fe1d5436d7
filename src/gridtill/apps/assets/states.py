"""Stock states of an asset and what may follow what."""

from __future__ import annotations

from gridtill.kernel.errors import Refusal

MOVES: dict[str, frozenset[str]] = {
    "IN_STORE": frozenset({"INSTALLED", "FAULTY", "SCRAPPED", "LOST"}),
    "INSTALLED": frozenset({"REMOVED", "FAULTY", "LOST"}),
    "FAULTY": frozenset({"IN_STORE", "REMOVED", "SCRAPPED"}),
    "REMOVED": frozenset({"IN_STORE", "FAULTY", "SCRAPPED", "LOST"}),
    "LOST": frozenset({"IN_STORE", "SCRAPPED"}),
    "SCRAPPED": frozenset(),
}


class AssetMoveRefused(Refusal):
    """An asset cannot go from its state to the wanted one."""

    code = "asset_move_refused"


def check_move(old: str, new: str) -> None:
    """
    Refuse a change of stock state that cannot happen in a store.

    :raises AssetMoveRefused: if ``new`` does not follow ``old``
    """
    if new not in MOVES[old]:
        allowed = ", ".join(sorted(MOVES[old])) or "nothing"
        raise AssetMoveRefused(f"An asset that is {old} cannot become {new}.", remedy=f"Possible next: {allowed}.")
