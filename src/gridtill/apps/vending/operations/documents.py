"""Adding a document to a till's chain, for every act but the sale itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from gridtill.apps.vending.choices import DocumentKind
from gridtill.apps.vending.models import CashierShift, SalesDocument, Till
from gridtill.kernel.canonical import canonical_json
from gridtill.kernel.chain import link
from gridtill.kernel.errors import Refusal


class RequestReused(Refusal):
    """The request id was used before, for something else."""

    code = "request_reused"
    remedy = "Load the page again; what was done before stands as it is."


def check_same_request(*, same: bool) -> None:
    """
    Make sure that a repeat asks for what was done under its request id.

    :raises RequestReused: if it asks for something else
    """
    if not same:
        raise RequestReused("This page was sent before with other contents, and that was done. Nothing was done now.")


def lock_till(till_id: int) -> Till:
    """Lock a till until the transaction ends; every document of it is written under this lock."""
    return Till.objects.select_for_update(no_key=True).get(pk=till_id)


def append_document(
    *,
    till: Till,
    shift: CashierShift,
    kind: DocumentKind,
    subject_id: UUID | None,
    at: datetime,
    content: Mapping[str, Any],
) -> SalesDocument:
    """
    Write the next document of a locked till and move its head.

    ``content`` gets the number, the sequence, the till and the moment added to it.
    """
    sequence = till.document_sequence + 1
    number = f"{till.code}-{sequence:08d}"
    payload = canonical_json(
        {
            **content,
            "kind": kind.value,
            "number": number,
            "sequence": sequence,
            "till": till.code,
            "shift": shift.number,
            "at": at.astimezone(UTC).isoformat(),
            "business_day": shift.business_day.isoformat(),
        }
    )
    document = SalesDocument.objects.create(
        till=till,
        sequence=sequence,
        number=number,
        kind=kind,
        subject_id=subject_id,
        shift=shift,
        at=at,
        payload=payload,
        previous_hash=till.head_hash,
        hash=link(till.head_hash, payload),
    )
    till.document_sequence = sequence
    till.head_hash = document.hash
    till.save(update_fields=["document_sequence", "head_hash"])
    return document
