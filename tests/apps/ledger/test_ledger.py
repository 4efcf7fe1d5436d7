"""The books balance because the database refuses what does not, not because the code is careful."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from django.db import Error, transaction

from gridtill.apps.ledger.choices import EntryKind
from gridtill.apps.ledger.models import JournalEntry, Posting
from gridtill.apps.ledger.operations import (
    AlreadyReversed,
    EntryHead,
    EntryUnbalanced,
    Line,
    account_id,
    ensure_chart,
    forget_accounts,
    post_entry,
    reverse_entry,
)
from gridtill.apps.ledger.queries import balance_of, is_balanced, trial_balance

AT = datetime(2026, 11, 5, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def head(entry_id: UUID | None = None, *, reference: str = "T01-1") -> EntryHead:
    return EntryHead(entry_id or uuid4(), EntryKind.SHIFT, reference, date(2026, 11, 5), AT, AT)


@pytest.fixture(autouse=True)
def chart() -> Iterator[None]:
    forget_accounts()
    ensure_chart()
    yield
    forget_accounts()


def write_raw(*entries: tuple[int, ...]) -> None:
    """Write entries as careless code would, past every check of ours; all postings in one statement."""
    ids = [uuid4() for _ in entries]
    rows = zip(ids, entries, strict=True)
    Posting.objects.bulk_create(
        [
            Posting(entry_id=entry_id, account_id=account_id("1200"), amount_minor=amount)
            for entry_id, amounts in rows
            for amount in amounts
        ]
    )
    for entry_id in ids:
        JournalEntry.objects.create(
            id=entry_id,
            kind=EntryKind.SHIFT,
            reference="X",
            business_day=date(2026, 11, 5),
            effective_at=AT,
            recorded_at=AT,
        )


@pytest.mark.parametrize("amounts", [(1,), (100, -99), (100, -100, 1), (5, 5)])
def test_the_database_refuses_postings_that_do_not_balance(amounts: tuple[int, ...]) -> None:
    with pytest.raises(Error, match="does not balance"), transaction.atomic():
        write_raw(amounts)

    assert not Posting.objects.exists()


def test_the_database_takes_postings_that_balance() -> None:
    write_raw((100, -60, -40))

    assert is_balanced()


def test_an_entry_does_not_hide_the_imbalance_of_another() -> None:
    """Two entries in one statement that cancel each other out are both wrong."""
    with pytest.raises(Error), transaction.atomic():
        write_raw((7, 3), (-7, -3))


@pytest.mark.parametrize("lines", [[], [Line("1200", 5)], [Line("1200", 0), Line("1310", 0)]])
def test_an_entry_needs_two_sides(lines: list[Line]) -> None:
    with pytest.raises(EntryUnbalanced):
        post_entry(head=head(), lines=lines)

    assert not JournalEntry.objects.exists()


def test_an_entry_is_never_changed() -> None:
    entry = post_entry(head=head(), lines=[Line("1200", 5), Line("1310", -5)])

    with pytest.raises(Error), transaction.atomic():
        Posting.objects.filter(entry=entry).update(amount_minor=6)
    with pytest.raises(Error), transaction.atomic():
        Posting.objects.filter(entry=entry)._raw_delete("default")
    with pytest.raises(Error), transaction.atomic():
        JournalEntry.objects.filter(pk=entry.pk).update(reference="other")

    assert balance_of("1200") == 5


def test_a_counter_entry_undoes_an_entry_once() -> None:
    entry = post_entry(head=head(), lines=[Line("1200", 5), Line("1310", -5)])

    reverse_entry(original_id=entry.pk, head=head(reference="T01-2"))

    assert (balance_of("1200"), balance_of("1310")) == (0, 0)
    with pytest.raises(AlreadyReversed):
        reverse_entry(original_id=entry.pk, head=head(reference="T01-3"))
    assert Posting.objects.count() == 4


def test_a_counter_entry_may_pay_out_of_another_drawer() -> None:
    entry = post_entry(head=head(), lines=[Line("1000.T01", 5), Line("1310", -5)])

    reverse_entry(original_id=entry.pk, head=head(reference="T02-1"), moved={"1000.T01": "1000.T02"})

    assert (balance_of("1000.T01"), balance_of("1000.T02"), balance_of("1310")) == (5, -5, 0)
    assert sum(row.amount_minor for row in trial_balance()) == 0


def test_an_account_of_no_family_is_not_made_up() -> None:
    with pytest.raises(KeyError):
        account_id("7777.T01")
