"""Raw statements of the sale's hot path, prepared by the driver and free of the ORM."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import psycopg
from django.db import OperationalError, connection

_NAME = re.compile(r"%\((\w+)\)s")


def run(statement: str, params: Mapping[str, object], *, returns: bool) -> list[dict[str, Any]]:
    """
    Execute one statement inside the open transaction, with parameters named in its dialect.

    PostgreSQL binds on the server so that plans are kept; ``%(name)s`` there, ``:name`` on SQLite.
    """
    connection.ensure_connection()
    # The driver's own errors would pass every ``except`` that names Django's.
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            return _run_postgresql(statement, params, returns=returns)
        cursor = cast("Any", connection.connection).execute(statement, dict(params))
        if not returns:
            return []
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@lru_cache(maxsize=64)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """Spell named parameters as ``$1``, ``$2``, …; done once, because it takes longer than a round trip."""
    names: dict[str, int] = {}
    text = _NAME.sub(lambda match: f"${names.setdefault(match[1], len(names) + 1)}", statement)
    return text.encode(), tuple(names)


def _run_postgresql(statement: str, params: Mapping[str, object], *, returns: bool) -> list[dict[str, Any]]:
    text, names = _numbered(statement)
    # Django's own cursor binds on the client, which can never be prepared.
    with psycopg.RawCursor(cast("Any", connection.connection)) as cursor:
        cursor.execute(text, [params[name] for name in names], prepare=True)
        if not returns:
            return []
        result = cursor.pgresult
        columns = _columns(statement, result) if result is not None else ()
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


_column_names: dict[str, tuple[str, ...]] = {}


def _columns(statement: str, result: Any) -> tuple[str, ...]:
    if statement not in _column_names:
        _column_names[statement] = tuple(result.fname(index).decode() for index in range(result.nfields))
    return _column_names[statement]


_DEADLOCK = frozenset(("40P01", "40001"))
_LOCK_NOT_AVAILABLE = "55P03"


def is_contention(error: OperationalError) -> bool:
    """Tell whether a statement failed because others held what it needed, so that trying again may do."""
    state = getattr(error.__cause__, "sqlstate", None)
    return is_deadlock(error) or state == _LOCK_NOT_AVAILABLE or "database is locked" in str(error)


def is_deadlock(error: OperationalError) -> bool:
    """Tell whether a transaction was rolled back in favour of another one, at once."""
    return getattr(error.__cause__, "sqlstate", None) in _DEADLOCK
