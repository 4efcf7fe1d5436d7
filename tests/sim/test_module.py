"""The simulated security module by itself: its command, its memory, its faults and what it takes from a link."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

import gridtill
from gridtill.drivers.security.base import IssueUnknown, KeyMissing
from gridtill.drivers.security.module.access import LicenceUsedUp
from gridtill.drivers.security.module.wire import Lines, LineWrong, line_of, object_of, plain, proof
from gridtill.drivers.security.software.driver import SoftwareIssuer
from gridtill.ops.cli import main as gridtill_main
from gridtill.sim.module.faults import FaultKind, FaultRates, Faults
from gridtill.sim.module.making import SimulatedModule
from gridtill.sim.module.memory import Memory, Remembered, StateWrong
from gridtill.sim.module.server import LinkTerms, ModuleServer
from tests.drivers.security.conformance import KEY_CHANGE, MANAGEMENT, METER, REQUEST, REQUEST_ID
from tests.factories.modules import KEYS, LONG, SECRET, SHORT, issuer_for, new_certificate, served

pytestmark = pytest.mark.unit


def remembered(number=1):
    request = replace(REQUEST, request_id=uuid.UUID(int=number))
    return Remembered("issue_credit", request, SoftwareIssuer(KEYS).issue_credit(request))


def sign_in(server, secret=SECRET):
    """Speak to a module as any program can, and return the connection and its lines."""
    peer = socket.create_connection(server.address, timeout=5)
    lines = Lines(peer, 1 << 20)
    nonce = object_of(lines.next(time.monotonic() + 5))["nonce"]
    peer.sendall(line_of({"nonce": "a" * 32, "proof": proof(secret, "server", nonce, "a" * 32)}))
    return peer, lines, object_of(lines.next(time.monotonic() + 5))


def test_memory_survives_and_forgets_half_a_line(tmp_path):
    path = tmp_path / "state"
    memory = Memory(path)
    for number in (1, 2):
        memory.put(remembered(number))
    memory.put(
        Remembered("issue_key_change", KEY_CHANGE, SoftwareIssuer(KEYS).issue_key_change(KEY_CHANGE)),
    )
    memory.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:50])

    again = Memory(path)
    assert (len(again), again.tokens) == (3, 6)
    assert again.get(uuid.UUID(int=2)) == remembered(2)
    again.put(remembered(4))
    again.close()
    assert path.read_bytes().startswith(whole)
    assert len(path.read_bytes().splitlines()) == 4
    assert path.stat().st_mode & 0o077 == 0


def test_memory_belongs_to_one_module(tmp_path):
    memory = Memory(tmp_path / "state")
    with pytest.raises(StateWrong, match="Another module"):
        Memory(tmp_path / "state")
    memory.close()
    with pytest.raises(StateWrong, match="cannot be used"):
        Memory(tmp_path / "no folder" / "state")


@pytest.mark.parametrize("line", ["{}", "[]", '{"do":"issue_credit","request":{},"answer":{}}', '{"do":"dance"}'])
def test_file_that_is_no_memory_is_left_alone(tmp_path, line):
    path = tmp_path / "state"
    path.write_text(line + "\n")

    with pytest.raises(StateWrong, match="Line 1"):
        Memory(path)
    assert path.read_text() == line + "\n"


def test_faults_follow_from_the_seed_and_come_as_often_as_asked():
    rates = FaultRates(lose=20, late=10, garble=10, cut=10)
    one, same, other = Faults(rates, 7), Faults(rates, 7), Faults(rates, 8)
    drawn = [one.next() for _number in range(1000)]

    assert drawn == [same.next() for _number in range(1000)]
    assert drawn != [other.next() for _number in range(1000)]
    assert set(drawn) == {None, *FaultKind}
    assert 430 < drawn.count(None) < 570
    assert 150 < drawn.count(FaultKind.LOST) < 250
    assert [Faults().next() for _number in range(100)] == [None] * 100
    with pytest.raises(ValueError, match="100 percent"):
        Faults(FaultRates(lose=60, late=60))


def test_licence_counts_tokens_over_a_restart(tmp_path):
    for _start in range(2):
        memory = Memory(tmp_path / "state")
        module = SimulatedModule(KEYS, memory, licence=4)
        result = module.do("issue_credit", {"request": plain(REQUEST)}, lambda: True)
        with pytest.raises(LicenceUsedUp):
            module.do("issue_key_change", {"request": plain(KEY_CHANGE)}, lambda: True)
        assert (module.made, module.state().remaining, module.state().ready) == (1, 3, True)
        assert result["digits"] == SoftwareIssuer(KEYS).issue_credit(REQUEST).digits
        assert repr(module) == "<SimulatedModule SIM00001>"
        memory.close()


def test_a_link_carries_so_many_tokens_a_second():
    with served(rate=20) as server, issuer_for(server, links=1, waits=LONG) as issuer:
        began = time.monotonic()
        for number in range(1, 7):
            issuer.issue_credit(replace(REQUEST, request_id=uuid.UUID(int=number)))

        # The first is not waited for.
        assert time.monotonic() - began >= 5 / 20


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"hello\n", "malformed"),
        (b"{}\n", "malformed"),
        (b'{"id":"1","do":"ping","until_ms":"soon"}\n', "malformed"),
        (b"x" * 9000 + b"\n", "malformed"),
        (b"x" * 9000, "malformed"),
        (b'{"id":"1","do":"dance","until_ms":0}\n', "issue_request_invalid"),
        (b'{"id":"1","do":"issue_credit","until_ms":0}\n', "issue_request_invalid"),
        (b'{"id":"1","do":"issue_credit","until_ms":0,"request":{"request_id":"x"}}\n', "issue_request_invalid"),
        (b'{"id":"1","do":"fetch_result","until_ms":0}\n', "issue_request_invalid"),
        (b'{"id":"1","do":"fetch_set","until_ms":0,"request_id":"x"}\n', "issue_request_invalid"),
        (b'{"id":"1","do":"verify","until_ms":0,"digits":5}\n', "issue_request_invalid"),
        (b'{"id":"1","do":"verify","until_ms":0,"digits":"1","meter":5}\n', "issue_request_invalid"),
    ],
)
def test_hostile_command_is_declined_in_words(line, said):
    with served() as server:
        peer, lines, _answer = sign_in(server)
        with peer:
            peer.sendall(line)
            error = object_of(lines.next(time.monotonic() + 5))["error"]
        assert (error["code"], error["message"].startswith("Not understood: ")) == (said, True)
        assert server.module.made == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"request_id": "x"},
        {"request_id": 5},
        {"meter": None},
        {"units": 1.5},
        {"units": "9"},
        {"subclass": None},
        {"more": 1},
    ],
)
def test_hostile_request_makes_nothing(changes):
    with served() as server:
        with pytest.raises(LineWrong):
            server.module.do(
                "issue_credit", json.loads(json.dumps({"request": plain(REQUEST) | changes})), lambda: True
            )
        assert server.module.made == 0


@pytest.mark.parametrize(
    "line", [b"\n", b"{}\n", b'{"nonce":"short","proof":"x"}\n', b'{"nonce":"%s","proof":"\xc3\xa9"}\n' % (b"a" * 32)]
)
def test_nobody_comes_in_without_the_secret(line):
    with served() as server:
        with socket.create_connection(server.address, timeout=5) as peer:
            lines = Lines(peer, 1 << 20)
            lines.next(time.monotonic() + 5)
            peer.sendall(line + b'{"id":"1","do":"issue_credit","until_ms":0}\n')
            error = object_of(lines.next(time.monotonic() + 5))["error"]
        assert error["code"] in {"malformed", "sign_in_refused"}
        peer, _lines, answer = sign_in(server, secret="guessed")
        peer.close()
        assert answer["error"]["code"] == "sign_in_refused"


def test_a_proof_is_good_for_its_nonces_only():
    with pytest.raises(LineWrong):
        proof(SECRET, "server", "a", "b" * 32)
    proofs = {
        proof(SECRET, side, mine, theirs)
        for side in ("server", "module")
        for mine, theirs in (("a" * 32, "b" * 32), ("b" * 32, "a" * 32))
    }
    assert len(proofs) == 4


def test_module_wants_a_secret_worth_the_name():
    with pytest.raises(ValueError, match="16 characters"):
        ModuleServer(SimulatedModule(KEYS, Memory()), LinkTerms("short"), Faults())
    assert SECRET not in repr(LinkTerms(SECRET))


def test_server_that_was_not_started_stops():
    server = ModuleServer(SimulatedModule(KEYS, Memory()), LinkTerms(SECRET), Faults())
    server.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(server.address, timeout=5)


# The command.


@pytest.fixture
def module(tmp_path):
    """Start ``gridtill sim module`` in a process of its own; every one that was started is ended."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    key = {"supply_group_code": "201457", "key_revision": 1, "key": b"a secret of 20 bytes".hex()}
    (tmp_path / "keys").write_text(json.dumps(key) + "\n\n")
    started = []

    def start(*words):
        code = "import sys; from gridtill.ops.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "sim", "module", "--port", "0"]
        command += ["--secret-file", tmp_path / "secret", "--keys", tmp_path / "keys", *words]
        environment = {**os.environ, "PYTHONPATH": str(Path(gridtill.__file__).parents[1])}
        process = subprocess.Popen(
            [str(word) for word in command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        ready, _write, _other = select.select([process.stdout], [], [], 60)
        said = process.stdout.readline() if ready else ""
        assert "with 1 keys" in said, process.stderr.read() if process.poll() is not None else said
        return process, ("127.0.0.1", int(said.split(":")[1].split()[0]))

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=20)


def end(process):
    process.send_signal(signal.SIGTERM)
    said, complained = process.communicate(timeout=20)
    return process.returncode, said, complained


def test_command_loses_the_answer_and_remembers_it_over_a_restart(module, tmp_path):
    process, address = module("--state", tmp_path / "state", "--lose", "100")
    with issuer_for(address, waits=SHORT) as issuer:
        with pytest.raises(IssueUnknown):
            issuer.issue_credit(REQUEST)
        assert end(process) == (0, "module ended; 1 tokens were made in all\n", "")
        process, address = module("--state", tmp_path / "state", "--rate", "40", "--remaining", "2")
    with issuer_for(address, waits=LONG) as issuer:
        made = SoftwareIssuer(KEYS).issue_credit(REQUEST)
        assert (issuer.fetch_result(REQUEST_ID), issuer.issue_credit(REQUEST)) == (made, made)
        assert issuer.status().remaining == 1
        issuer.issue_management(MANAGEMENT)
        with pytest.raises(LicenceUsedUp):
            issuer.issue_credit(replace(REQUEST, request_id=uuid.UUID(int=9)))
        with pytest.raises(KeyMissing):
            issuer.require_served(replace(METER, supply_group_code="999999"))
    assert end(process) == (0, "module ended; 2 tokens were made in all\n", "")


def test_command_that_was_killed_remembers_what_it_answered(module, tmp_path):
    process, address = module("--state", tmp_path / "state")
    with issuer_for(address) as issuer:
        made = issuer.issue_credit(REQUEST)
        process.kill()
        process.communicate(timeout=20)
        with pytest.raises(IssueUnknown):
            issuer.fetch_result(REQUEST_ID)
    _process, address = module("--state", tmp_path / "state")
    with issuer_for(address) as issuer:
        assert issuer.fetch_result(REQUEST_ID) == made


def test_command_serves_here_until_it_is_told_to_end(tmp_path, capsys, monkeypatch):
    """In this process: with the secret of the environment, over TLS, and with the keys of the examples."""
    authority, certificate, key = new_certificate(tmp_path)
    monkeypatch.setenv("GRIDTILL_TOKEN_MODULE_SECRET", SECRET)
    before, told = signal.getsignal(signal.SIGTERM), []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def sell():
        try:
            with issuer_for(("127.0.0.1", port), ca=str(authority)) as issuer:
                deadline = time.monotonic() + 20
                while not told and time.monotonic() < deadline:
                    told.extend(issuer.status().keys)
                told.append(issuer.issue_credit(REQUEST).units)
        finally:
            signal.raise_signal(signal.SIGTERM)

    seller = threading.Thread(target=sell)
    timer = threading.Timer(0.2, seller.start)
    timer.start()
    words = ["--port", str(port), "--certificate", str(certificate), "--certificate-key", str(key)]
    assert gridtill_main(["sim", "module", *words]) == 0
    timer.join()
    seller.join()

    assert (len(told), told[1], signal.getsignal(signal.SIGTERM)) == (2, REQUEST.units, before)
    assert "1 tokens were made" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["--secret-file", "missing"],
        ["--keys", "missing"],
        ["--state", "no folder/state"],
        ["--lose", "60", "--late", "60"],
        ["--certificate", "missing"],
        ["--host", "300.0.0.1"],
        [],
    ],
)
def test_command_that_cannot_begin_says_why(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRIDTILL_TOKEN_MODULE_SECRET", SECRET if words else "short")

    assert gridtill_main(["sim", "module", "--port", "0", *words]) == 1
    said = capsys.readouterr().err
    assert "did not start" in said
    assert SECRET not in said


@pytest.mark.parametrize("words", [["--rate", "4"], ["--rate", "81"], ["--lose", "101"], ["--links", "0"]])
def test_command_takes_numbers_within_bounds(words, capsys):
    with pytest.raises(SystemExit) as ended:
        gridtill_main(["sim", "module", "--port", "0", *words])
    assert (ended.value.code, "is not between" in capsys.readouterr().err) == (2, True)
