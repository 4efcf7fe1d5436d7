"""Refusals: the one family of errors that a person may be shown."""

from __future__ import annotations


class Refusal(Exception):
    """
    A request that was understood and declined; nothing was written.

    ``code`` is stable and public, ``message`` says what is wrong in a sentence,
    ``remedy`` says what to do next, ``field`` names the input it belongs beside.
    Subclasses set ``code`` once and may give a default remedy.
    """

    code = "refused"
    remedy = ""

    def __init__(self, message: str, *, remedy: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        if remedy is not None:
            self.remedy = remedy


class InvalidValue(Refusal):
    """A single value that cannot be read as what it should be."""

    code = "invalid_value"
