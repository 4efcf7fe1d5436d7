"""Raw statements of the sale's hot path, prepared by the driver and free of the ORM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import psycopg
from django.db import connection


def run(statement: str, params: Mapping[str, object], *, returns: bool) -> list[dict[str, Any]]:
    """
    Execute one statement inside the open transaction, with parameters named in its dialect.

    PostgreSQL binds on the server so that plans are kept; ``%(name)s`` there, ``:name`` on SQLite.
    """
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        return _run_postgresql(statement, params, returns=returns)
    cursor = cast("Any", connection.connection).execute(statement, dict(params))
    if not returns:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _run_postgresql(statement: str, params: Mapping[str, object], *, returns: bool) -> list[dict[str, Any]]:
    # Django's own cursor binds on the client, which can never be prepared.
    with psycopg.Cursor(cast("Any", connection.connection)) as cursor:
        cursor.execute(statement.encode(), dict(params))
        if not returns:
            return []
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
