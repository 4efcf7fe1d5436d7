"""The cashier's shift: float, safe drops, blind count, sign-off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max, Sum

from gridtill.apps.audit.operations import record_write
from gridtill.apps.ledger.choices import EntryKind
from gridtill.apps.ledger.operations import EntryHead, Line, post_entry
from gridtill.apps.organization.queries import utility_settings
from gridtill.apps.vending.choices import DocumentKind, ShiftState, TenderKind
from gridtill.apps.vending.models import CashierShift, CashMovement, ShiftTender, Till
from gridtill.apps.vending.operations.documents import append_document, check_same_request, lock_till
from gridtill.kernel.actors import Actor
from gridtill.kernel.clock import business_day
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id

MINOR_MAXIMUM = 10**15
_FACE_MAXIMUM = 10**9


class ShiftRefused(Refusal):
    """The shift, or the till, is in a state that forbids this."""

    code = "shift_refused"


class MoreThanHeld(InvalidValue):
    """More cash is to leave the drawer than the books say lies there."""

    code = "more_than_held"


@transaction.atomic
def open_shift(*, request_id: UUID, till_id: int, float_minor: int, actor: Actor, at: datetime) -> CashierShift:
    """
    Open a shift with the float that lies in the drawer; the float comes out of the safe.

    The same request again returns the shift that it opened.

    :raises ShiftRefused: if the till or the cashier has an open shift
    """
    _check_amount(float_minor, "float")
    till = lock_till(till_id)
    actor.require("vend.sell", till.point_of_sale.unit.path)
    if not till.is_active or not till.point_of_sale.is_active:
        raise ShiftRefused("This till was taken out of use.", remedy="Choose another till.")
    again = CashierShift.objects.filter(documents__subject_id=request_id, documents__kind=DocumentKind.SHIFT_OPENED)
    if (shift := again.first()) is not None:
        check_same_request(
            same=(shift.till_id, shift.cashier_id, shift.float_minor) == (till_id, actor.id, float_minor)
        )
        return shift
    _check_free(till, actor)
    latest = CashierShift.objects.filter(till=till).aggregate(latest=Max("number"))["latest"] or 0
    try:
        with transaction.atomic():
            shift = CashierShift.objects.create(
                till=till,
                cashier_id=actor.person_id,
                number=latest + 1,
                business_day=business_day(at, utility_settings().zone),
                opened_at=at,
                float_minor=float_minor,
            )
    except IntegrityError:
        raise ShiftRefused("You have an open shift at another till.", remedy="Close it first.") from None
    ShiftTender.objects.bulk_create([ShiftTender(shift=shift, kind=kind) for kind in TenderKind])
    document = append_document(
        till=till,
        shift=shift,
        kind=DocumentKind.SHIFT_OPENED,
        subject_id=request_id,
        at=at,
        content={"cashier": actor.name, "float_minor": float_minor},
    )
    _post(shift, document.number, at, [Line(f"1000.{till.code}", float_minor), Line("1200", -float_minor)])
    _audit(shift, "opened", actor, at, {"float_minor": float_minor})
    return shift


def _check_free(till: Till, actor: Actor) -> None:
    busy = CashierShift.objects.filter(till=till, state=ShiftState.OPEN).select_related("cashier").first()
    if busy is not None:
        raise ShiftRefused(
            "{till} has an open shift of {cashier}.",
            remedy="Close that shift, or take another till.",
            till=till.name,
            cashier=busy.cashier.full_name,
        )
    if CashierShift.objects.filter(cashier_id=actor.id, state=ShiftState.OPEN).exists():
        raise ShiftRefused("You have an open shift at another till.", remedy="Close it first.")


def drop_to_safe(*, request_id: UUID, shift_id: int, amount_minor: int, actor: Actor, at: datetime) -> CashMovement:
    """
    Move cash from the drawer to the safe during a shift; the same request moves it once.

    A try to move more than the drawer holds is put on record: each tells what lies there, which the count may not.

    :raises ShiftRefused: if the shift is not open or not the actor's
    :raises InvalidValue: if the amount is not positive, or more than the drawer should hold
    """
    try:
        return _drop(request_id, shift_id, amount_minor, actor, at)
    except MoreThanHeld:
        _audit(CashierShift.objects.get(pk=shift_id), "drop_refused", actor, at, {"amount_minor": amount_minor})
        raise


@transaction.atomic
def _drop(request_id: UUID, shift_id: int, amount_minor: int, actor: Actor, at: datetime) -> CashMovement:
    _check_amount(amount_minor, "amount")
    till, shift = _lock_shift(shift_id)
    done = CashMovement.objects.filter(pk=request_id).first()
    if done is not None:
        check_same_request(same=(done.shift_id, done.amount_minor) == (shift_id, amount_minor))
        return done
    _check_own(shift, actor)
    if amount_minor == 0:
        raise InvalidValue("There is nothing to move.", field="amount")
    if amount_minor > expected_cash(shift):
        raise MoreThanHeld(
            "The drawer does not hold that much by the books. Nothing was moved.",
            remedy="Count the cash and enter the amount again.",
            field="amount",
        )
    movement = CashMovement.objects.create(
        id=request_id, shift=shift, amount_minor=amount_minor, at=at, actor_name=actor.name
    )
    document = append_document(
        till=till,
        shift=shift,
        kind=DocumentKind.SAFE_DROP,
        subject_id=request_id,
        at=at,
        content={"cashier": actor.name, "amount_minor": amount_minor},
    )
    _post(shift, document.number, at, [Line("1200", amount_minor), Line(f"1000.{till.code}", -amount_minor)])
    _audit(shift, "dropped", actor, at, {"amount_minor": amount_minor})
    return movement


@transaction.atomic
def count_shift(
    *, request_id: UUID, shift_id: int, denominations: Mapping[int, int], note: str, actor: Actor, at: datetime
) -> CashierShift:
    """
    End selling and record the cash as counted, blind: no answer tells beforehand what is expected.

    ``denominations`` maps face value in minor units to pieces. What differs from the
    books is posted to over and short, and the counted cash goes to the safe. A cashier who
    is away is counted for by somebody who may sign, with a note that says why.

    :raises ShiftRefused: if the shift is not open, or another's whom the actor may not count for
    :raises InvalidValue: if it is counted for somebody else without a note, or the pieces cannot be
    """
    till, shift = _lock_shift(shift_id)
    if shift.state != ShiftState.OPEN and shift.documents.filter(subject_id=request_id).exists():
        return shift
    stands_in = shift.cashier_id != actor.id
    if stands_in:
        _check_stand_in(shift, till, note, actor)
    else:
        _check_own(shift, actor)
    counted = _count(denominations)
    expected = expected_cash(shift)
    shift.state, shift.counted_at, shift.counted_minor, shift.expected_minor = (
        ShiftState.COUNTED,
        at,
        counted,
        expected,
    )
    shift.denominations = {str(face): pieces for face, pieces in sorted(denominations.items()) if pieces}
    shift.note = note.strip()[:500]
    shift.counted_by_id = actor.person_id if stands_in else None
    shift.version += 1
    shift.save()
    document = append_document(
        till=till,
        shift=shift,
        kind=DocumentKind.SHIFT_COUNTED,
        subject_id=request_id,
        at=at,
        content={
            "cashier": shift.cashier.full_name if stands_in else actor.name,
            "counted_by": actor.name,
            "counted_minor": counted,
            "expected_minor": expected,
            "denominations": shift.denominations,
            "tenders": {row.kind: [row.sold_minor, row.reversed_minor] for row in shift.tenders.order_by("kind")},
            "note": shift.note,
        },
    )
    drawer = f"1000.{till.code}"
    _post(
        shift, document.number, at, [Line("1200", counted), Line("5000", expected - counted), Line(drawer, -expected)]
    )
    _audit(shift, "counted", actor, at, {"counted_minor": counted, "expected_minor": expected})
    return shift


@transaction.atomic
def sign_shift(*, shift_id: int, note: str, actor: Actor, at: datetime) -> CashierShift:
    """
    Close a counted shift by a second person's signature.

    :raises ShiftRefused: if it is not counted, or the signer is its cashier
    :raises InvalidValue: if the count differs from the books and nobody says how that may be
    """
    till, shift = _lock_shift(shift_id)
    actor.require("shift.sign", till.point_of_sale.unit.path)
    if shift.state == ShiftState.CLOSED:
        raise ShiftRefused("This shift was signed already.")
    if shift.state != ShiftState.COUNTED:
        raise ShiftRefused("This shift is not counted yet.", remedy="Let the cashier count the drawer first.")
    if actor.id in {shift.cashier_id, shift.counted_by_id}:
        raise ShiftRefused("Nobody signs what they counted themselves.", remedy="Ask another supervisor.")
    if shift.counted_minor != shift.expected_minor and not (note.strip() or shift.note):
        raise InvalidValue(
            "The count differs from the books. Nothing was signed.",
            remedy="Say in a note how the difference may have come about.",
            field="note",
        )
    shift.state, shift.closed_at, shift.signed_by_id = ShiftState.CLOSED, at, actor.id
    shift.version += 1
    shift.save()
    append_document(
        till=till,
        shift=shift,
        kind=DocumentKind.SHIFT_CLOSED,
        subject_id=new_id(),
        at=at,
        content={
            "signed_by": actor.name,
            "note": note.strip()[:500],
            "counted_minor": shift.counted_minor,
            "expected_minor": shift.expected_minor,
        },
    )
    _audit(shift, "signed", actor, at, {"signed_by": actor.name})
    return shift


def expected_cash(shift: CashierShift) -> int:
    """Return the cash that the books say lies in a shift's drawer, the float included, in minor units."""
    cash = ShiftTender.objects.get(shift=shift, kind=TenderKind.CASH)
    dropped = CashMovement.objects.filter(shift=shift).aggregate(total=Sum("amount_minor"))["total"] or 0
    return shift.float_minor + cash.sold_minor - cash.reversed_minor - dropped


def _lock_shift(shift_id: int) -> tuple[Till, CashierShift]:
    till_id = CashierShift.objects.values_list("till_id", flat=True).get(pk=shift_id)
    # The till first, as the sale does; the shift's own row is read under that lock.
    till = lock_till(till_id)
    return till, CashierShift.objects.get(pk=shift_id)


def _check_own(shift: CashierShift, actor: Actor) -> None:
    if shift.state != ShiftState.OPEN:
        raise ShiftRefused("This shift is not open any more. Nothing was changed.")
    if shift.cashier_id != actor.id:
        raise ShiftRefused("This is another cashier's shift. Nothing was changed.")


def _check_stand_in(shift: CashierShift, till: Till, note: str, actor: Actor) -> None:
    actor.require("shift.sign", till.point_of_sale.unit.path)
    if shift.state != ShiftState.OPEN:
        raise ShiftRefused("This shift is not open any more. Nothing was changed.")
    if len(note.strip()) < 3:
        raise InvalidValue("Say in a note why you count for the cashier.", field="note")


def _check_amount(minor: int, field: str) -> None:
    if not 0 <= minor <= MINOR_MAXIMUM:
        raise InvalidValue("The amount cannot be negative or that large.", field=field)


def _count(denominations: Mapping[int, int]) -> int:
    for face, pieces in denominations.items():
        if not 0 < face <= _FACE_MAXIMUM or not 0 <= pieces <= 1_000_000:
            raise InvalidValue("A count of pieces is a whole number from 0.", field="denominations")
    return sum(face * pieces for face, pieces in denominations.items())


def _post(shift: CashierShift, reference: str, at: datetime, lines: list[Line]) -> None:
    if any(line.amount_minor for line in lines):
        head = EntryHead(new_id(), EntryKind.SHIFT, reference, shift.business_day, at, at)
        post_entry(head=head, lines=lines)


def _audit(shift: CashierShift, act: str, actor: Actor, at: datetime, after: Mapping[str, object]) -> None:
    record_write(
        actor=actor,
        at=at,
        action=f"vending.shift.{act}",
        subject=shift,
        unit_path=shift.till.point_of_sale.unit.path,
        after=after,
    )
