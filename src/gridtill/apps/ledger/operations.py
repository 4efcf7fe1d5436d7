"""Every write to the books: accounts, and entries that balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from gridtill.apps.ledger.choices import AccountKind, EntryKind
from gridtill.apps.ledger.models import JournalEntry, LedgerAccount, Posting
from gridtill.kernel.errors import Refusal

CHART = (
    ("1100", "Mobile money to be settled", AccountKind.ASSET),
    ("1110", "Bank cards to be settled", AccountKind.ASSET),
    ("1120", "Cheques in hand", AccountKind.ASSET),
    ("1200", "Safe", AccountKind.ASSET),
    ("1300", "Bank in transit", AccountKind.ASSET),
    ("1310", "Bank", AccountKind.ASSET),
    ("1400", "Debt receivable", AccountKind.ASSET),
    ("2000", "Customer prepayment", AccountKind.LIABILITY),
    ("4900", "Rounding", AccountKind.INCOME),
    ("4950", "Debts set up", AccountKind.INCOME),
    ("5000", "Over and short", AccountKind.EXPENSE),
)
_FAMILIES = {
    "1000": ("Till", AccountKind.ASSET),
    "2100": ("Taxes payable", AccountKind.LIABILITY),
    "2200": ("Levies payable", AccountKind.LIABILITY),
    "4000": ("Energy revenue", AccountKind.INCOME),
    "4100": ("Charges", AccountKind.INCOME),
    "4200": ("Pass-through", AccountKind.INCOME),
}
_ids: dict[str, int] = {}


class EntryUnbalanced(Refusal):
    """The postings of an entry do not sum to zero, or there are fewer than two."""

    code = "entry_unbalanced"


class AlreadyReversed(Refusal):
    """The entry was reversed before; a second counter-entry would undo it twice."""

    code = "already_reversed"


@dataclass(frozen=True, slots=True)
class Line:
    """One posting to be: an account's code, and minor units, debits positive."""

    account: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class EntryHead:
    """What an entry says about itself; ``reference`` is the number of its document."""

    id: UUID
    kind: EntryKind
    reference: str
    business_day: date
    effective_at: datetime
    recorded_at: datetime


def ensure_chart() -> None:
    """Create the accounts that every utility has; doing it again changes nothing."""
    for code, name, kind in CHART:
        LedgerAccount.objects.get_or_create(code=code, defaults={"name": name, "kind": kind})


def account_id(code: str) -> int:
    """
    Return the id of an account, creating it when its family (4000.residential) is known.

    :raises KeyError: if the code belongs to no family and does not exist
    """
    if code in _ids:
        return _ids[code]
    family, _, member = code.partition(".")
    found = LedgerAccount.objects.filter(code=code).values_list("id", flat=True).first()
    if found is None:
        label, kind = _FAMILIES[family]
        # Not remembered yet: the transaction that creates it may still be rolled back.
        return LedgerAccount.objects.get_or_create(code=code, defaults={"name": f"{label} {member}", "kind": kind})[
            0
        ].pk
    _ids[code] = found
    return found


def forget_accounts() -> None:
    """Drop the remembered account ids, for processes that change databases."""
    _ids.clear()


def check_balance(lines: Sequence[Line]) -> list[Line]:
    """
    Return the lines that are not zero, after making sure that they balance.

    :raises EntryUnbalanced: if they do not sum to zero, or fewer than two remain
    """
    kept = [line for line in lines if line.amount_minor]
    total = sum(line.amount_minor for line in kept)
    if total or len(kept) < 2:
        raise EntryUnbalanced(f"An entry of {len(kept)} postings sums to {total}; nothing was written.")
    return kept


@transaction.atomic
def post_entry(*, head: EntryHead, lines: Sequence[Line]) -> JournalEntry:
    """
    Write an entry and its postings; neither is ever changed afterwards.

    :raises EntryUnbalanced: if the lines do not sum to zero
    """
    kept = check_balance(lines)
    # Postings first: on SQLite the entry seals them, and the foreign key waits for the commit.
    Posting.objects.bulk_create(
        [
            Posting(entry_id=head.id, account_id=account_id(line.account), amount_minor=line.amount_minor)
            for line in kept
        ]
    )
    return JournalEntry.objects.create(
        id=head.id,
        kind=head.kind,
        reference=head.reference,
        business_day=head.business_day,
        effective_at=head.effective_at,
        recorded_at=head.recorded_at,
    )


@transaction.atomic
def reverse_entry(*, original_id: UUID, head: EntryHead, moved: Mapping[str, str] | None = None) -> JournalEntry:
    """
    Write the counter-entry of an entry, and name the original in it.

    ``moved`` sends the counter-posting of one account to another, for instance the
    cash of a late reversal to the drawer that really pays it out.

    :raises AlreadyReversed: if the original has a counter-entry
    """
    if JournalEntry.objects.filter(reverses_id=original_id).exists():
        raise AlreadyReversed("This was reversed already. Nothing was changed.")
    moved = moved or {}
    originals = Posting.objects.filter(entry_id=original_id).select_related("account")
    Posting.objects.bulk_create(
        [
            Posting(
                entry_id=head.id,
                account_id=account_id(moved.get(posting.account.code, posting.account.code)),
                amount_minor=-posting.amount_minor,
            )
            for posting in originals
        ]
    )
    return JournalEntry.objects.create(
        id=head.id,
        kind=head.kind,
        reference=head.reference,
        reverses_id=original_id,
        business_day=head.business_day,
        effective_at=head.effective_at,
        recorded_at=head.recorded_at,
    )


# The sale writes its entry inside one statement with everything else. The books'
# part of that statement is kept here, so that only this module spells these tables.
SALE_FRAGMENTS = {
    "postgresql": (
        (
            "postings",
            "INSERT INTO ledger_posting (entry_id, account_id, amount_minor) SELECT %(id)s::uuid, p.a, p.m"
            " FROM unnest(%(posting_accounts)s::bigint[], %(posting_amounts)s::bigint[]) AS p(a, m)",
        ),
        (
            "entry",
            "INSERT INTO ledger_journalentry"
            " (id, kind, reference, reverses_id, business_day, effective_at, recorded_at)"
            " VALUES (%(id)s::uuid, 'VEND', %(number)s, NULL, %(business_day)s::date, %(at)s, %(at)s)",
        ),
    ),
    "sqlite": (
        (
            "postings",
            "INSERT INTO ledger_posting (entry_id, account_id, amount_minor)"
            " SELECT :id, p.value ->> 0, p.value ->> 1 FROM json_each(:postings) AS p",
        ),
        (
            "entry",
            "INSERT INTO ledger_journalentry"
            " (id, kind, reference, reverses_id, business_day, effective_at, recorded_at)"
            " VALUES (:id, 'VEND', :number, NULL, :business_day, :at, :at)",
        ),
    ),
}
