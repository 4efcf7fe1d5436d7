"""Which rights one person may hand on to another."""

from __future__ import annotations

from collections.abc import Iterable

from gridtill.apps.staff.choices import Permission
from gridtill.kernel.actors import Actor

P = Permission
# The work of counters, archives and meters. Whoever may change operators hands it on without
# doing it themselves; every other right one must hold to give it away.
DAILY_WORK = frozenset(
    {
        P.ARCHIVES_VIEW, P.ARCHIVES_EDIT, P.ASSETS_VIEW, P.ASSETS_EDIT, P.ASSETS_IMPORT, P.ACCOUNT_OPEN,
        P.ACCOUNT_CLOSE, P.SELL, P.VEND_VIEW, P.REVERSE, P.REPRINT, P.CARDS_EDIT, P.METERING_VIEW,
        P.METERING_CONTROL,
    }
)  # fmt: skip


def is_below(actor: Actor, rights: Iterable[str]) -> bool:
    """Tell whether rights are truly fewer than the actor's, the daily work of counters and archives not counted."""
    theirs = frozenset(rights) - DAILY_WORK
    mine = actor.permissions - DAILY_WORK
    return theirs < mine


def beyond(actor: Actor, rights: Iterable[str]) -> frozenset[str]:
    """Return those of some rights that the actor may neither hand on nor meddle with."""
    return frozenset(right for right in rights if right not in DAILY_WORK and not actor.may(right))
