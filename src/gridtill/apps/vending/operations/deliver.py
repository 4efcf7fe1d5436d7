"""Bringing a paid purchase to its meter, after the money is safe."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db import transaction

from gridtill.apps.assets.models import Meter
from gridtill.apps.audit.operations import record_write
from gridtill.apps.keystore.operations import token_issuer
from gridtill.apps.vending.choices import DeliveryState, EngineeringState
from gridtill.apps.vending.models import Delivery
from gridtill.apps.vending.operations.key_change import make_key_change, release_key_change
from gridtill.apps.vending.operations.statement import write_token
from gridtill.apps.vending.queries.issuing import AFTER
from gridtill.apps.vending.rules import parts_of
from gridtill.apps.vending.states import DeliveryEvent, next_state
from gridtill.drivers.security.base import (
    CreditRequest,
    IssuedToken,
    IssueRefused,
    IssueUnknown,
    MeterSecurity,
    RequestConflict,
    TokenIssuer,
)
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import Refusal

# Longer than any issuer is waited for.
_IN_FLIGHT = timedelta(seconds=60)
_KEY_DATA = ("supply_group_code", "tariff_index", "key_revision", "key_type", "key_expiry", "encryption_algorithm")


class DeliveryMoved(Refusal):
    """Somebody else moved the delivery meanwhile."""

    code = "delivery_moved"
    remedy = "Look at the purchase again."


class BaseDateChanged(Refusal):
    """The meter's key was changed to another base date after the sale."""

    code = "base_date_changed"
    remedy = "Take the purchase back and sell it again."


class WrongToken(Refusal):
    """The issuer answered with a token for something else than was asked."""

    code = "wrong_token"


def issue_token(*, vend_id: UUID, actor: Actor, at: datetime, issuer: TokenIssuer | None = None) -> Delivery:
    """
    Ask the token issuer for a purchase's token, once, and keep the answer.

    Asking again for one that was issued returns it. A refusal ends in FAILED, no
    answer in UNKNOWN; an UNKNOWN one is looked up by its request id, never re-issued.
    """
    delivery = Delivery.objects.get(vend_id=vend_id)
    issuer = issuer or token_issuer()
    to_make = delivery.state in {DeliveryState.PENDING, DeliveryState.FAILED}
    if to_make and not _key_is_changed(delivery, issuer, actor, at):
        return delivery
    if to_make:
        _take_corrected_meter(delivery, actor, at)
    if to_make and issuer.repeatable:
        return _make(delivery, issuer, actor, at)
    if to_make:
        _move(delivery, DeliveryEvent.DISPATCH, actor=actor, at=at)
        return _ask(delivery, issuer, actor, at)
    if delivery.state == DeliveryState.DISPATCHED and at - delivery.changed_at < _IN_FLIGHT:
        # Somebody is asking right now; looking up before the answer can be there would ask for a second one.
        return delivery
    if delivery.state in {DeliveryState.DISPATCHED, DeliveryState.UNKNOWN}:
        return _look_up(delivery, issuer, actor, at)
    return delivery


def _key_is_changed(delivery: Delivery, issuer: TokenIssuer, actor: Actor, at: datetime) -> bool:
    """
    Have the key change made that goes before this purchase's token; True if the token may follow.

    Without its new key the meter would refuse the credit, so nothing is asked for until that is clear.
    """
    if AFTER not in delivery.meter_security:
        return True
    change = make_key_change(change_id=delivery.meter_security[AFTER], actor=actor, at=at, issuer=issuer)
    if change.state == EngineeringState.FAILED and delivery.state == DeliveryState.PENDING:
        _move(delivery, DeliveryEvent.DISPATCH, actor=actor, at=at)
        _move(delivery, DeliveryEvent.REFUSE, actor=actor, at=at, detail=change.detail)
    return change.state in {EngineeringState.ISSUED, EngineeringState.CANCELLED}


def _take_corrected_meter(delivery: Delivery, actor: Actor, at: datetime) -> None:
    """
    Take the meter's key data as the archive has them now, since nothing was made with the old ones.

    :raises BaseDateChanged: if the meter counts from another base date than its identifier was reserved for
    """
    meter = Meter.objects.get(pk=delivery.meter_id)
    now_known = {name: getattr(meter, name) for name in _KEY_DATA}
    before = {name: delivery.meter_security[name] for name in _KEY_DATA}
    if meter.base_date != delivery.base_date:
        raise BaseDateChanged("The meter counts its tokens from another base date than when this was sold.")
    if now_known == before:
        return
    security = {**delivery.meter_security, **now_known}
    with transaction.atomic():
        if not Delivery.objects.filter(pk=delivery.pk, state=delivery.state).update(meter_security=security):
            raise DeliveryMoved("This delivery was moved by somebody else meanwhile.")
        record_write(
            actor=actor,
            at=at,
            action="vending.delivery.meter_corrected",
            subject=delivery,
            unit_path=actor.unit_path,
            before=before,
            after=now_known,
        )
    delivery.meter_security = security


def _make(delivery: Delivery, issuer: TokenIssuer, actor: Actor, at: datetime) -> Delivery:
    """Take tokens from an issuer that gives the same digits however often it is asked: one write, no note before."""
    try:
        tokens = _issued(delivery, issuer)
    except (RequestConflict, IssueUnknown, WrongToken) as unclear:
        # A token may exist, or one was made that is not this: no refusal, and not to be taken back as one.
        _move(delivery, DeliveryEvent.DISPATCH, actor=actor, at=at)
        return _move(delivery, DeliveryEvent.TIME_OUT, actor=actor, at=at, detail=str(unclear))
    except IssueRefused as refusal:
        _move(delivery, DeliveryEvent.DISPATCH, actor=actor, at=at)
        return _move(delivery, DeliveryEvent.REFUSE, actor=actor, at=at, detail=f"{refusal.code}: {refusal}")
    new = next_state(delivery.state, DeliveryEvent.ISSUE)
    digits, check_value = _written(tokens)
    written = write_token(
        delivery_id=delivery.pk,
        old=delivery.state,
        new=new,
        token=digits,
        check_value=check_value,
        actor=actor,
        at=at,
    )
    if written:
        delivery.state, delivery.token, delivery.check_value = new, digits, check_value
        delivery.changed_at, delivery.detail = at, ""
        return delivery
    delivery.refresh_from_db()
    if not delivery.token:
        raise DeliveryMoved("This delivery was moved by somebody else meanwhile.")
    return delivery


def _issued(delivery: Delivery, issuer: TokenIssuer, *, fetch: bool = False) -> list[IssuedToken]:
    """
    Have all tokens of a purchase made; ``fetch`` asks first what became of each.

    :raises IssueRefused: if nothing was made
    :raises IssueUnknown: if something may have been made, but not all that is needed
    """
    tokens: list[IssuedToken] = []
    for request in _requests(delivery):
        try:
            # None is evidence too: the issuer never made it, so asking now makes the first one.
            token = (issuer.fetch_result(request.request_id) if fetch else None) or issuer.issue_credit(request)
        except IssueRefused as refusal:
            if tokens and not isinstance(refusal, RequestConflict):
                raise IssueUnknown(delivery.pk, f"Some tokens were made, then: {refusal}") from refusal
            raise
        if (token.token_identifier, token.units) != (request.token_identifier, request.units):
            raise WrongToken("The token issuer answered for another purchase. The token was not used.")
        tokens.append(token)
    return tokens


def _written(tokens: list[IssuedToken]) -> tuple[str, str]:
    return " ".join(token.digits for token in tokens), tokens[0].vending_key_check_value


def _ask(delivery: Delivery, issuer: TokenIssuer, actor: Actor, at: datetime) -> Delivery:
    try:
        tokens = _issued(delivery, issuer)
    except (RequestConflict, IssueUnknown, WrongToken) as unclear:
        # It knows the request, or may, so a token may exist: that is no refusal.
        return _move(delivery, DeliveryEvent.TIME_OUT, actor=actor, at=at, detail=str(unclear))
    except IssueRefused as refusal:
        return _move(delivery, DeliveryEvent.REFUSE, actor=actor, at=at, detail=f"{refusal.code}: {refusal}")
    return _keep(delivery, tokens, actor, at)


def _look_up(delivery: Delivery, issuer: TokenIssuer, actor: Actor, at: datetime) -> Delivery:
    """Settle a delivery whose answer we never saw: after a crash, or a lost reply."""
    try:
        tokens = _issued(delivery, issuer, fetch=True)
    except (RequestConflict, IssueUnknown, WrongToken) as unclear:
        if delivery.state == DeliveryState.DISPATCHED:
            detail = "no answer" if isinstance(unclear, IssueUnknown) else str(unclear)
            return _move(delivery, DeliveryEvent.TIME_OUT, actor=actor, at=at, detail=detail)
        return delivery
    except IssueRefused as refusal:
        # It remembers no such request and declines it now: nothing was made, then or now.
        return _move(delivery, DeliveryEvent.REFUSE, actor=actor, at=at, detail=f"{refusal.code}: {refusal}")
    return _keep(delivery, tokens, actor, at)


def _keep(delivery: Delivery, tokens: list[IssuedToken], actor: Actor, at: datetime) -> Delivery:
    digits, check_value = _written(tokens)
    return _move(delivery, DeliveryEvent.ISSUE, actor=actor, at=at, token=digits, check_value=check_value)


def _requests(delivery: Delivery) -> list[CreditRequest]:
    """Return what to ask for: one token, or as many as the energy takes, each known by an id of its own."""
    meter = MeterSecurity(**{name: value for name, value in delivery.meter_security.items() if name != AFTER})
    return [
        CreditRequest(
            request_id=uuid5(delivery.pk, str(number)) if number else delivery.pk,
            meter=meter,
            subclass=0,
            units=units,
            token_identifier=identifier,
            random_nibble=delivery.random,
        )
        for number, (units, identifier) in enumerate(parts_of(delivery.units, delivery.token_identifier))
    ]


def _move(
    delivery: Delivery,
    event: DeliveryEvent,
    *,
    actor: Actor,
    at: datetime,
    detail: str = "",
    token: str = "",
    check_value: str = "",
) -> Delivery:
    """Take one step of the state table if nobody took it first; the step is audited."""
    old = delivery.state
    changes = {"state": next_state(old, event), "changed_at": at, "detail": detail[:300]}
    if token:
        changes |= {"token": token, "check_value": check_value}
    with transaction.atomic():
        if Delivery.objects.filter(pk=delivery.pk, state=old).update(**changes) != 1:
            raise DeliveryMoved("This delivery was moved by somebody else meanwhile.")
        if event is not DeliveryEvent.DISPATCH:
            record_write(
                actor=actor,
                at=at,
                action=f"vending.delivery.{event.value.lower()}",
                subject=delivery,
                unit_path=actor.unit_path,
                before={"state": old},
                after={"state": changes["state"], "detail": detail[:300]}
                | ({"key": check_value} if check_value else {}),
            )
    for name, value in changes.items():
        setattr(delivery, name, value)
    return delivery


def recall_delivery(*, delivery: Delivery, actor: Actor, at: datetime) -> Delivery:
    """
    Give a delivery up because its purchase is taken back.

    :raises IllegalTransition: if the credit may be in the meter, or the answer is unknown
    """
    event = DeliveryEvent.RECALL if delivery.state == DeliveryState.ISSUED else DeliveryEvent.CANCEL
    release_key_change(delivery=delivery, actor=actor, at=at)
    return _move(delivery, event, actor=actor, at=at, detail="purchase taken back")


def reveal_token(*, delivery: Delivery, at: datetime) -> str:
    """Note that a person saw the token's digits, and return them; empty while there is none, or after a recall."""
    if not delivery.token or delivery.revealed_at is not None:
        return delivery.token
    # The state is asked in the same statement: a reversal that came first has the token recalled.
    noted = Delivery.objects.filter(
        pk=delivery.pk, state__in=[DeliveryState.ISSUED, DeliveryState.LOADED], revealed_at=None
    ).update(revealed_at=at)
    if not noted and not Delivery.objects.filter(pk=delivery.pk, revealed_at__isnull=False).exists():
        return ""
    return delivery.token
