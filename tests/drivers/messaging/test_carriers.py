"""Messages through a real file, a real HTTP server and a real SMTP conversation on this machine."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gridtill.drivers.messaging import carriers
from gridtill.drivers.messaging.base import CarrierUnset, Message, MessageOutcome, MessageRefused
from gridtill.drivers.messaging.carriers import open_messenger

pytestmark = pytest.mark.unit
MESSAGE = Message(uuid.UUID(int=7), "ann@example.org", "Your electricity token", "Token: 1234 5678")


@contextmanager
def gateway(status=200, *, drop=False):
    """Serve one HTTP gateway that answers with a status, or hangs up after reading."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["Authorization"], json.loads(body)))
            if drop:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/send", heard
        finally:
            server.shutdown()
            thread.join()


def converse(line, heard, refuse, hang_up_at):
    def say(text):
        line.write(text.encode() + b"\r\n")
        line.flush()

    answers = {"DATA": "354 go on", "QUIT": "221 bye"}
    say("220 ready")
    while command := line.readline().decode().strip():
        verb = command.split()[0].upper()
        say("550 no" if verb == refuse else answers.get(verb, "250 ok"))
        if verb == "QUIT":
            return
        if verb == "DATA" and verb != refuse:
            while (text := line.readline()) not in (b".\r\n", b""):
                heard.append(text.decode().rstrip())
            if hang_up_at == "END":
                return
            say("250 taken")


@contextmanager
def mail_server(*, refuse="", hang_up_at=""):
    """Speak just enough SMTP for one mail; ``refuse`` and ``hang_up_at`` name a command."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard = []

    def serve():
        try:
            connection, _peer = listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb") as line:
            converse(line, heard, refuse, hang_up_at)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"smtp://127.0.0.1:{listener.getsockname()[1]}", heard
    finally:
        # Wakes an accept that nobody answered.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def test_file_gets_a_line_a_message(tmp_path):
    path = tmp_path / "out" / "messages.jsonl"
    carrier = open_messenger(f"file://{path}")

    assert carrier.send(MESSAGE) is MessageOutcome.SENT
    carrier.send(MESSAGE)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 2
    assert lines[0] == {
        "id": str(MESSAGE.request_id),
        "to": "ann@example.org",
        "subject": "Your electricity token",
        "text": "Token: 1234 5678",
    }
    assert path.stat().st_mode & 0o077 == 0


def test_file_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "plain").write_text("x")

    with pytest.raises(MessageRefused, match="cannot be written"):
        open_messenger(f"file://{tmp_path}/plain/messages.jsonl").send(MESSAGE)


def test_gateway_is_posted_the_text_and_the_secret():
    with gateway() as (url, heard):
        assert open_messenger(url, secret="s3cret").send(MESSAGE) is MessageOutcome.SENT
    assert heard == [
        ("Bearer s3cret", {"id": str(MESSAGE.request_id), "to": "ann@example.org", "text": "Token: 1234 5678"})
    ]


def test_gateway_that_says_no_sent_nothing():
    with gateway(403) as (url, _heard), pytest.raises(MessageRefused, match="403"):
        open_messenger(url).send(MESSAGE)


@pytest.mark.parametrize("trouble", [{"status": 502}, {"drop": True}])
def test_gateway_that_breaks_may_have_sent_it(trouble):
    with gateway(**trouble) as (url, _heard):
        assert open_messenger(url).send(MESSAGE) is MessageOutcome.UNKNOWN


def test_gateway_that_is_silent_may_have_sent_it(monkeypatch):
    monkeypatch.setattr(carriers, "TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert open_messenger(url).send(MESSAGE) is MessageOutcome.UNKNOWN


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_gateway_that_is_not_there_sent_nothing():
    with pytest.raises(MessageRefused, match="cannot be reached"):
        open_messenger(f"http://127.0.0.1:{closed_port()}/").send(MESSAGE)


def test_mail_arrives_with_its_headers():
    with mail_server() as (url, heard):
        assert open_messenger(url, sender="till@power.example").send(MESSAGE) is MessageOutcome.SENT
    assert "To: ann@example.org" in heard
    assert "From: till@power.example" in heard
    assert "Token: 1234 5678" in heard


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_mail_server_that_says_no_sent_nothing(verb):
    with mail_server(refuse=verb) as (url, _heard), pytest.raises(MessageRefused, match="refused"):
        open_messenger(url, sender="till@power.example").send(MESSAGE)


def test_mail_server_that_hangs_up_after_the_mail_may_have_sent_it():
    with mail_server(hang_up_at="END") as (url, _heard):
        assert open_messenger(url, sender="till@power.example").send(MESSAGE) is MessageOutcome.UNKNOWN


def test_mail_server_that_is_not_there_sent_nothing():
    with pytest.raises(MessageRefused, match="cannot be reached"):
        open_messenger(f"smtp://127.0.0.1:{closed_port()}", sender="a@b.example").send(MESSAGE)


def test_mail_goes_to_other_machines_encrypted_or_not_at_all():
    # A server without STARTTLS, under a name that is not this machine's.
    with mail_server() as (url, heard), pytest.raises(MessageRefused):
        open_messenger(url.replace("127.0.0.1", "127.0.0.2"), sender="a@b.example").send(MESSAGE)
    assert heard == []


@pytest.mark.parametrize("url", ["", "file://", "smtp://", "smtp://host:25", "telegram://x", "no address"])
def test_addresses_that_mean_nothing_are_refused(url):
    with pytest.raises(CarrierUnset):
        open_messenger(url)


@pytest.mark.parametrize("recipient", ["ann@example.org\nBcc: eve@example.org", "ann\x00@example.org"])
def test_addresses_that_smuggle_headers_send_nothing(recipient):
    hostile = Message(uuid.UUID(int=8), recipient, "x", "y")

    with mail_server() as (url, heard), pytest.raises(MessageRefused):
        open_messenger(url, sender="till@power.example").send(hostile)
    assert heard == []


def test_texts_and_secrets_stay_out_of_representations():
    assert "1234" not in repr(MESSAGE)
    assert "s3cret" not in repr(open_messenger("https://gateway.example/", secret="s3cret"))
    assert "s3cret" not in repr(open_messenger("smtp://u:s3cret@mail.example", sender="a@b.example"))


def test_gateway_that_sends_elsewhere_sent_nothing_and_tells_nobody_the_secret():
    with gateway(302) as (url, heard), pytest.raises(MessageRefused, match="302"):
        open_messenger(url, secret="s3cret").send(MESSAGE)
    assert len(heard) == 1


def test_gateway_that_answers_nonsense_may_have_sent_it():
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        connection, _peer = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"nonsense\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    assert open_messenger(f"http://127.0.0.1:{listener.getsockname()[1]}/").send(MESSAGE) is MessageOutcome.UNKNOWN
    thread.join(5)
    listener.close()
