"""Typed reading of the environment; a wrong value stops the start with a sentence that names it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from gridtill.kernel.errors import Refusal

MISSING = object()
Parsed = TypeVar("Parsed")


class SettingInvalid(Exception):
    """An environment setting is missing or cannot be read."""


def text(name: str, default: object = MISSING) -> str:
    """
    Read a setting, or the content of the file that ``NAME_FILE`` points to.

    :raises SettingInvalid: if neither is set and there is no default, or the file cannot be read
    """
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingInvalid(f"{name}_FILE points to a file that cannot be read: {error}") from error
    value = os.environ.get(name)
    if value is not None:
        return value
    if default is MISSING:
        raise SettingInvalid(f"{name} is not set; docs/settings.md says what it is for.")
    return str(default)


def parsed_file(name: str, parse: Callable[[str], Parsed]) -> Parsed | None:
    """
    Read what a setting's file holds, None if the setting is empty.

    :raises SettingInvalid: if the file cannot be read, or not understood
    """
    path = os.environ.get(name, "")
    if not path:
        return None
    try:
        return parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, Refusal) as error:
        raise SettingInvalid(f"{name} points to a file that cannot be used: {error}") from error


def flag(name: str, *, default: bool) -> bool:
    """
    Read yes or no.

    :raises SettingInvalid: if it is neither
    """
    value = text(name, "yes" if default else "no").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise SettingInvalid(f"{name} must be yes or no, not {value!r}.")


def integer(name: str, default: int, *, least: int = 0) -> int:
    """
    Read a whole number that is at least ``least``.

    :raises SettingInvalid: if it is not a number or too small
    """
    value = text(name, default)
    try:
        number = int(value)
    except ValueError as error:
        raise SettingInvalid(f"{name} must be a whole number, not {value!r}.") from error
    if number < least:
        raise SettingInvalid(f"{name} must be at least {least}, not {number}.")
    return number


def words(name: str, default: str = "") -> list[str]:
    """Read a list whose items are separated by commas."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def endpoints(name: str) -> tuple[tuple[str, int], ...]:
    """
    Read hosts with their ports, separated by commas; none is an empty list.

    :raises SettingInvalid: if one has no host or no port, or stands there twice
    """
    found = []
    for item in words(name):
        try:
            parts = urlsplit(f"//{item}")
            found.append((parts.hostname or "", parts.port or 0))
        except ValueError:
            found.append(("", 0))
        if not all(found[-1]) or item != parts.netloc or "@" in item:
            raise SettingInvalid(f"{name} must be host:port, or several of them with commas between, not {item!r}.")
    if len(set(found)) < len(found):
        raise SettingInvalid(f"{name} names one of its endpoints twice.")
    return tuple(found)


def readable(name: str) -> str:
    """
    Read the path of a file that can be read; empty is none.

    :raises SettingInvalid: if it cannot be read
    """
    path = text(name, "")
    if path:
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise SettingInvalid(f"{name} names a file that cannot be read: {error}") from error
    return path


def choice(name: str, *values: str) -> str:
    """
    Read one of a few words; the first is the default.

    :raises SettingInvalid: if it is another
    """
    value = text(name, values[0]).strip()
    if value not in values:
        raise SettingInvalid(f"{name} must be {' or '.join(values)}, not {value!r}.")
    return value


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name))


def at_most_one(*names: str) -> None:
    """
    Make sure that what can come from one place only does not come from two.

    :raises SettingInvalid: naming those that are set
    """
    given = [name for name in names if _is_set(name)]
    if len(given) > 1:
        raise SettingInvalid(f"Only one of these may be set, since one of them is used: {', '.join(given)}.")


def together(reason: str, *names: str) -> None:
    """
    Make sure that settings, or their files, are set which another one needs.

    :raises SettingInvalid: naming those that are missing
    """
    missing = [name for name in names if not _is_set(name) and not _is_set(f"{name}_FILE")]
    if missing:
        raise SettingInvalid(f"{reason} needs {' and '.join(missing)}; docs/settings.md says what for.")


def database(url: str) -> dict[str, object]:
    """
    Turn a database URL into Django's settings, tuned for money.

    ``sqlite:///relative/or/absolute.db`` or ``postgresql://user:password@host:port/name``;
    a host that starts with a slash (percent-encoded) is a socket folder.

    :raises SettingInvalid: if the scheme is neither
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:]) or ":memory:",
            "OPTIONS": {
                # Less long than a page waits for the answer to a sale.
                # Writers queue at BEGIN instead of failing half way, and a commit is on the disk before we say sold.
                "transaction_mode": "IMMEDIATE",
                "timeout": 15,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-65536;",
            },
            "CONN_MAX_AGE": None,
        }
    if parts.scheme in {"postgresql", "postgres"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path[1:]),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            # The sale's cursor prepares its two statements; PostgreSQL then plans each once a connection.
            # Reading by index costs what it does on a solid-state disk: with the default, meant for turning disks,
            # a day's balance reads the tenders of all days.
            "OPTIONS": {
                "prepare_threshold": 3,
                "options": "-c plan_cache_mode=force_generic_plan -c random_page_cost=1.1 -c lock_timeout=15s",
            },
        }
    raise SettingInvalid(f"DATABASE_URL must begin with sqlite:// or postgresql://, not {parts.scheme!r}.")
