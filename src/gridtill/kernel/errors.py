"""Refusals: the one family of errors that a person may be shown."""

from __future__ import annotations

from collections.abc import Callable

_speak: Callable[[str], str] = str


def speak_with(translate: Callable[[str], str]) -> None:
    """Let a face put the sentences of refusals into the reader's language; without one they are English."""
    global _speak  # noqa: PLW0603  one process speaks through one face
    _speak = translate


class Refusal(Exception):
    """
    A request that was understood and declined; nothing was written.

    ``code`` is stable and public, ``message`` says what is wrong in a sentence,
    ``remedy`` says what to do next, ``field`` names the input it belongs beside.
    Subclasses set ``code`` once and may give a default remedy.

    What varies is given as values, so that the sentence can be translated; as text, the
    refusal stays English, for logs:

    >>> str(Refusal("The most is {most}.", most="KES 100"))
    'The most is KES 100.'
    """

    code = "refused"
    remedy = ""

    def __init__(self, message: str, *, remedy: str | None = None, field: str | None = None, **values: object) -> None:
        super().__init__(message.format(**values) if values else message)
        self.sentence, self.values = message, values
        self.field = field
        self.remedy = _speak(self.remedy if remedy is None else remedy) if (remedy or self.remedy) else ""

    @property
    def message(self) -> str:
        """The sentence in the reader's language."""
        spoken = _speak(self.sentence)
        return spoken.format(**self.values) if self.values else spoken


class InvalidValue(Refusal):
    """A single value that cannot be read as what it should be."""

    code = "invalid_value"
