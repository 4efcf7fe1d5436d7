"""Reading the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Sum

from gridtill.apps.ledger.models import JournalEntry, LedgerAccount, Posting


@dataclass(frozen=True, slots=True)
class Balance:
    """An account and what it stands at, debits positive, in minor units."""

    code: str
    name: str
    kind: str
    amount_minor: int


def balance_of(code: str) -> int:
    """Return what an account stands at, debits positive; zero for one that was never posted to."""
    return Posting.objects.filter(account__code=code).aggregate(total=Sum("amount_minor"))["total"] or 0


def trial_balance(*, until: date | None = None) -> list[Balance]:
    """Return every account with its balance at the end of a business day; they sum to zero."""
    postings = Posting.objects.all()
    if until is not None:
        postings = postings.filter(entry__business_day__lte=until)
    totals = dict(postings.values_list("account_id").annotate(total=Sum("amount_minor")))
    return [
        Balance(account.code, account.name, account.kind, totals.get(account.pk, 0))
        for account in LedgerAccount.objects.order_by("code")
    ]


def lines_of(reference: str) -> list[tuple[str, int]]:
    """Return the account codes and amounts that a document was booked with."""
    return list(
        Posting.objects.filter(entry__reference=reference).order_by("id").values_list("account__code", "amount_minor")
    )


def reference_of(entry_id: UUID) -> str | None:
    """Return what the entry with an id refers to, None if there is no such entry."""
    return JournalEntry.objects.values_list("reference", flat=True).filter(pk=entry_id).first()


def is_balanced() -> bool:
    """Tell whether all postings sum to zero, in total and entry by entry."""
    total = Posting.objects.aggregate(total=Sum("amount_minor"))["total"] or 0
    crooked = Posting.objects.values("entry_id").annotate(total=Sum("amount_minor")).exclude(total=0).exists()
    orphaned = JournalEntry.objects.filter(postings=None).exists()
    return total == 0 and not crooked and not orphaned
