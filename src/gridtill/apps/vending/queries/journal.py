"""Exporting the sales journal in the form that `gridtill journal verify` walks."""

from __future__ import annotations

import json
from collections.abc import Iterator

from gridtill.apps.vending.models import DayClose, SalesDocument


def export_lines() -> Iterator[str]:
    """
    Yield every document of every till in order, then every seal, as JSON lines.

    Selling may go on meanwhile: the seals are read first, so that all they seal is among the documents.
    """
    closes = list(DayClose.objects.select_related("bureau").order_by("bureau_id", "number"))
    documents = SalesDocument.objects.select_related("till").order_by("till_id", "sequence")
    for document in documents.iterator(chunk_size=2000):
        yield json.dumps(
            {
                "till": document.till.code,
                "sequence": document.sequence,
                "number": document.number,
                "previous_hash": document.previous_hash,
                "payload": document.payload,
                "hash": document.hash,
            },
            ensure_ascii=False,
        )
    for close in closes:
        yield json.dumps(
            {
                "seal": close.bureau.code,
                "previous_hash": close.previous_hash,
                "payload": close.payload,
                "hash": close.hash,
            },
            ensure_ascii=False,
        )
