"""One spelling for structured data, so that equal content has equal bytes and equal hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast


def canonical_json(value: Mapping[str, Any]) -> str:
    """
    Write a mapping as JSON with sorted keys and no spaces; floats are refused.

    >>> canonical_json({"b": 1, "a": "é"})
    '{"a":"é","b":1}'

    :raises TypeError: if a float, or anything JSON cannot hold, is inside
    """
    _refuse_floats(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _refuse_floats(value: object) -> None:
    kind = type(value)
    # The plain types first: a sale's document holds hundreds of them, and nothing else.
    if kind is str or kind is int:
        return
    if isinstance(value, float):
        raise TypeError("a float has no exact spelling")
    if kind is dict or isinstance(value, Mapping):
        for inner in cast("Mapping[str, object]", value).values():
            _refuse_floats(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_floats(inner)


def sha256_hex(text: str) -> str:
    """
    Hash text as UTF-8.

    >>> sha256_hex("")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(text.encode()).hexdigest()
