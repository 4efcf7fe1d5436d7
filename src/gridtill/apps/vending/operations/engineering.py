"""
Tokens that test or set meters: asked for by one person, some agreed to by another, made one by one.

No money moves here. A clearing or a key change, which can give energy away or leave a meter
dumb, needs a second person; the rest is made at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction

from gridtill.apps.assets.choices import AssetStatus, TokenCarrier
from gridtill.apps.assets.models import Meter
from gridtill.apps.audit.operations import record_entries, record_write
from gridtill.apps.customers.queries import meters_within, reach_of
from gridtill.apps.keystore.operations import token_issuer
from gridtill.apps.vending.choices import EngineeringKind, EngineeringState
from gridtill.apps.vending.models import EngineeringToken
from gridtill.apps.vending.operations.documents import check_same_request
from gridtill.apps.vending.operations.standing import lock_identifiers
from gridtill.apps.vending.queries.key_changes import KEY_DATA, key_data_of, under_new_key
from gridtill.drivers.security.base import MeterSecurity, require_key_change
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.sts.amounts import UNITS_MAX
from gridtill.sts.errors import StsError
from gridtill.sts.tid import identifier_at, is_expired

MOST_METERS = 500
FOUR_EYES = frozenset((EngineeringKind.CLEAR_CREDIT, EngineeringKind.CLEAR_TAMPER, EngineeringKind.KEY_CHANGE))
WAITS = (EngineeringState.REQUESTED, EngineeringState.APPROVED, EngineeringState.WAITING)
_UNDER_WAY = (*WAITS, EngineeringState.DISPATCHED, EngineeringState.UNKNOWN, EngineeringState.FAILED)
_GONE = (AssetStatus.SCRAPPED, AssetStatus.LOST)
_REGISTERS = (0, 0xFFFF)
_TEST_BITS = (1 << 13) - 1


class MetersUnfit(Refusal):
    """Some meters of a list cannot get the token; ``problems`` holds each number and what is wrong with it."""

    code = "meters_unfit"
    remedy = "Take them out of the list, or put them right."

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        number, problem = problems[0]
        if len(problems) == 1:
            super().__init__(
                "Meter {number}: {problem} Nothing was asked for.", number=number, problem=problem, field="meters"
            )
        else:
            super().__init__(
                "{count} meters cannot get it, the first is {number}: {problem} Nothing was asked for.",
                count=len(problems),
                number=number,
                problem=problem,
                field="meters",
            )
        self.problems = tuple(problems)


class NotWaiting(Refusal):
    """The request was decided, made or given up by somebody else meanwhile."""

    code = "engineering_not_waiting"
    remedy = "Look at it again."


class KeyChangeUsed(Refusal):
    """Something was sold under the new key, so it cannot be undone on paper."""

    code = "key_change_used"
    remedy = "Key the key change into the meter; its digits are still here."


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key change leads to; a value that is None stays as the meter has it."""

    supply_group_code: str | None = None
    tariff_index: str | None = None
    key_revision: int | None = None
    key_type: int | None = None
    key_expiry: int | None = None
    base_date: int | None = None


@dataclass(frozen=True, slots=True)
class EngineeringOrder:
    """
    What meters are to be told, and why.

    ``value`` is watts for limits, register 0 or 65535 (all) for clearing credit, control bits for
    a test. ``with_next_purchase`` keeps a key change until the meter's next purchase brings it.
    """

    kind: EngineeringKind
    reason: str
    value: int = 0
    new_key: NewKey | None = None
    with_next_purchase: bool = False


@transaction.atomic
def request_engineering(
    *, batch_id: UUID, order: EngineeringOrder, meter_numbers: Sequence[str], actor: Actor, at: datetime
) -> list[EngineeringToken]:
    """
    Ask for one kind of token for one or many meters; all of them or none.

    What needs no second person comes back APPROVED, to be made by ``issue_engineering``. The same
    batch again returns what was asked for.

    :raises InvalidValue: naming the field that is wrong
    :raises MetersUnfit: if a meter is unknown, out of reach or cannot take the token
    """
    actor.require("tokens.issue")
    numbers = list(dict.fromkeys("".join(number.split()) for number in meter_numbers))
    done = list(EngineeringToken.objects.filter(batch=batch_id).select_related("meter").order_by("meter__number"))
    if done:
        first = done[0]
        same = (first.kind, first.value, first.with_next_purchase, first.reason) == (
            order.kind,
            order.value,
            order.with_next_purchase,
            order.reason.strip(),
        )
        security = first.new_security or {}
        wanted = order.new_key is None or security == security | _named(order.new_key)
        check_same_request(same=same and wanted and {row.meter.number for row in done} == set(numbers))
        return done
    _check_order(order, numbers)
    needs_second = order.kind in FOUR_EYES
    rows = [
        EngineeringToken(
            id=uuid5(batch_id, meter.number),
            batch=batch_id,
            kind=order.kind,
            state=EngineeringState.REQUESTED if needs_second else EngineeringState.APPROVED,
            meter=meter,
            value=order.value,
            reason=order.reason.strip(),
            with_next_purchase=order.with_next_purchase,
            new_security=_target(meter, order.new_key) if order.new_key else None,
            random=secrets.randbelow(16),
            requested_by_id=actor.person_id,
            requested_at=at,
            changed_at=at,
        )
        for meter in _fit_meters(order, numbers, actor, at)
    ]
    try:
        with transaction.atomic():
            EngineeringToken.objects.bulk_create(rows)
    except IntegrityError:
        raise NotWaiting("Somebody else asked for a key change of one of these meters just now.") from None
    record_entries(
        actor=actor,
        at=at,
        action="vending.engineering.requested",
        entered=[(row, reach_of(row.meter)) for row in rows],
        request_id=batch_id,
    )
    return rows


def _check_order(order: EngineeringOrder, numbers: Sequence[str]) -> None:
    if not 3 <= len(order.reason.strip()) <= 300:
        raise InvalidValue("Give a reason of 3 to 300 characters.", field="reason")
    if not 1 <= len(numbers) <= MOST_METERS:
        raise InvalidValue("Name 1 to {most} meters.", field="meters", most=MOST_METERS)
    highest = {
        EngineeringKind.POWER_LIMIT: UNITS_MAX,
        EngineeringKind.UNBALANCE: UNITS_MAX,
        EngineeringKind.TEST: _TEST_BITS,
        EngineeringKind.CLEAR_CREDIT: _REGISTERS[-1],
    }.get(order.kind, 0)
    lowest = 1 if order.kind == EngineeringKind.TEST else 0
    if not lowest <= order.value <= highest:
        raise InvalidValue("The value lies between {low} and {high}.", field="value", low=lowest, high=highest)
    if order.kind == EngineeringKind.CLEAR_CREDIT and order.value not in _REGISTERS:
        raise InvalidValue("Clear the electricity credit (0) or all registers (65535).", field="value")
    if (order.kind == EngineeringKind.KEY_CHANGE) != (order.new_key is not None):
        raise InvalidValue("A key change names the new key, and nothing else does.", field="kind")
    if order.with_next_purchase and order.kind != EngineeringKind.KEY_CHANGE:
        raise InvalidValue("Only a key change can come with the next purchase.", field="with_next_purchase")


def _target(meter: Meter, new: NewKey) -> dict[str, Any]:
    return key_data_of(meter) | _named(new)


def _named(new: NewKey) -> dict[str, Any]:
    return {name: value for name, value in asdict(new).items() if value is not None}


def _fit_meters(order: EngineeringOrder, numbers: Sequence[str], actor: Actor, at: datetime) -> list[Meter]:
    found = {
        meter.number: meter
        for meter in meters_within(actor.unit_path).filter(number__in=numbers).select_related("store")
    }
    changing = set(
        EngineeringToken.objects.filter(
            meter__in=found.values(), kind=EngineeringKind.KEY_CHANGE, state__in=_UNDER_WAY
        ).values_list("meter__number", flat=True)
    )
    problems = []
    for number in numbers:
        try:
            _check_meter(found.get(number), order, at, is_changing=number in changing)
        except Refusal as refusal:
            problems.append((number, f"{refusal.message} {refusal.remedy}".strip()))
    if problems:
        raise MetersUnfit(problems)
    return [found[number] for number in numbers]


def _check_meter(meter: Meter | None, order: EngineeringOrder, at: datetime, *, is_changing: bool) -> None:
    if meter is None:
        raise InvalidValue("There is no such meter within your unit.")
    if meter.token_carrier != TokenCarrier.KEYPAD:
        raise InvalidValue("It has no keypad.")
    if meter.status in _GONE:
        raise InvalidValue("It is scrapped or lost.")
    if order.kind == EngineeringKind.TEST:
        return
    if is_changing and order.kind == EngineeringKind.KEY_CHANGE:
        raise InvalidValue("A key change of it is under way already.")
    old = MeterSecurity(**key_data_of(meter))
    issuer = token_issuer()
    issuer.require_served(old)
    if order.new_key is not None:
        new = MeterSecurity(**_target(meter, order.new_key))
        if new == old:
            raise InvalidValue("It has this key already.")
        require_key_change(old, new)
        issuer.require_served(new)
        _check_lasts(new, at)


def _check_lasts(new: MeterSecurity, at: datetime) -> None:
    try:
        identifier = identifier_at(at, new.base_date)
    except StsError as error:
        raise InvalidValue(error.message, field="base_date") from error
    if is_expired(identifier, new.key_expiry):
        raise InvalidValue("The new key would have expired already.", field="key_expiry")


@transaction.atomic
def decide_engineering(
    *, batch_id: UUID, agreed: bool, note: str, actor: Actor, at: datetime
) -> list[EngineeringToken]:
    """
    Agree to what another person asked for, or decline it; the whole batch.

    A key change that is to come with the next purchase then waits for it; the others are to be made.

    :raises NotWaiting: if it was decided before
    :raises NotAllowed: if the right is missing, or a meter lies out of reach
    :raises InvalidValue: if it is one's own wish, or a refusal gives no reason
    """
    # One that was given up meanwhile does not keep the others waiting.
    rows = [row for row in _batch(batch_id) if row.state == EngineeringState.REQUESTED]
    if not rows:
        raise NotWaiting("This was decided before. Nothing was changed.")
    for path in {reach_of(row.meter) for row in rows}:
        actor.require("tokens.approve", path)
    if any(row.requested_by_id == actor.id for row in rows):
        raise InvalidValue("Nobody agrees to their own wish. Nothing was changed.", field="note")
    if not agreed and len(note.strip()) < 3:
        raise InvalidValue("Say why not.", field="note")
    for row in rows:
        row.state = _after_decision(row, agreed=agreed)
        row.decided_by_id, row.decided_at, row.changed_at = actor.person_id, at, at
        row.note = note.strip()[:300]
    EngineeringToken.objects.bulk_update(rows, ["state", "decided_by", "decided_at", "changed_at", "note"])
    record_entries(
        actor=actor,
        at=at,
        action=f"vending.engineering.{'agreed' if agreed else 'declined'}",
        entered=[(row, reach_of(row.meter)) for row in rows],
        request_id=batch_id,
    )
    return rows


def _after_decision(row: EngineeringToken, *, agreed: bool) -> EngineeringState:
    if not agreed:
        return EngineeringState.DECLINED
    return EngineeringState.WAITING if row.with_next_purchase else EngineeringState.APPROVED


def _batch(batch_id: UUID) -> list[EngineeringToken]:
    rows = EngineeringToken.objects.filter(batch=batch_id).select_related("meter__store").order_by("pk")
    return list(rows.select_for_update(of=("self",)))


@transaction.atomic
def cancel_engineering(*, token_id: UUID, actor: Actor, at: datetime) -> EngineeringToken:
    """
    Give up what was not made: a wish, an agreed one, or a key change that waits for a purchase.

    :raises NotWaiting: if it may have been made
    """
    # The meter before the row, as everywhere: two who lock them crosswise wait for each other.
    meter = lock_identifiers(EngineeringToken.objects.values_list("meter_id", flat=True).get(pk=token_id))
    row = EngineeringToken.objects.select_related("meter__store").select_for_update(of=("self",)).get(pk=token_id)
    require_either(actor, row)
    if row.state not in (*WAITS, EngineeringState.FAILED):
        raise NotWaiting("This was made, or may have been. Nothing was changed.")
    if row.vend_id is not None and key_data_of(meter) == row.new_security:
        # Its purchase was sold for the new key; with the old one back, the purchase's token is made for that.
        write_key(meter, row.meter_security or {}, actor, at)
    return set_token(row, actor, at, "cancelled", state=EngineeringState.CANCELLED)


@transaction.atomic
def confirm_engineering(*, token_id: UUID, actor: Actor, at: datetime) -> EngineeringToken:
    """
    Note that the meter took a token, so that a key change is no longer printed with purchases.

    :raises NotWaiting: if it was not made
    """
    row = EngineeringToken.objects.select_related("meter__store").select_for_update(of=("self",)).get(pk=token_id)
    require_either(actor, row)
    if row.state != EngineeringState.ISSUED:
        raise NotWaiting("This was not made. Nothing was changed.")
    if row.confirmed_at is not None:
        return row
    if row.kind == EngineeringKind.KEY_CHANGE:
        # It has the last key, so it has no use for those before.
        EngineeringToken.objects.filter(
            meter_id=row.meter_id,
            kind=EngineeringKind.KEY_CHANGE,
            state=EngineeringState.ISSUED,
            confirmed_at=None,
            requested_at__lte=row.requested_at,
        ).update(confirmed_at=at)
    return set_token(row, actor, at, "confirmed", confirmed_at=at)


@transaction.atomic
def undo_key_change(*, token_id: UUID, reason: str, actor: Actor, at: datetime) -> EngineeringToken:
    """
    Give the archive a meter's old key back, because nobody will key the change in.

    :raises KeyChangeUsed: if something was sold or made under the new key, or the meter took it
    :raises NotWaiting: if it is no key change that was made
    """
    meter = lock_identifiers(EngineeringToken.objects.values_list("meter_id", flat=True).get(pk=token_id))
    row = EngineeringToken.objects.select_related("meter__store").select_for_update(of=("self",)).get(pk=token_id)
    actor.require("tokens.approve", reach_of(row.meter))
    if len(reason.strip()) < 3:
        raise InvalidValue("Give a reason.", field="reason")
    if row.kind != EngineeringKind.KEY_CHANGE or row.state != EngineeringState.ISSUED:
        raise NotWaiting("This is no key change that was made. Nothing was changed.")
    # By identifiers, which never go back: what was made since carries a later one.
    since = EngineeringToken.objects.filter(
        meter_id=row.meter_id, base_date=row.base_date, token_identifier__gt=row.since_identifier or 0
    )
    used = (
        row.confirmed_at is not None
        or row.vend_id is not None
        or under_new_key(row).exists()
        or since.exclude(pk=row.pk).exists()
        or key_data_of(meter) != row.new_security
    )
    if used:
        raise KeyChangeUsed("The new key was used, or the meter has it. Nothing was changed.")
    write_key(meter, row.meter_security or {}, actor, at)
    return set_token(row, actor, at, "undone", state=EngineeringState.CANCELLED, note=reason.strip()[:300])


def note_foreign_token(*, meter_id: int, token_identifier: int | None, actor: Actor, at: datetime) -> None:
    """Write into the log that somebody brought a token which a key of this house opens and nobody here made."""
    meter = Meter.objects.select_related("store").get(pk=meter_id)
    record_write(
        actor=actor,
        at=at,
        action="vending.token.foreign",
        subject=meter,
        unit_path=reach_of(meter),
        after={"meter": meter.number, "token_identifier": token_identifier},
    )


def write_key(meter: Meter, security: dict[str, Any], actor: Actor, at: datetime) -> None:
    """Let the archive know which key a meter has, or is about to have."""
    before = {name: getattr(meter, name) for name in KEY_DATA}
    after = {name: security[name] for name in KEY_DATA}
    Meter.objects.filter(pk=meter.pk).update(**after, version=meter.version + 1)
    meter.version += 1
    for name, value in after.items():
        setattr(meter, name, value)
    record_write(
        actor=actor,
        at=at,
        action="assets.meter.key_changed",
        subject=meter,
        unit_path=reach_of(meter),
        before=before,
        after=after,
    )


def require_either(actor: Actor, row: EngineeringToken) -> None:
    """
    Let whoever makes engineering tokens, or agrees to them, go on where the meter is.

    :raises NotAllowed: if it is neither, or the meter is out of reach
    """
    if actor.may("tokens.approve"):
        actor.require("tokens.approve", reach_of(row.meter))
    else:
        actor.require("tokens.issue", reach_of(row.meter))


def set_token(row: EngineeringToken, actor: Actor, at: datetime, act: str, **changes: Any) -> EngineeringToken:
    """Change a locked row and write what was done; the digits stay out of the log."""
    before = {"state": row.state}
    for name, value in changes.items():
        setattr(row, name, value)
    if "state" in changes:
        row.changed_at = at
    row.save()
    record_write(
        actor=actor,
        at=at,
        action=f"vending.engineering.{act}",
        subject=row,
        unit_path=reach_of(row.meter),
        before=before,
        after={"state": row.state} | ({"key": row.check_value} if changes.get("check_value") else {}),
        reason=changes.get("note", ""),
    )
    return row
