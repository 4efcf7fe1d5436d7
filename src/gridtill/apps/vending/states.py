"""
How a paid purchase travels to its meter, apart from its money.

UNKNOWN is a resting place, not a failure: the meter may have the credit. Only
evidence moves a delivery out of it, so CANCEL is not possible there.
"""

from __future__ import annotations

from enum import StrEnum

from gridtill.kernel.errors import Refusal


class DeliveryEvent(StrEnum):
    """What can happen to a delivery."""

    DISPATCH = "DISPATCH"
    ISSUE = "ISSUE"
    TIME_OUT = "TIME_OUT"
    REFUSE = "REFUSE"
    CONFIRM = "CONFIRM"
    CANCEL = "CANCEL"
    RECALL = "RECALL"


TRANSITIONS: dict[tuple[str, DeliveryEvent], str] = {
    ("PENDING", DeliveryEvent.DISPATCH): "DISPATCHED",
    ("PENDING", DeliveryEvent.CANCEL): "CANCELLED",
    # An issuer that answers the same however often it is asked needs no note that it was asked.
    ("PENDING", DeliveryEvent.ISSUE): "ISSUED",
    ("FAILED", DeliveryEvent.ISSUE): "ISSUED",
    ("DISPATCHED", DeliveryEvent.ISSUE): "ISSUED",
    ("DISPATCHED", DeliveryEvent.TIME_OUT): "UNKNOWN",
    ("DISPATCHED", DeliveryEvent.REFUSE): "FAILED",
    ("DISPATCHED", DeliveryEvent.CONFIRM): "LOADED",
    ("UNKNOWN", DeliveryEvent.ISSUE): "ISSUED",
    ("UNKNOWN", DeliveryEvent.CONFIRM): "LOADED",
    # Only on evidence: who makes tokens remembers no such request, and declines it now.
    ("UNKNOWN", DeliveryEvent.REFUSE): "FAILED",
    ("ISSUED", DeliveryEvent.CONFIRM): "LOADED",
    # A supervisor took the purchase back; the token was kept from the customer or made useless.
    ("ISSUED", DeliveryEvent.RECALL): "CANCELLED",
    ("FAILED", DeliveryEvent.DISPATCH): "DISPATCHED",
    ("FAILED", DeliveryEvent.CANCEL): "CANCELLED",
}


class IllegalTransition(Refusal):
    """A delivery cannot do that from where it is."""

    code = "illegal_transition"


def next_state(state: str, event: DeliveryEvent) -> str:
    """
    Return the state that an event leads to.

    :raises IllegalTransition: if the event cannot happen in that state
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition("A delivery that is {state} cannot take {event}.", state=state, event=event) from None
