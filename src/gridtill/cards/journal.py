"""
Memory that survives being pulled out in the middle of a write: two slots, the newest whole one counts.

Each slot is ``generation 4 | length 2 | content | CRC-32 4``. A write goes to the slot that is not
the newest, byte by byte, and is read back; whatever byte the power goes at, one whole slot is left.
"""

from __future__ import annotations

import binascii
from collections.abc import MutableSequence

from gridtill.cards.errors import CardError

_HEAD = 6
_TAIL = 4


class Worn(CardError):
    """Memory that does not keep what was written; what was there before still is."""

    code = "card_worn"
    remedy = "Make a new card for the customer; nothing is lost."


class Journal:
    """
    Two slots in a stretch of memory; ``cells`` may be any sequence of bytes whose writes can fail.

    :raises ValueError: if there is no room for two slots of that content
    """

    def __init__(self, cells: MutableSequence[int], most: int) -> None:
        self._cells = cells
        self._size = _HEAD + most + _TAIL
        if len(cells) < 2 * self._size:
            raise ValueError(f"two slots of {self._size} bytes do not fit into {len(cells)}")

    def read(self) -> bytes | None:
        """Return the newest whole content, None where nothing was ever written."""
        newest = self._newest()
        return newest[2] if newest else None

    def write(self, content: bytes) -> None:
        """
        Write new content beside the newest, so that one of the two stays whole.

        :raises ValueError: if the content is too long for a slot
        :raises Worn: if the memory does not keep it; the content before is still there
        """
        if len(content) > self._size - _HEAD - _TAIL:
            raise ValueError(f"{len(content)} bytes do not fit into a slot")
        newest = self._newest()
        slot, generation = (1 - newest[0], newest[1] + 1) if newest else (0, 1)
        head = (generation & 0xFFFFFFFF).to_bytes(4, "big") + len(content).to_bytes(2, "big")
        stored = head + content + binascii.crc32(head + content).to_bytes(4, "big")
        base = slot * self._size
        for at, octet in enumerate(stored):
            self._cells[base + at] = octet
        if bytes(self._cells[base : base + len(stored)]) != stored:
            # A half that reads as the newest would hide the whole one.
            self._cells[base] ^= 0xFF
            raise Worn("The card's memory does not keep what is written to it. Nothing was changed.")

    def _newest(self) -> tuple[int, int, bytes] | None:
        found = [entry for slot in (0, 1) if (entry := self._slot(slot)) is not None]
        return max(found, key=lambda entry: entry[1], default=None)

    def _slot(self, slot: int) -> tuple[int, int, bytes] | None:
        base = slot * self._size
        stored = bytes(self._cells[base : base + self._size])
        generation, length = int.from_bytes(stored[:4], "big"), int.from_bytes(stored[4:6], "big")
        end = _HEAD + length
        if not generation or end + _TAIL > self._size:
            return None
        if binascii.crc32(stored[:end]).to_bytes(4, "big") != stored[end : end + _TAIL]:
            return None
        return slot, generation, stored[_HEAD:end]
