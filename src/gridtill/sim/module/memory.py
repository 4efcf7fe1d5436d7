"""
What a simulated module remembers: each request with its answer, on the disk before anybody sees the answer.

The file holds one JSON object a line and only grows. It holds tokens, so it belongs to simulated keys only.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from gridtill.drivers.security.base import (
    CreditRequest,
    IssuedSet,
    IssuedToken,
    KeyChangeRequest,
    ManagementRequest,
)
from gridtill.drivers.security.module.wire import ANSWERS, ISSUES, LineWrong, built, object_of, plain
from gridtill.kernel.errors import Refusal

AnyRequest = CreditRequest | ManagementRequest | KeyChangeRequest
AnyAnswer = IssuedToken | IssuedSet


class StateWrong(Refusal):
    """The state file is no module's, or another module uses it; it was left as it is."""

    code = "module_state_wrong"


@dataclass(frozen=True, slots=True)
class Remembered:
    """One request and what it was answered."""

    do: str
    request: AnyRequest
    answer: AnyAnswer

    @property
    def tokens(self) -> int:
        """How many tokens the answer has."""
        return len(self.answer.digits) if isinstance(self.answer, IssuedSet) else 1


class Memory:
    """
    Requests and answers, in a file or, without one, as long as the process lives.

    :raises StateWrong: if the file cannot be used
    """

    def __init__(self, path: Path | None = None) -> None:
        self._kept: dict[UUID, Remembered] = {}
        self._file: IO[bytes] | None = None
        if path is None:
            return
        try:
            path.touch(mode=0o600)
            self._file = path.open("r+b")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._load(self._file, path.name)
        except BlockingIOError:
            self.close()
            raise StateWrong(
                f"Another module uses {path.name}.", remedy="Give each module a file of its own."
            ) from None
        except OSError as error:
            self.close()
            raise StateWrong(f"{path.name} cannot be used: {error.strerror}.") from error
        except StateWrong:
            self.close()
            raise

    def _load(self, file: IO[bytes], name: str) -> None:
        whole = 0
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                # The power went while it was written, so nobody has seen this answer.
                break
            try:
                self._put(_read(line))
            except LineWrong as wrong:
                raise StateWrong(f"Line {number} of {name} is no module's: {wrong}.") from wrong
            whole += len(line)
        file.seek(whole)
        file.truncate()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def tokens(self) -> int:
        """How many tokens were ever made."""
        return sum(kept.tokens for kept in self._kept.values())

    def get(self, request_id: UUID) -> Remembered | None:
        """Return what a request was answered, if it was."""
        return self._kept.get(request_id)

    def put(self, kept: Remembered) -> None:
        """
        Remember an answer; it is on the disk when this returns.

        :raises OSError: if it is not
        """
        if self._file is not None:
            row = {"do": kept.do, "request": plain(kept.request), "answer": plain(kept.answer)}
            self._file.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        self._put(kept)

    def _put(self, kept: Remembered) -> None:
        self._kept[kept.request.request_id] = kept

    def close(self) -> None:
        """Let another module use the file."""
        if self._file is not None:
            self._file.close()


def _read(line: bytes) -> Remembered:
    row = object_of(line)
    do: Any = row.get("do")
    if do not in ISSUES:
        raise LineWrong("it names no command")
    return Remembered(do, built(ISSUES[do], row.get("request")), built(ANSWERS[do], row.get("answer")))
