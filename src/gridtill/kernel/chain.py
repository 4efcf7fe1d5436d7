"""
A hash chain of documents: each link covers the one before it.

The exported form is one JSON object a line, either a document of a till
(``till``, ``sequence``, ``number``, ``previous_hash``, ``payload``, ``hash``) or a
seal that a day's close put on all tills of a bureau (``seal``, ``previous_hash``,
``payload``, ``hash``), whose payload names each till's last sequence and hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

LINE_MAXIMUM = 4 * 1024 * 1024


def genesis(name: str) -> str:
    """
    Return the hash that a chain starts from, before its first document.

    >>> genesis("T01")[:8]
    '36138878'
    """
    return hashlib.sha256(f"gridtill chain {name}".encode()).hexdigest()


def link(previous_hash: str, payload: str) -> str:
    """Return the hash of a document: SHA-256 of the previous hash, a line feed and the payload."""
    return hashlib.sha256(f"{previous_hash}\n{payload}".encode()).hexdigest()


@dataclass(slots=True)
class Verdict:
    """What a walk along the exported chains found; ``broken`` is the first break, in words."""

    documents: int = 0
    seals: int = 0
    chains: dict[str, int] = field(default_factory=dict)
    broken: str | None = None


@dataclass(slots=True)
class _Walk:
    heads: dict[str, dict[int, str]] = field(default_factory=dict)
    seals: dict[str, str] = field(default_factory=dict)


def verify(lines: Iterable[str]) -> Verdict:
    """
    Walk exported chains from their beginnings and name the first broken link.

    Documents of one till must come in order; a seal comes after what it seals.
    A chain must start at sequence 1 with its genesis hash.
    """
    verdict, walk = Verdict(), _Walk()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        problem = _check_line(line, walk, verdict)
        if problem is not None:
            verdict.broken = f"line {number}: {problem}"
            break
    verdict.chains = {till: max(hashes, default=0) for till, hashes in walk.heads.items()}
    return verdict


def _check_line(line: str, walk: _Walk, verdict: Verdict) -> str | None:
    if len(line) > LINE_MAXIMUM:
        return "the line is longer than any document"
    try:
        record = json.loads(line)
        if "seal" in record:
            verdict.seals += 1
            return _check_seal(record, walk)
        verdict.documents += 1
        return _check_document(record, walk)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"it is not a document or a seal ({type(error).__name__}: {error})"


def _check_document(record: dict[str, Any], walk: _Walk) -> str | None:
    till, sequence = str(record["till"]), int(record["sequence"])
    chain = walk.heads.setdefault(till, {})
    last = max(chain, default=0)
    name = f"document {record['number']} (till {till}, sequence {sequence})"
    if sequence != last + 1:
        return f"{name} follows sequence {last}; {_gap(last, sequence)}"
    before = chain.get(last, genesis(till))
    if record["previous_hash"] != before:
        return f"{name} does not name the hash of the document before it"
    if link(before, record["payload"]) != record["hash"]:
        return f"{name} was changed after it was written"
    inside = json.loads(record["payload"])
    if inside.get("number") != record["number"] or inside.get("sequence") != sequence:
        return f"{name} carries another number inside"
    chain[sequence] = record["hash"]
    return None


def _gap(last: int, sequence: int) -> str:
    return "documents are missing" if sequence > last + 1 else "it repeats or is out of order"


def _check_seal(record: dict[str, Any], walk: _Walk) -> str | None:
    bureau = str(record["seal"])
    payload = json.loads(record["payload"])
    name = f"seal {payload['number']} of bureau {bureau}"
    before = walk.seals.get(bureau, genesis(bureau))
    if record["previous_hash"] != before:
        return f"{name} does not name the hash of the seal before it"
    if link(before, record["payload"]) != record["hash"]:
        return f"{name} was changed after it was written"
    for till, head in sorted(payload["heads"].items()):
        if head["last"] and walk.heads.get(till, {}).get(head["last"]) != head["hash"]:
            return f"{name} sealed till {till} at sequence {head['last']} with another hash"
    walk.seals[bureau] = record["hash"]
    return None
