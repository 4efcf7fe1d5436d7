"""
Short messages to customers, and how sending one can end.

``SENT``: the carrier took it, which is not yet the customer's telephone. ``UNKNOWN``: it was
handed over and no clear answer came, so it may arrive. ``MessageRefused`` is raised when
nothing was sent.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from gridtill.kernel.errors import Refusal

TIMEOUT_S = 10


class MessageOutcome(Enum):
    """How sending ended, as far as this side can know."""

    SENT = "SENT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Message:
    """
    A message for one customer; ``request_id`` lets a carrier that knows it drop a second one.

    The text may hold a token, so it stays out of the representation, which ends up in logs.
    """

    request_id: uuid.UUID
    recipient: str
    subject: str
    text: str = field(repr=False)


class MessageRefused(Refusal):
    """Nothing was sent, and the message says why."""

    code = "message_refused"
    remedy = "Read the token to the customer, or print the receipt again."


class CarrierUnset(MessageRefused):
    """No carrier is set up, or its address cannot be read."""

    code = "carrier_unset"
    remedy = "Ask the administrator to set it up; docs/settings.md says how."


class Messenger(Protocol):
    """Something that carries messages."""

    def send(self, message: Message) -> MessageOutcome:
        """
        Hand a message over, once.

        :raises MessageRefused: if nothing was sent, and why
        """
        ...
