"""Closing a day and banking what it brought."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Min, Sum

from gridtill.apps.audit.operations import record_write
from gridtill.apps.ledger.choices import EntryKind
from gridtill.apps.ledger.operations import EntryHead, Line, post_entry
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.organization.queries import utility_settings
from gridtill.apps.vending.choices import BatchState, DocumentKind, ShiftState, TenderKind, VendState
from gridtill.apps.vending.models import (
    BankingBatch,
    CashierShift,
    DayClose,
    DayTotal,
    PointOfSale,
    SalesDocument,
    Tender,
    Till,
    Vend,
    VendReversal,
)
from gridtill.apps.vending.operations.documents import check_same_request
from gridtill.kernel.actors import Actor
from gridtill.kernel.canonical import canonical_json
from gridtill.kernel.chain import genesis, link
from gridtill.kernel.clock import business_day
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id


class DayNotClosable(Refusal):
    """The day has open ends, lies ahead, or was closed."""

    code = "day_not_closable"


class BankingRefused(Refusal):
    """These shifts cannot be banked, or the batch is past that."""

    code = "banking_refused"


@dataclass(frozen=True, slots=True)
class _Range:
    """The documents of one till that a close covers: after ``first`` up to and including ``last``."""

    till: Till
    first: int
    last: int
    hash: str

    def documents(self) -> Any:
        return SalesDocument.objects.filter(till=self.till, sequence__gt=self.first, sequence__lte=self.last)


@transaction.atomic
def close_day(*, request_id: UUID, bureau_id: int, day: date, actor: Actor, at: datetime) -> DayClose:
    """
    Close a business day of a bureau: seal all tills' chains together and fix the day's totals.

    Covered is every document since the last close up to the first one of a later
    day, so closes cannot overlap and late items fall into this one, named.

    :raises DayNotClosable: naming shifts that are not signed, or if the day is not the next to close
    """
    bureau = OrganizationUnit.objects.select_for_update(no_key=True).get(pk=bureau_id, kind="BUREAU")
    actor.require("day.close", bureau.path)
    done = DayClose.objects.filter(pk=request_id).first()
    if done is not None:
        check_same_request(same=(done.bureau_id, done.business_day) == (bureau_id, day))
        return done
    previous = DayClose.objects.filter(bureau=bureau).order_by("-number").first()
    # Locked before it is asked whether a shift is open, so that none opens in between.
    tills = list(Till.objects.select_for_update(no_key=True).filter(bureau=bureau).order_by("id"))
    _check_day(bureau, previous, day, at)
    _check_none_skipped(tills, previous, day)
    ranges = [_range_of(till, previous, day) for till in tills]
    number = previous.number + 1 if previous else 1
    payload = canonical_json(
        {
            "number": number,
            "bureau": bureau.code,
            "business_day": day.isoformat(),
            "closed_at": at.astimezone(UTC).isoformat(),
            "closed_by": actor.name,
            "heads": {
                item.till.code: {"first": item.first + 1, "last": item.last, "hash": item.hash} for item in ranges
            },
            "totals": {item.till.code: _totals(item) for item in ranges},
            "late": [line for item in ranges for line in _late(item, day)],
        }
    )
    before = previous.hash if previous else genesis(bureau.code)
    close = DayClose.objects.create(
        id=request_id,
        bureau=bureau,
        number=number,
        business_day=day,
        closed_at=at,
        closed_by_id=actor.person_id,
        payload=payload,
        previous_hash=before,
        hash=link(before, payload),
    )
    DayTotal.objects.bulk_create([row for item in ranges for row in _total_rows(close, item)])
    record_write(
        actor=actor,
        at=at,
        action="vending.day.closed",
        subject=close,
        unit_path=bureau.path,
        after={"number": number, "business_day": day.isoformat(), "hash": close.hash},
        request_id=request_id,
    )
    return close


def _check_day(bureau: OrganizationUnit, previous: DayClose | None, day: date, at: datetime) -> None:
    if day > business_day(at, utility_settings().zone):
        raise DayNotClosable("That day has not begun yet.", field="day")
    if previous is not None and day <= previous.business_day:
        raise DayNotClosable(
            "The books are closed up to {day}.",
            day=previous.business_day.isoformat(),
            remedy="Late items appear in the next close, with their day.",
            field="day",
        )
    open_shifts = (
        CashierShift.objects.filter(till__bureau=bureau, business_day__lte=day)
        .exclude(state=ShiftState.CLOSED)
        .select_related("till", "cashier")
        .order_by("till__code", "number")
    )
    if open_shifts:
        names = ", ".join(f"{shift.till.name} ({shift.cashier.full_name})" for shift in open_shifts)
        raise DayNotClosable(
            "These shifts are not signed yet: {names}. Nothing was closed.",
            names=names,
            remedy="Let them be counted and signed, then close the day.",
        )


def _check_none_skipped(tills: list[Till], previous: DayClose | None, day: date) -> None:
    """A day with documents is closed before a later one, or it could never be closed as itself."""
    heads = _heads(previous)
    days = []
    for till in tills:
        unsealed = SalesDocument.objects.filter(till=till, sequence__gt=heads.get(till.code, 0))
        if previous is not None:
            unsealed = unsealed.filter(shift__business_day__gt=previous.business_day)
        earliest = unsealed.aggregate(least=Min("shift__business_day"))["least"]
        if earliest is not None:
            days.append(earliest)
    if days and min(days) < day:
        raise DayNotClosable(
            "{day} was not closed yet. Nothing was closed.",
            day=min(days).isoformat(),
            remedy="Close that day first.",
            field="day",
        )


def _heads(previous: DayClose | None) -> dict[str, int]:
    """Return by till how far its chain is sealed."""
    if previous is None:
        return {}
    return {code: head["last"] for code, head in json.loads(previous.payload)["heads"].items()}


def _range_of(till: Till, previous: DayClose | None, day: date) -> _Range:
    first = _heads(previous).get(till.code, 0)
    documents = SalesDocument.objects.filter(till=till, sequence__gt=first)
    later = documents.filter(shift__business_day__gt=day).aggregate(least=Min("sequence"))["least"]
    if later is not None:
        documents = documents.filter(sequence__lt=later)
    last = documents.aggregate(most=Max("sequence"))["most"] or first
    hash_at = SalesDocument.objects.filter(till=till, sequence=last).values_list("hash", flat=True).first()
    return _Range(till, first, last, hash_at or genesis(till.code))


def _vends(item: _Range) -> Any:
    return Vend.objects.filter(pk__in=item.documents().filter(kind=DocumentKind.VEND).values("subject_id"))


def _reversals(item: _Range) -> Any:
    return VendReversal.objects.filter(pk__in=item.documents().filter(kind=DocumentKind.REVERSAL).values("subject_id"))


def _totals(item: _Range) -> dict[str, Any]:
    sold = _vends(item).aggregate(
        count=Count("id"),
        total=Sum("total_minor"),
        energy=Sum("energy_wh"),
        energy_money=Sum("energy_minor"),
        charges=Sum("charges_minor"),
        taxes=Sum("taxes_minor"),
        debt=Sum("debt_minor"),
        carry=Sum("carry_minor"),
    )
    reversed_ = _reversals(item).aggregate(
        count=Count("id"), total=Sum("vend__total_minor"), energy=Sum("vend__energy_wh")
    )
    kinds = Tender.objects.filter(vend__in=_vends(item)).values("kind").annotate(total=Sum("amount_minor"))
    return {
        "count": sold["count"],
        "total_minor": sold["total"] or 0,
        "energy_wh": sold["energy"] or 0,
        "energy_minor": sold["energy_money"] or 0,
        "charges_minor": sold["charges"] or 0,
        "taxes_minor": sold["taxes"] or 0,
        "debt_minor": sold["debt"] or 0,
        "carry_minor": sold["carry"] or 0,
        "reversed_count": reversed_["count"],
        "reversed_minor": reversed_["total"] or 0,
        "reversed_wh": reversed_["energy"] or 0,
        "tenders": {row["kind"]: row["total"] for row in kinds.order_by("kind")},
        **_settled(item),
    }


def _settled(item: _Range) -> dict[str, int]:
    """Return what cancelled accounts were paid out and what was collected of them, in cash."""
    found = item.documents().filter(kind=DocumentKind.SETTLEMENT).values_list("payload", flat=True)
    dues = [int(json.loads(payload)["due_minor"]) for payload in found]
    return {
        "settled_count": len(dues),
        "settled_out_minor": sum(due for due in dues if due > 0),
        "settled_in_minor": -sum(due for due in dues if due < 0),
    }


def _late(item: _Range, day: date) -> list[dict[str, Any]]:
    late = item.documents().filter(shift__business_day__lt=day).exclude(kind=DocumentKind.SHIFT_CLOSED)
    return [
        {"number": number, "business_day": of.isoformat()}
        for number, of in late.order_by("sequence").values_list("number", "shift__business_day")
    ]


def _total_rows(close: DayClose, item: _Range) -> list[DayTotal]:
    tenders = Tender.objects.filter(vend__in=_vends(item)).values("kind").order_by("kind")
    sold: dict[str, Any] = {row["kind"]: row for row in tenders.annotate(n=Count("id"), money=Sum("amount_minor"))}
    # Energy of a purchase paid in two ways is counted once, under its first.
    firsts = _vends(item).annotate(first=Min("tenders__id")).values("first")
    energy = dict(
        Tender.objects.filter(pk__in=firsts)
        .values_list("kind")
        .annotate(energy=Sum("vend__energy_wh"))
        .order_by("kind")
    )
    gone = Tender.objects.filter(vend__reversal__in=_reversals(item)).values("kind").order_by("kind")
    back: dict[str, Any] = {row["kind"]: row for row in gone.annotate(n=Count("id"), money=Sum("amount_minor"))}
    first_back = _reversals(item).annotate(first=Min("vend__tenders__id")).values("first")
    back_wh = dict(
        Tender.objects.filter(pk__in=first_back)
        .values_list("kind")
        .annotate(energy=Sum("vend__energy_wh"))
        .order_by("kind")
    )
    settled = _settled(item)
    cash_moved = {TenderKind.CASH.value} if settled["settled_count"] else set()
    return [
        DayTotal(
            day_close=close,
            business_day=close.business_day,
            till=item.till,
            kind=kind,
            sold_count=sold.get(kind, {}).get("n", 0),
            sold_minor=sold.get(kind, {}).get("money", 0),
            energy_wh=energy.get(kind, 0),
            reversed_count=back.get(kind, {}).get("n", 0),
            reversed_minor=back.get(kind, {}).get("money", 0),
            reversed_wh=back_wh.get(kind, 0),
            settled_out_minor=settled["settled_out_minor"] if kind == TenderKind.CASH else 0,
            settled_in_minor=settled["settled_in_minor"] if kind == TenderKind.CASH else 0,
        )
        for kind in TenderKind.values
        if kind in sold or kind in back or kind in cash_moved
    ]


@dataclass(frozen=True, slots=True)
class Slip:
    """The deposit slip as written: bank and number."""

    bank: str
    number: str

    def check(self) -> None:
        """
        Make sure that both are there.

        :raises InvalidValue: naming the missing one
        """
        if not self.bank.strip() or len(self.bank) > 80:
            raise InvalidValue("Name the bank.", field="bank")
        if not self.number.strip() or len(self.number) > 40:
            raise InvalidValue("Enter the number of the deposit slip.", field="slip_number")


def takings(shift: CashierShift) -> tuple[int, int]:
    """Return what a signed shift brings to the bank, in minor units: cash above its float, and cheques in hand."""
    dropped = sum(movement.amount_minor for movement in shift.movements.all())
    # By purchase and not by the shift's figures: a cheque may be given back, or come back, in a later shift.
    held = Tender.objects.filter(vend__shift=shift, kind=TenderKind.CHEQUE, bounced_at=None).exclude(
        vend__state=VendState.REVERSED
    )
    cheques = held.aggregate(total=Sum("amount_minor"))["total"] or 0
    # A drawer that was short of its float brings nothing; what is missing stands in over and short.
    return max(0, (shift.counted_minor or 0) - shift.float_minor + dropped), cheques


@transaction.atomic
def bank_shifts(*, request_id: UUID, shift_ids: Sequence[int], slip: Slip, actor: Actor, at: datetime) -> BankingBatch:
    """
    Send the takings of signed shifts of one hall to the bank; the same request sends them once.

    :raises BankingRefused: if a shift is not signed, is banked, or stands in another hall
    """
    slip.check()
    shifts = list(
        CashierShift.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=shift_ids)
        .select_related("till__point_of_sale__unit")
        .order_by("id")
    )
    done = BankingBatch.objects.filter(pk=request_id).first()
    if done is not None:
        check_same_request(
            same=(done.bank, done.slip_number, {shift.banking_batch_id for shift in shifts})
            == (slip.bank.strip(), slip.number.strip(), {done.pk})
        )
        return done
    _check_bankable(shifts, shift_ids, actor)
    if BankingBatch.objects.filter(bank=slip.bank.strip(), slip_number=slip.number.strip()).exists():
        raise BankingRefused("A batch with this slip number exists.", field="slip_number")
    sums = [takings(shift) for shift in shifts]
    cash, cheques = sum(item[0] for item in sums), sum(item[1] for item in sums)
    if cash + cheques <= 0:
        raise BankingRefused("These shifts brought nothing to bank. Nothing was banked.")
    # Batches of a hall are numbered one after the other.
    hall = PointOfSale.objects.select_for_update(no_key=True).get(pk=shifts[0].till.point_of_sale_id)
    count = BankingBatch.objects.filter(point_of_sale=hall).count()
    batch = BankingBatch.objects.create(
        id=request_id,
        number=f"B-{hall.code}-{count + 1:05d}",
        point_of_sale=hall,
        bank=slip.bank.strip(),
        slip_number=slip.number.strip(),
        amount_minor=cash + cheques,
        created_by_id=actor.person_id,
        created_at=at,
    )
    for shift in shifts:
        shift.banking_batch = batch
        shift.version += 1
        shift.save(update_fields=["banking_batch", "version"])
    _post(batch, at, [Line("1300", cash + cheques), Line("1200", -cash), Line("1120", -cheques)])
    _audit(batch, "sent", actor, at)
    return batch


def _check_bankable(shifts: list[CashierShift], wanted: Sequence[int], actor: Actor) -> None:
    if not shifts or len(shifts) != len(set(wanted)):
        raise BankingRefused("Choose the shifts to bank.")
    if len({shift.till.point_of_sale_id for shift in shifts}) > 1:
        raise BankingRefused("A batch holds shifts of one hall. Nothing was banked.")
    for shift in shifts:
        actor.require("shift.banking", shift.till.point_of_sale.unit.path)
        if shift.state != ShiftState.CLOSED or shift.banking_batch_id is not None:
            raise BankingRefused(
                "Shift {number} of {till} is not signed, or is banked already.",
                number=shift.number,
                till=shift.till.name,
            )


@transaction.atomic
def confirm_arrival(*, batch_id: UUID, actor: Actor, at: datetime) -> BankingBatch:
    """
    Record that the bank has a batch.

    :raises BankingRefused: if it was recorded before
    """
    batch = (
        BankingBatch.objects.select_for_update(of=("self",), no_key=True)
        .select_related("point_of_sale__unit")
        .get(pk=batch_id)
    )
    actor.require("shift.banking", batch.point_of_sale.unit.path)
    if batch.state == BatchState.ARRIVED:
        raise BankingRefused("The bank had this batch already.")
    batch.state, batch.arrived_at, batch.arrived_by_id = BatchState.ARRIVED, at, actor.person_id
    batch.save()
    # A cheque that came back on the way was taken out of transit then.
    returned = Tender.objects.filter(vend__shift__banking_batch=batch, kind=TenderKind.CHEQUE, bounced_at__isnull=False)
    returned = returned.filter(bounced_at__gte=batch.created_at)
    arrived = batch.amount_minor - (returned.aggregate(total=Sum("amount_minor"))["total"] or 0)
    _post(batch, at, [Line("1310", arrived), Line("1300", -arrived)])
    _audit(batch, "arrived", actor, at)
    return batch


def _post(batch: BankingBatch, at: datetime, lines: list[Line]) -> None:
    if any(line.amount_minor for line in lines):
        day = business_day(at, utility_settings().zone)
        post_entry(head=EntryHead(new_id(), EntryKind.BANKING, batch.number, day, at, at), lines=lines)


def _audit(batch: BankingBatch, act: str, actor: Actor, at: datetime) -> None:
    record_write(
        actor=actor,
        at=at,
        action=f"vending.batch.{act}",
        subject=batch,
        unit_path=batch.point_of_sale.unit.path,
        after={"number": batch.number, "amount_minor": batch.amount_minor, "state": batch.state},
    )
