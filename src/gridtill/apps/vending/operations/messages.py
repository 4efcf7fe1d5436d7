"""Sending a purchase's token to the customer again, by text message or mail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from gridtill.apps.audit.operations import record_write
from gridtill.apps.vending.choices import MessageState, MessageWay, VendState
from gridtill.apps.vending.models import TokenMessage, Vend
from gridtill.apps.vending.operations.deliver import reveal_token
from gridtill.apps.vending.operations.documents import check_same_request
from gridtill.apps.vending.queries.counter import Sold, sold
from gridtill.drivers.messaging.base import Message, MessageOutcome, MessageRefused, Messenger
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import Refusal

logger = logging.getLogger(__name__)
MOST_MESSAGES = 5
_OUTCOMES = {MessageOutcome.SENT: MessageState.SENT, MessageOutcome.UNKNOWN: MessageState.UNKNOWN}


class NothingToSend(Refusal):
    """There is no token to send, nobody to send it to, or it was sent often enough."""

    code = "nothing_to_send"


def send_token(
    *,
    request_id: UUID,
    vend_id: UUID,
    way: str,
    messenger: Messenger,
    words: Callable[[Sold, str], tuple[str, str]],
    actor: Actor,
    at: datetime,
) -> TokenMessage:
    """
    Send the tokens of a purchase to an address that the archive has of its customer, once.

    ``words`` makes subject and text of a purchase and its digits. The same request again
    returns what became of it. It goes nowhere else than to the customer's own address.

    :raises NothingToSend: if there is no token, no address, or it was sent often enough
    """
    row, found, digits = _begin(request_id, vend_id, way, actor, at)
    if row.state != MessageState.SENDING or found is None:
        return row
    subject, text = words(found, digits)
    try:
        outcome = messenger.send(Message(request_id, row.recipient, subject, text))
    except MessageRefused as refused:
        return _end(row, MessageState.FAILED, str(refused), actor, at)
    except Exception:
        # Whatever went wrong, it may have been on its way; the row must not say that it still is.
        logger.exception("a message broke off")
        return _end(row, MessageState.UNKNOWN, "no answer", actor, at)
    return _end(row, _OUTCOMES[outcome], "", actor, at)


@transaction.atomic
def _begin(
    request_id: UUID, vend_id: UUID, way: str, actor: Actor, at: datetime
) -> tuple[TokenMessage, Sold | None, str]:
    sold(vend_id, unit_path=actor.unit_path)
    Vend.objects.select_for_update(of=("self",), no_key=True).get(pk=vend_id)
    # Read under the lock: it may have been taken back in this very moment.
    found = sold(vend_id, unit_path=actor.unit_path)
    done = TokenMessage.objects.filter(pk=request_id).first()
    if done is not None:
        check_same_request(same=(done.vend_id, done.way) == (vend_id, way))
        if done.state == MessageState.SENDING:
            # Whoever began it never told its end.
            return _end(done, MessageState.UNKNOWN, "no answer", actor, at), None, ""
        return done, None, ""
    if not (actor.may("vend.sell") or actor.may("vend.reprint")):
        actor.require("vend.reprint")
    recipient = _recipient(found, way)
    if TokenMessage.objects.filter(vend_id=vend_id).exclude(state=MessageState.FAILED).count() >= MOST_MESSAGES:
        raise NothingToSend(
            "This token was sent {most} times already. Nothing was sent.",
            most=MOST_MESSAGES,
            remedy="Read it to the customer, or print the receipt again.",
        )
    row = TokenMessage.objects.create(
        id=request_id,
        vend_id=vend_id,
        way=way,
        recipient=recipient,
        state=MessageState.SENDING,
        sent_by_id=actor.person_id,
        at=at,
    )
    # Before it leaves: a token that somebody may have is not taken back without a second person.
    return row, found, reveal_token(delivery=found.delivery, at=at)


def _recipient(found: Sold, way: str) -> str:
    if found.vend.state != VendState.SOLD or found.is_settled or not found.delivery.token:
        raise NothingToSend("This purchase has no token that could be sent.")
    customer = found.vend.agreement.usage_point.customer
    recipient = customer.email if way == MessageWay.MAIL else customer.phone or customer.phone_second
    if not recipient:
        raise NothingToSend(
            "The archive has no address of this customer for that. Nothing was sent.",
            remedy="Enter the telephone or mail address in the archives.",
        )
    return str(recipient)


@transaction.atomic
def _end(row: TokenMessage, state: MessageState, detail: str, actor: Actor, at: datetime) -> TokenMessage:
    row.state, row.detail = state, detail[:300]
    row.save(update_fields=["state", "detail"])
    record_write(
        actor=actor,
        at=at,
        action=f"vending.message.{state.value.lower()}",
        subject=row,
        unit_path=actor.unit_path,
        after={"way": row.way, "recipient": row.recipient, "state": state.value},
    )
    return row
