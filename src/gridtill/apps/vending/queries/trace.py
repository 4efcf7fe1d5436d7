"""Everything that is known of one purchase, for whoever has to explain it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.ledger.queries import lines_of
from gridtill.apps.vending.models import ReceiptPrint, SalesDocument, Tender, TokenMessage, VendReversal
from gridtill.apps.vending.queries.counter import Sold, sold


@dataclass(frozen=True, slots=True)
class PurchaseTrace:
    """A purchase with its tenders, documents, postings, prints and the acts on it, oldest first."""

    sold: Sold
    tenders: list[Tender]
    documents: list[SalesDocument]
    postings: list[tuple[str, int]]
    prints: list[ReceiptPrint]
    acts: list[AuditRecord]
    reversal: VendReversal | None
    messages: list[TokenMessage]


def purchase_trace(vend_id: UUID, *, unit_path: str) -> PurchaseTrace:
    """
    Return all about one purchase within a unit.

    :raises Vend.DoesNotExist: if there is none there
    """
    found = sold(vend_id, unit_path=unit_path)
    reversal = VendReversal.objects.filter(vend_id=vend_id).select_related("requested_by", "approved_by").first()
    subjects = [str(vend_id), str(found.delivery.pk)]
    acts = AuditRecord.objects.filter(subject_kind__in=["vending.vend", "vending.delivery"], subject_id__in=subjects)
    records = list(acts.order_by("at", "id"))
    # Every act that wrote a document names it: the sale, its reversal, a cheque that came back.
    numbers = {str(record.after["number"]) for record in records if record.after and "number" in record.after}
    return PurchaseTrace(
        sold=found,
        tenders=list(Tender.objects.filter(vend_id=vend_id).order_by("id")),
        documents=list(_documents([found.vend.number, *numbers])),
        postings=lines_of(found.vend.number),
        prints=list(ReceiptPrint.objects.filter(document_id=found.document_id).order_by("at")),
        acts=records,
        reversal=reversal,
        messages=list(TokenMessage.objects.filter(vend_id=vend_id).select_related("sent_by").order_by("at")),
    )


def _documents(numbers: list[str]) -> QuerySet[SalesDocument]:
    return SalesDocument.objects.filter(number__in=numbers).order_by("at")
