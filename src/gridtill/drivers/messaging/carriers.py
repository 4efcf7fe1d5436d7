"""
Carriers by address: a file for practice, an SMTP server, a gateway that takes JSON over HTTP.

``file:///var/log/messages.jsonl``, ``smtp://user:password@host:587`` (with STARTTLS),
``smtps://user:password@host:465``, ``https://gateway.example/send``.
"""

from __future__ import annotations

import http.client
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from gridtill.drivers.messaging.base import (
    TIMEOUT_S,
    CarrierUnset,
    Message,
    MessageOutcome,
    MessageRefused,
    Messenger,
)

_LONGEST_ANSWER = 10_000


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follow nobody: the message would be lost on the way, and the secret told to somebody else."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def open_messenger(url: str, *, sender: str = "", secret: str = "") -> Messenger:
    """
    Return the carrier at an address; nothing is connected yet.

    :raises CarrierUnset: if there is no address, or none that can be understood
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return FileMessenger(Path(unquote(parts.path)))
    if parts.scheme in {"smtp", "smtps"} and parts.hostname and sender:
        return SmtpMessenger(parts, sender)
    if parts.scheme in {"http", "https"} and parts.hostname:
        return HttpMessenger(url, secret)
    raise CarrierUnset("No carrier for such messages is set up. Nothing was sent.")


@dataclass(frozen=True, slots=True)
class FileMessenger:
    """A virtual carrier: a JSON line a message, for the demonstration, training and tests."""

    path: Path

    def send(self, message: Message) -> MessageOutcome:
        """Add the message to the file; see ``Messenger.send``."""
        line = {
            "id": str(message.request_id),
            "to": message.recipient,
            "subject": message.subject,
            "text": message.text,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                self.path.touch(mode=0o600)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise MessageRefused(f"The file of messages cannot be written: {error}. Nothing was sent.") from error
        return MessageOutcome.SENT


@dataclass(frozen=True, slots=True)
class SmtpMessenger:
    """Mail by an SMTP server, always encrypted unless the server is this machine."""

    address: SplitResult = field(repr=False)
    sender: str

    def send(self, message: Message) -> MessageOutcome:
        """Hand a mail over; see ``Messenger.send``."""
        if not message.recipient.isprintable():
            raise MessageRefused("This is no mail address. Nothing was sent.")
        mail = EmailMessage()
        try:
            mail["From"], mail["To"], mail["Subject"] = self.sender, message.recipient, message.subject
            mail["Message-ID"] = f"<{message.request_id}@{self.sender.rpartition('@')[2]}>"
            mail.set_content(message.text)
        except (ValueError, AttributeError, IndexError) as error:
            raise MessageRefused("This is no mail address. Nothing was sent.") from error
        try:
            connection = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise MessageRefused(f"The mail server cannot be reached: {error}. Nothing was sent.") from error
        try:
            connection.send_message(mail)
        except smtplib.SMTPResponseException as error:
            raise MessageRefused(f"The mail server refused it: {error.smtp_code}. Nothing was sent.") from error
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError) as error:
            raise MessageRefused("The mail server refused the address. Nothing was sent.") from error
        except (OSError, smtplib.SMTPException):
            # The line broke while the mail was on it.
            return MessageOutcome.UNKNOWN
        finally:
            connection.close()
        return MessageOutcome.SENT

    def _connected(self) -> smtplib.SMTP:
        host = self.address.hostname or ""
        context = ssl.create_default_context()
        if self.address.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                host, self.address.port or 465, timeout=TIMEOUT_S, context=context
            )
        else:
            connection = smtplib.SMTP(host, self.address.port or 587, timeout=TIMEOUT_S)
            if host not in {"localhost", "127.0.0.1", "::1"}:
                connection.starttls(context=context)
        if self.address.username:
            connection.login(unquote(self.address.username), unquote(self.address.password or ""))
        return connection


@dataclass(frozen=True, slots=True)
class HttpMessenger:
    """
    A gateway that is posted ``{"id", "to", "text"}`` as JSON, with the secret as a bearer token.

    Any answer from 200 to 299 says that it took the message, from 400 to 499 that it did not;
    everything else leaves it open.
    """

    url: str
    secret: str = field(repr=False)

    def send(self, message: Message) -> MessageOutcome:
        """Post a message; see ``Messenger.send``."""
        content = json.dumps({"id": str(message.request_id), "to": message.recipient, "text": message.text})
        request = urllib.request.Request(  # noqa: S310  the scheme was looked at when the carrier was opened
            self.url, content.encode(), {"Content-Type": "application/json", "Authorization": f"Bearer {self.secret}"}
        )
        try:
            with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
                answer.read(_LONGEST_ANSWER)
        except urllib.error.HTTPError as error:
            if 300 <= error.code < 500:
                raise MessageRefused(f"The gateway refused it: {error.code}. Nothing was sent.") from error
            return MessageOutcome.UNKNOWN
        except urllib.error.URLError as error:
            if isinstance(error.reason, ConnectionRefusedError):
                raise MessageRefused("The gateway cannot be reached. Nothing was sent.") from error
            return MessageOutcome.UNKNOWN
        except (OSError, http.client.HTTPException):
            return MessageOutcome.UNKNOWN
        return MessageOutcome.SENT
