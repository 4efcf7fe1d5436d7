"""What can be wrong with a card or what lies on it: one family, told apart by class and code."""

from __future__ import annotations

from gridtill.kernel.errors import Refusal


class CardError(Refusal):
    """Anything about a card that keeps it from being used; nothing was written to it."""

    code = "card_error"


class Malformed(CardError):
    """Bytes that are no record: wrong length, frame, check sum or digit."""

    code = "card_malformed"
    remedy = "Read the card again; if it stays so, make a new card for the customer."


class NotGenuine(CardError):
    """A record whose authentication code is not what its key makes: altered, copied, or of another utility."""

    code = "card_not_genuine"
    remedy = "Do not sell on this card. Keep it, and tell the card officer."


class FieldInvalid(CardError):
    """A value that its field on the card has no room for."""

    code = "card_field_invalid"
