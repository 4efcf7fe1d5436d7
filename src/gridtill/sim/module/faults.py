"""The ways in which a simulated module fails to answer, drawn by chance or asked for one by one."""

from __future__ import annotations

import random
import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What becomes of one command that makes a token."""

    LOST = "lost"
    CUT_BEFORE = "cut before"
    CUT_AFTER = "cut after"
    LATE = "late"
    GARBLED = "garbled"
    OTHER_ID = "other id"
    HALF = "half a line"


@dataclass(frozen=True, slots=True)
class FaultRates:
    """How many of a hundred commands each kind befalls; ``cut`` is before and after the making in equal parts."""

    lose: int = 0
    late: int = 0
    garble: int = 0
    cut: int = 0


class Faults:
    """
    Decides what befalls each command; with the same seed the same in the same order.

    :raises ValueError: if the rates come to more than a hundred
    """

    def __init__(self, rates: FaultRates | None = None, seed: int = 0) -> None:
        rates = rates or FaultRates()
        self._shares = (
            (rates.lose, (FaultKind.LOST,)),
            (rates.late, (FaultKind.LATE,)),
            (rates.garble, (FaultKind.GARBLED, FaultKind.OTHER_ID, FaultKind.HALF)),
            (rates.cut, (FaultKind.CUT_BEFORE, FaultKind.CUT_AFTER)),
        )
        if any(share < 0 for share, _kinds in self._shares) or sum(share for share, _kinds in self._shares) > 100:
            raise ValueError("the faults come to more than 100 percent, or to less than none")
        self._chance, self._lock = random.Random(seed), threading.Lock()
        self._asked_for: deque[FaultKind] = deque()

    def befall(self, *kinds: FaultKind) -> None:
        """Let these befall the next commands, in this order, before chance decides again."""
        self._asked_for.extend(kinds)

    def next(self) -> FaultKind | None:
        """Return what befalls the next command."""
        with self._lock:
            if self._asked_for:
                return self._asked_for.popleft()
            drawn = self._chance.randrange(100)
            for share, kinds in self._shares:
                if drawn < share:
                    return self._chance.choice(kinds)
                drawn -= share
        return None
