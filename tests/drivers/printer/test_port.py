import os
import socket
import threading

import pytest

from gridtill.drivers.printer import port
from gridtill.drivers.printer.port import PrinterUnreachable, PrinterUnset, PrintOutcome, open_printer

pytestmark = pytest.mark.unit


class PaperTray:
    """A printer of this machine: takes one connection, keeps what comes, then ends as told."""

    def __init__(self, *, ending="close"):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._socket.getsockname()[1]}"
        self.received = b""
        self._ending = ending
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        with self._socket:
            connection, _address = self._socket.accept()
        with connection:
            if self._ending == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                connection.recv(10)
                return
            if self._ending == "deaf":
                self.done.wait(10)
                return
            while part := connection.recv(4096):
                self.received += part
            if self._ending == "open":
                self.done.wait(10)

    def stop(self):
        self.done.set()
        self._thread.join(10)


@pytest.fixture
def tray(request):
    made = PaperTray(ending=getattr(request, "param", "close"))
    yield made
    made.stop()


def send(url, content):
    with open_printer(url) as printer:
        return printer.send(content)


def test_network_printer_gets_every_byte(tray):
    content = bytes(range(256)) * 400

    assert send(tray.url, content) is PrintOutcome.SENT
    tray.stop()
    assert tray.received == content


@pytest.mark.parametrize("tray", ["open"], indirect=True)
def test_printer_that_keeps_its_side_open_has_printed(tray, monkeypatch):
    monkeypatch.setattr(port, "DRAIN_TIMEOUT_S", 0.1)

    assert send(tray.url, b"receipt") is PrintOutcome.SENT


@pytest.mark.parametrize("tray", ["reset"], indirect=True)
def test_connection_that_breaks_leaves_it_unknown(tray):
    assert send(tray.url, b"receipt" * 100_000) is PrintOutcome.UNKNOWN


@pytest.mark.parametrize("tray", ["reset"], indirect=True)
def test_break_after_the_last_byte_leaves_it_unknown(tray):
    assert send(tray.url, b"longer than ten bytes") is PrintOutcome.UNKNOWN


@pytest.mark.parametrize("tray", ["deaf"], indirect=True)
def test_printer_that_stops_taking_bytes_leaves_it_unknown(tray, monkeypatch):
    monkeypatch.setattr(port, "SEND_TIMEOUT_S", 1)

    assert send(tray.url, b"x" * 20_000_000) is PrintOutcome.UNKNOWN


def test_printer_that_is_off_fails_and_says_so():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        number = unused.getsockname()[1]

    with pytest.raises(PrinterUnreachable, match="Nothing was printed"):
        open_printer(f"tcp://127.0.0.1:{number}")


def test_device_file_gets_every_byte(tmp_path):
    path = tmp_path / "lp 0"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert send(f"file://{tmp_path}/lp%200", b"receipt") is PrintOutcome.SENT
        assert os.read(reader, 100) == b"receipt"
    finally:
        os.close(reader)


def test_device_that_is_missing_fails(tmp_path):
    with pytest.raises(PrinterUnreachable, match="not connected"):
        open_printer(f"file://{tmp_path}/lp0")


def test_plain_file_is_no_printer(tmp_path):
    (tmp_path / "lp0").write_text("")

    with pytest.raises(PrinterUnset, match="not lead to a device"):
        open_printer(f"file://{tmp_path}/lp0")


@pytest.mark.parametrize("url", ["", "lp0", "tcp://", "file://host/lp0", "http://127.0.0.1", "tcp://printer:99999"])
def test_address_that_cannot_be_read_is_refused(url):
    with pytest.raises(PrinterUnset):
        open_printer(url)
