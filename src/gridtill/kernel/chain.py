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
    # By till, the hash of each document, its place being its sequence less one.
    chains: dict[str, list[str]] = field(default_factory=dict)
    seals: dict[str, _Sealed] = field(default_factory=dict)


@dataclass(slots=True)
class _Sealed:
    """The last seal of a bureau: its number, day and hash, and how far it goes in each till's chain."""

    number: int
    day: str
    hash: str
    ends: dict[str, int]


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
    verdict.chains = {till: len(hashes) for till, hashes in walk.chains.items()}
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
    chain = walk.chains.setdefault(till, [])
    last = len(chain)
    name = f"document {record['number']} (till {till}, sequence {sequence})"
    if sequence != last + 1:
        return f"{name} follows sequence {last}; {_gap(last, sequence)}"
    before = chain[-1] if chain else genesis(till)
    if record["previous_hash"] != before:
        return f"{name} does not name the hash of the document before it"
    if link(before, record["payload"]) != record["hash"]:
        return f"{name} was changed after it was written"
    inside = json.loads(record["payload"])
    if inside.get("number") != record["number"] or inside.get("sequence") != sequence:
        return f"{name} carries another number inside"
    chain.append(record["hash"])
    return None


def _gap(last: int, sequence: int) -> str:
    return "documents are missing" if sequence > last + 1 else "it repeats or is out of order"


def _check_seal(record: dict[str, Any], walk: _Walk) -> str | None:
    bureau = str(record["seal"])
    payload = json.loads(record["payload"])
    name = f"seal {payload['number']} of bureau {bureau}"
    last = walk.seals.get(bureau) or _Sealed(0, "", genesis(bureau), {})
    if record["previous_hash"] != last.hash:
        return f"{name} does not name the hash of the seal before it"
    if link(last.hash, record["payload"]) != record["hash"]:
        return f"{name} was changed after it was written"
    if payload["number"] != last.number + 1 or payload["business_day"] <= last.day:
        return f"{name} does not follow seal {last.number} of {last.day or 'no day'}"
    ends = dict(last.ends)
    for till, head in sorted(payload["heads"].items()):
        if head["first"] != ends.get(till, 0) + 1:
            return (
                f"{name} begins till {till} at sequence {head['first']}, and the last one ended at {ends.get(till, 0)}"
            )
        if not _ends_with(walk.chains.get(till, []), head, ends.get(till, 0)):
            return f"{name} sealed till {till} at sequence {head['last']} with another hash"
        ends[till] = head["last"]
    walk.seals[bureau] = _Sealed(payload["number"], payload["business_day"], record["hash"], ends)
    return None


def _ends_with(chain: list[str], head: dict[str, Any], ended: int) -> bool:
    """Tell whether a sealed stretch, which may be empty, ends in a document of that hash."""
    last = int(head["last"])
    if last == ended == 0:
        return True
    return ended <= last <= len(chain) and chain[last - 1] == head["hash"]
