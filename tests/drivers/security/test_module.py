"""Tokens from a module behind a line: what it answers, what it refuses, and what is not known."""

import multiprocessing
import os
import socket
import ssl
import threading
import time
import tomllib
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from importlib import resources

import pytest
from tests.drivers.security.conformance import *  # noqa: F403
from tests.drivers.security.conformance import KEY_CHANGE, MANAGEMENT, METER, REQUEST, REQUEST_ID
from tests.factories.modules import KEYS, LONG, SECRET, SHORT, issuer_for, new_certificate, served

from gridtill.drivers.security.base import InvalidRequest, IssueRefused, IssuerStatus, IssueUnknown, KeyMissing
from gridtill.drivers.security.module import link as link_module
from gridtill.drivers.security.module.access import (
    REFUSALS,
    AskedTooLate,
    LicenceUsedUp,
    ModuleAccess,
    ModuleBusy,
    ModuleRefused,
    ModuleUnreachable,
    SignInRefused,
    VendingInhibited,
)
from gridtill.drivers.security.module.driver import ModuleIssuer, _refusal, open_module
from gridtill.drivers.security.module.wire import LineCut, Lines, LineWrong, line_of, object_of, plain, proof
from gridtill.drivers.security.software.driver import SoftwareIssuer
from gridtill.sim.module.faults import FaultKind, FaultRates, Faults
from gridtill.sts.errors import StsError

pytestmark = pytest.mark.unit


@pytest.fixture
def issuer():
    with served() as server, issuer_for(server, waits=LONG) as driver:
        yield driver


# What is lost on the way.

LOST = [FaultKind.LOST, FaultKind.CUT_AFTER, FaultKind.LATE, FaultKind.GARBLED, FaultKind.OTHER_ID, FaultKind.HALF]


@pytest.mark.parametrize("fault", LOST)
def test_lost_answer_is_unknown_and_then_fetched_with_the_same_digits(fault):
    with served() as server, issuer_for(server, waits=SHORT) as issuer:
        server.faults.befall(fault)
        with pytest.raises(IssueUnknown) as unknown:
            issuer.issue_credit(REQUEST)
        fetched = issuer.fetch_result(REQUEST_ID)

        assert unknown.value.request_id == REQUEST_ID
        assert fetched == SoftwareIssuer(KEYS).issue_credit(REQUEST)
        assert issuer.issue_credit(REQUEST) == fetched
        assert server.module.made == 1


@pytest.mark.parametrize("do", ["management", "key change"])
def test_lost_sets_are_fetched_too(do):
    with served() as server, issuer_for(server) as issuer:
        server.faults.befall(FaultKind.CUT_AFTER)
        request = MANAGEMENT if do == "management" else KEY_CHANGE
        with pytest.raises(IssueUnknown):
            (issuer.issue_management if do == "management" else issuer.issue_key_change)(request)

        fetched = issuer.fetch_set(request.request_id)
        assert server.module.made == len(fetched.digits)


def test_link_that_was_cut_before_is_unknown_and_nothing_is_remembered():
    with served() as server, issuer_for(server) as issuer:
        server.faults.befall(FaultKind.CUT_BEFORE)
        with pytest.raises(IssueUnknown):
            issuer.issue_credit(REQUEST)

        assert (issuer.fetch_result(REQUEST_ID), server.module.made) == (None, 0)
        assert issuer.issue_credit(REQUEST).units == REQUEST.units


def test_an_issue_is_sent_once_whatever_comes_back():
    with served() as server, issuer_for(server) as issuer:
        server.faults.befall(FaultKind.CUT_BEFORE, FaultKind.CUT_BEFORE)
        with pytest.raises(IssueUnknown):
            issuer.issue_credit(REQUEST)

        assert server.faults.next() is FaultKind.CUT_BEFORE


def test_restart_in_between_keeps_what_was_made(tmp_path):
    state = tmp_path / "module.jsonl"
    with served(state=state) as server, issuer_for(server, waits=SHORT) as issuer:
        server.faults.befall(FaultKind.LOST)
        with pytest.raises(IssueUnknown):
            issuer.issue_credit(REQUEST)
        address = server.address
    with issuer_for(address) as issuer:
        with pytest.raises(IssueUnknown, match="cannot be asked"):
            issuer.fetch_result(REQUEST_ID)
        with served(state=state, address=address) as server:
            assert issuer.fetch_result(REQUEST_ID) == SoftwareIssuer(KEYS).issue_credit(REQUEST)
            assert server.module.made == 1


def test_links_of_a_module_that_was_started_anew_are_not_used(tmp_path):
    with served() as server, issuer_for(server) as issuer:
        issuer.issue_credit(REQUEST)
        address = server.address
        server.stop()
        with served(address=address):
            assert issuer.issue_credit(replace(REQUEST, request_id=uuid.UUID(int=9))).units == REQUEST.units


def test_what_makes_nothing_is_asked_once_more_over_a_fresh_link():
    with served() as server, issuer_for(server, links=2) as issuer:
        issuer.issue_credit(REQUEST)
        (idle,) = issuer._pools[0]._held.idle
        # The line breaks after the link was looked at.
        idle.is_usable = lambda _wait: bool(idle._peer.shutdown(2)) or True

        assert issuer.fetch_result(REQUEST_ID).units == REQUEST.units


def test_first_byte_that_cannot_be_sent_made_nothing():
    with served() as server, issuer_for(server) as issuer:
        issuer.issue_credit(REQUEST)
        (idle,) = issuer._pools[0]._held.idle
        idle.is_usable = lambda _wait: bool(idle._peer.shutdown(1)) or True

        with pytest.raises(ModuleUnreachable):
            issuer.issue_credit(replace(REQUEST, request_id=uuid.UUID(int=9)))
        assert server.module.made == 1


def test_command_that_a_module_would_not_read_is_not_sent():
    with served() as server, issuer_for(server) as issuer, pytest.raises(ModuleUnreachable, match="longer"):
        issuer.issue_credit(replace(REQUEST, meter=replace(METER, drn="1" * 9000)))


def test_a_module_that_reads_a_request_too_late_makes_nothing():
    with served() as server:
        with pytest.raises(AskedTooLate):
            server.module.do("issue_credit", {"request": plain(REQUEST)}, lambda: False)
        assert server.module.made == 0


def test_token_that_could_not_be_remembered_is_unknown(monkeypatch):
    def full(_kept):
        raise OSError(28, "No space left on device")

    with served() as server, issuer_for(server) as issuer:
        monkeypatch.setattr(server.module._memory, "put", full)
        with pytest.raises(IssueUnknown, match="cannot tell"):
            issuer.issue_credit(REQUEST)


# What is refused.


def test_nobody_there_is_a_refusal_and_no_doubt():
    with served() as server:
        address = server.address
    with issuer_for(address) as issuer:
        for act in (
            lambda: issuer.issue_credit(REQUEST),
            lambda: issuer.require_served(METER),
            lambda: issuer.verify(METER, "1" * 20),
        ):
            with pytest.raises(ModuleUnreachable, match="cannot be asked") as refused:
                act()
            assert refused.value.remedy
        for fetch in (issuer.fetch_result, issuer.fetch_set):
            with pytest.raises(IssueUnknown):
                fetch(REQUEST_ID)
        assert issuer.status() == IssuerStatus(ready=False, issuer="module")


def test_wrong_secret_is_refused_on_either_side(caplog):
    with served() as server:
        with issuer_for(server, secret="correct horse battery") as issuer, pytest.raises(SignInRefused) as said:
            issuer.issue_credit(REQUEST)
        assert server.module.made == 0
    assert "correct horse" not in str(said.value) + said.value.remedy + caplog.text + repr(issuer)
    assert "correct horse" not in repr(ModuleAccess((("h", 1),), secret="correct horse"))


def test_used_up_licence_is_told_before_and_at_the_sale():
    with served(licence=1) as server, issuer_for(server) as issuer:
        issuer.require_served(METER)
        first = issuer.issue_credit(REQUEST)

        with pytest.raises(LicenceUsedUp, match="licence") as refused:
            issuer.issue_credit(replace(REQUEST, request_id=uuid.UUID(int=9)))
        assert refused.value.remedy
        assert (issuer.fetch_result(REQUEST_ID), issuer.status().remaining) == (first, 0)
        assert not issuer.status().ready
        with pytest.raises(LicenceUsedUp):
            issuer.require_served(METER)
        assert server.module.made == 1


def test_inhibited_module_is_asked_for_nothing():
    with served() as server, issuer_for(server) as issuer:
        server.module.inhibited = "Vending was stopped at the module."
        with pytest.raises(VendingInhibited, match="stopped at the module"):
            issuer.issue_credit(REQUEST)
        with pytest.raises(VendingInhibited, match="stopped at the module"):
            issuer.require_served(METER)


@pytest.mark.parametrize(
    ("meter", "refusal"),
    [
        (replace(METER, supply_group_code="999999"), KeyMissing),
        (replace(METER, key_revision=2), KeyMissing),
        (replace(METER, key_type=1), KeyMissing),
        (replace(METER, base_date=2035), KeyMissing),
        (replace(METER, drn="12345678904"), InvalidRequest),
        (replace(METER, dkga="01"), InvalidRequest),
    ],
)
def test_sale_asks_before_the_money(issuer, meter, refusal):
    issuer.require_served(METER)
    with pytest.raises(refusal):
        issuer.require_served(meter)


def test_key_list_is_asked_for_every_few_seconds_only():
    with served() as server, issuer_for(server, waits=replace(LONG, state_s=0.2)) as issuer:
        issuer.require_served(METER)
        server.module.inhibited = "stopped"
        issuer.require_served(METER)
        time.sleep(0.25)
        with pytest.raises(VendingInhibited):
            issuer.require_served(METER)


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_refusal_keeps_its_code_and_says_what_to_do(code):
    refused = _refusal({"code": code, "message": "It {cannot} be.", "field": "units"})

    assert (type(refused), refused.code, refused.message) == (REFUSALS[code], code, "It {cannot} be.")
    assert (refused.field, issubclass(type(refused), IssueRefused)) == ("units", True)


def test_refusal_of_an_unknown_kind_is_shown_bounded_and_printable():
    refused = _refusal({"code": "melted", "message": "\x1b[2J" + "x" * 999, "remedy": "Cool it.", "field": "a b"})

    assert (type(refused), refused.message) == (ModuleRefused, "[2J" + "x" * 296)
    assert (refused.remedy, refused.field) == ("Cool it.", None)
    assert _refusal({"code": "melted", "message": "\x00", "remedy": 5}).message == "The security module declined."


# Several modules.


def test_other_module_takes_over_where_nothing_was_sent():
    with served() as first, served() as second, issuer_for(first, second) as issuer:
        requests = [replace(REQUEST, request_id=uuid.UUID(int=number)) for number in range(1, 21)]
        for request in requests[:10]:
            issuer.issue_credit(request)
        assert (first.module.made > 0, second.module.made > 0) == (True, True)
        before = first.module.made
        second.stop()
        for request in requests[10:]:
            issuer.issue_credit(request)

        assert (first.module.made, repr(issuer).count(":")) == (before + 10, 2)


def test_result_is_none_only_if_every_module_says_so():
    with served() as first, served() as second, issuer_for(first, second) as issuer:
        made = issuer.issue_credit(REQUEST)
        holder, other = (first, second) if first.module.made else (second, first)
        assert issuer.fetch_result(uuid.UUID(int=9)) is None
        other.stop()
        assert issuer.fetch_result(REQUEST_ID) == made
        with pytest.raises(IssueUnknown, match="Not every"):
            issuer.fetch_result(uuid.UUID(int=9))
        holder.stop()
        with pytest.raises(IssueUnknown):
            issuer.fetch_result(REQUEST_ID)


def test_unknown_is_never_taken_over():
    with served() as first, served() as second, issuer_for(first, second, waits=SHORT) as issuer:
        for server in (first, second):
            server.faults.befall(FaultKind.LOST)
        with pytest.raises(IssueUnknown):
            issuer.issue_credit(REQUEST)

        assert first.module.made + second.module.made == 1


def test_a_key_counts_only_where_all_hold_it():
    more = {**KEYS, ("600101", 1, 2, 2014): bytes(20)}
    with served() as first, served(more, licence=5) as second, issuer_for(first, second) as issuer:
        issuer.require_served(METER)
        with pytest.raises(KeyMissing, match="600101"):
            issuer.require_served(replace(METER, supply_group_code="600101"))
        assert (len(issuer.status().keys), issuer.status().remaining) == (1, None)
        first.stop()
        assert (len(issuer.status().keys), issuer.status().remaining) == (2, 5)


def test_module_whose_licence_is_used_up_is_asked_last():
    with served(licence=0) as first, served() as second, issuer_for(first, second) as issuer:
        issuer.require_served(METER)
        for number in range(1, 9):
            issuer.issue_credit(replace(REQUEST, request_id=uuid.UUID(int=number)))

        assert (first.module.made, second.module.made) == (0, 8)


def test_trouble_of_every_kind_makes_one_token_for_each_request(tmp_path):
    """Eight counters, two modules, one of which is started anew; whatever gets lost is looked up."""
    rates = FaultRates(lose=5, late=5, garble=10, cut=10)
    waits = replace(LONG, answer_s=0.3, link_s=10.0)
    requests = [replace(REQUEST, request_id=uuid.UUID(int=number)) for number in range(1, 161)]

    def sell(request):
        for _try in range(40):
            try:
                return issuer.issue_credit(request)
            except IssueUnknown:
                found = looked_up(request)
                if found is not None:
                    return found
            except (ModuleUnreachable, AskedTooLate):
                time.sleep(0.05)
        raise AssertionError("never answered")

    def looked_up(request):
        for _try in range(100):
            with suppress(IssueUnknown):
                return issuer.fetch_result(request.request_id)
            time.sleep(0.05)
        raise AssertionError("never looked up")

    with ExitStack() as stack:
        first = stack.enter_context(served(state=tmp_path / "first", faults=Faults(rates, 1)))
        second = stack.enter_context(served(faults=Faults(rates, 2)))
        issuer = stack.enter_context(issuer_for(first, second, waits=waits))
        with ThreadPoolExecutor(8) as counters:
            made = [counters.submit(sell, request) for request in requests]
            while not all(future.done() for future in made[:40]):
                time.sleep(0.01)
            first.stop()
            first.module._memory.close()
            address = first.address
            anew = stack.enter_context(served(state=tmp_path / "first", faults=Faults(rates, 3), address=address))
            tokens = [future.result() for future in made]

        assert tokens == [SoftwareIssuer(KEYS).issue_credit(request) for request in requests]
        assert anew.module.made + second.module.made == len(requests)
        assert min(anew.module.made, second.module.made) > 20


def test_module_that_is_away_is_not_waited_for_at_each_sale():
    tried = []

    def silent(peer, lines):
        tried.append(peer)
        lines.next(time.monotonic() + 5)

    waits = replace(LONG, connect_s=0.2)
    with served() as first, raw_peer(silent) as second, issuer_for(first, second, waits=waits) as issuer:
        issuer._pools[0]._waits = LONG
        for _sale in range(5):
            issuer._seen.clear()
            issuer.require_served(METER)

    assert len(tried) == 1


def test_words_of_a_stranger_are_shown_bounded():
    said = line_of({"error": {"code": "x", "message": "\x1b[2J" + "y" * 9999}})
    with raw_peer(lambda peer, _lines: peer.sendall(said)) as address, issuer_for(address) as issuer:  # noqa: SIM117
        with pytest.raises(ModuleUnreachable) as refused:
            issuer.issue_credit(REQUEST)
    assert ("\x1b" in refused.value.message, len(refused.value.message) < 400) == (False, True)


# Links.


def test_eight_counters_share_the_links():
    with served(rate=40, links=2) as server, issuer_for(server, links=2, waits=LONG) as issuer:
        requests = [replace(REQUEST, request_id=uuid.UUID(int=number)) for number in range(1, 41)]
        with ThreadPoolExecutor(8) as counters:
            made = list(counters.map(issuer.issue_credit, requests))

        assert made == [SoftwareIssuer(KEYS).issue_credit(request) for request in requests]
        assert (server.module.made, len(issuer._pools[0]._held.idle) <= 2) == (40, True)


def test_busy_links_refuse_and_nothing_was_sent():
    with served() as server, issuer_for(server, links=1, waits=replace(LONG, link_s=0.1)) as issuer:
        with issuer._pools[0].link(time.monotonic() + 2), pytest.raises(ModuleBusy):
            issuer.issue_credit(REQUEST)
        assert server.module.made == 0
        assert issuer.issue_credit(REQUEST).units == REQUEST.units


def test_module_without_a_link_left_says_so():
    with served(links=1) as server, issuer_for(server) as first, issuer_for(server) as second:
        first.issue_credit(REQUEST)
        with pytest.raises(ModuleUnreachable, match="no link left"):
            second.issue_credit(REQUEST)


def test_idle_links_are_tried_and_old_ones_are_left(monkeypatch):
    with served() as server, issuer_for(server) as issuer:
        issuer.issue_credit(REQUEST)
        (link,) = issuer._pools[0]._held.idle
        monkeypatch.setattr(link_module, "_PING_AFTER_S", 0.0)
        assert link.is_usable(1.0)
        server.module.do = lambda *_: time.sleep(1.0)
        assert not link.is_usable(0.1)
        monkeypatch.setattr(link_module, "_LIFE_S", 0.0)
        assert not link.is_usable(1.0)


def _forked(issuer, number, answers):
    made = issuer.issue_credit(replace(REQUEST, request_id=uuid.UUID(int=number)))
    answers.send((made.units, issuer._pools[0]._held.process == os.getpid()))
    issuer.close()


def test_forked_processes_open_links_of_their_own():
    with served() as server, issuer_for(server) as issuer:
        issuer.issue_credit(REQUEST)
        context = multiprocessing.get_context("fork")
        told = []
        for number in (1, 2):
            mine, theirs = context.Pipe(duplex=False)
            child = context.Process(target=_forked, args=(issuer, number, theirs))
            child.start()
            theirs.close()
            told.append(mine.recv() if mine.poll(60) else "nothing")
            mine.close()
            child.join(60)
            assert child.exitcode == 0

        assert told == [(REQUEST.units, True)] * 2
        assert issuer.issue_credit(replace(REQUEST, request_id=uuid.UUID(int=5))).units == REQUEST.units
        assert server.module.made == 4


def test_links_over_tls_know_whom_they_speak_to(tmp_path):
    authority, certificate, key = new_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with served(tls=tls) as server:
        with issuer_for(server, ca=str(authority)) as issuer:
            assert issuer.issue_credit(REQUEST).units == REQUEST.units
            assert issuer.fetch_result(REQUEST_ID) is not None
        other, _certificate, _key = new_certificate(tmp_path / "other")
        with issuer_for(server, ca=str(other)) as issuer, pytest.raises(ModuleUnreachable, match="certificate"):
            issuer.issue_credit(REQUEST)
        with issuer_for(server, ca=str(tmp_path / "none")) as issuer, pytest.raises(ModuleUnreachable, match="read"):
            issuer.issue_credit(REQUEST)
    assert server.module.made == 1


# What is not what it says.


@contextmanager
def impostor(*said, secret=SECRET):
    """Listen as a module does, and after the sign-in answer the commands with these lines; no line closes."""

    def answer(peer, lines):
        nonce = "0" * 32
        greeting = {"protocol": "gridtill-module", "version": 1, "nonce": nonce, "clock_ms": 0}
        peer.sendall(line_of(greeting))
        theirs = object_of(lines.next(time.monotonic() + 5))["nonce"]
        peer.sendall(line_of({"proof": proof(secret, "module", nonce, theirs)}))
        for line in said:
            asked = lines.next(time.monotonic() + 5)
            peer.sendall(line(object_of(asked)) if callable(line) else line)

    with raw_peer(answer) as address:
        yield address


@contextmanager
def raw_peer(behave):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with suppress(OSError):
            while True:
                peer, _address = listener.accept()
                with peer, suppress(OSError, LineCut):
                    behave(peer, Lines(peer, 1 << 20))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[:2]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def answering(result):
    return lambda asked: line_of({"id": asked["id"], "result": result})


GOOD = plain(SoftwareIssuer(KEYS).issue_credit(REQUEST))
HOSTILE = [
    b"\n",
    b"[]\n",
    b"null\n",
    b"\xff\xfe\n",
    b"[" * 100_000 + b"\n",
    b'{"id": ' + b"9" * 5000 + b"}\n",
    b"x" * (300 * 1024),
    b"x" * (300 * 1024) + b"\n",
    lambda asked: line_of({"id": asked["id"]}),
    lambda asked: line_of({"id": asked["id"], "result": GOOD, "error": {"code": "a", "message": "b"}}),
    lambda asked: line_of({"id": asked["id"], "error": None}),
    lambda asked: line_of({"id": asked["id"], "error": {"code": 5, "message": "b"}}),
    lambda _asked: line_of({"result": GOOD}),
    answering(None),
    answering([]),
    answering({}),
    answering({**GOOD, "more": 1}),
    answering({**GOOD, "units": "322"}),
    answering({**GOOD, "units": True}),
    answering({**GOOD, "units": 321, "energy_wh": 32_100}),
    answering({**GOOD, "energy_wh": 5}),
    answering({**GOOD, "token_identifier": 6_612_482}),
    answering({**GOOD, "digits": "1234"}),
    answering({**GOOD, "digits": "\u0661" * 20}),
    answering({**GOOD, "vending_key_check_value": ""}),
    lambda asked: line_of({"id": asked["id"], "result": GOOD})[:-2] + b', "x": 1.5}\n',
]


@pytest.mark.parametrize("line", HOSTILE)
def test_hostile_answer_to_an_issue_is_unknown(line):
    with impostor(line) as address, issuer_for(address) as issuer, pytest.raises(IssueUnknown) as unknown:
        issuer.issue_credit(REQUEST)
    assert len(unknown.value.message) < 200


@pytest.mark.parametrize("line", [line for line in HOSTILE if line not in HOSTILE[13:14]])
def test_hostile_answer_to_a_question_is_no_answer(line):
    with impostor(line) as address, issuer_for(address) as issuer:
        # An amount below what was asked can only be seen where it was asked.
        if line in HOSTILE[19:20] + HOSTILE[21:22]:
            assert issuer.fetch_result(REQUEST_ID) is not None
            return
        with pytest.raises(IssueUnknown):
            issuer.fetch_result(REQUEST_ID)
    with impostor(line) as address, issuer_for(address) as issuer:
        with pytest.raises(ModuleUnreachable):
            issuer.require_served(METER)
        assert not issuer.status().ready


@pytest.mark.parametrize(("size", "fits"), [(0, True), (1, False), (60_000, False)])
def test_line_is_as_long_as_allowed_and_not_longer(size, fits):
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"x" * (1000 + size) + b"\n")
        lines = Lines(near, 1000)
        if fits:
            assert len(lines.next(time.monotonic() + 5)) == 1000
        else:
            with pytest.raises(LineWrong, match="longer than 1000"):
                lines.next(time.monotonic() + 5)


@pytest.mark.parametrize(
    "changes", [{"digits": []}, {"digits": ["1" * 20] * 2}, {"digits": "1" * 20}, {"digits": [5]}, {"value": -1}]
)
def test_hostile_set_is_unknown(changes):
    good = plain(SoftwareIssuer(KEYS).issue_management(MANAGEMENT))
    with impostor(answering({**good, **changes})) as address, issuer_for(address) as issuer:  # noqa: SIM117
        with pytest.raises(IssueUnknown):
            issuer.issue_management(MANAGEMENT)


@pytest.mark.parametrize("code", ["not_permitted", "vending_key_missing", "sts_error", "melted"])
def test_declined_question_is_no_answer(code):
    def declined(asked):
        return line_of({"id": asked["id"], "error": {"code": code, "message": "No."}})

    with impostor(declined) as address, issuer_for(address) as issuer, pytest.raises(IssueUnknown, match="No"):
        issuer.fetch_result(REQUEST_ID)
    kind = StsError if code == "sts_error" else IssueRefused
    with impostor(declined) as address, issuer_for(address) as issuer, pytest.raises(kind):
        issuer.verify(METER, "1" * 20)
    with impostor(declined) as address, issuer_for(address) as issuer, pytest.raises(ModuleUnreachable, match="No"):
        issuer.require_served(METER)


@pytest.mark.parametrize(
    "greeting",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"{}\n",
        b'{"protocol":"gridtill-module","version":2}\n',
        b'{"protocol":"gridtill-module","version":1,"nonce":5,"clock_ms":1}\n',
        b'{"protocol":"gridtill-module","version":1,"nonce":"short","clock_ms":1}\n',
        b'{"protocol":"gridtill-module","version":1,"nonce":"00000000000000000000000000000000","clock_ms":-1}\n',
        b'{"error":5}\n',
        b"x" * (300 * 1024),
    ],
)
def test_what_is_no_module_is_told_nothing(greeting):
    with raw_peer(lambda peer, _lines: peer.sendall(greeting)) as address, issuer_for(address) as issuer:  # noqa: SIM117
        with pytest.raises(ModuleUnreachable):
            issuer.issue_credit(REQUEST)


def test_peer_that_stays_silent_is_waited_for_in_bounds():
    waits = replace(LONG, connect_s=0.2)
    with raw_peer(lambda _peer, _lines: time.sleep(0.6)) as address, issuer_for(address, waits=waits) as issuer:  # noqa: SIM117
        with pytest.raises(ModuleUnreachable, match="in time"):
            issuer.issue_credit(REQUEST)


def test_tokens_of_an_impostor_are_not_taken():
    with impostor(answering(GOOD), secret="somebody else's secret") as address, issuer_for(address) as issuer:  # noqa: SIM117
        with pytest.raises(SignInRefused):
            issuer.issue_credit(REQUEST)


def test_driver_wants_an_endpoint_and_a_link():
    for access in (ModuleAccess((), SECRET), ModuleAccess((("h", 1),), SECRET, links=0)):
        with pytest.raises(ValueError, match="at least one"):
            ModuleIssuer(access)
    access = ModuleAccess((("127.0.0.1", 1),), SECRET)
    assert open_module(access) is open_module(ModuleAccess((("127.0.0.1", 1),), SECRET))


def test_manifest_names_the_class():
    text = resources.files("gridtill.drivers.security.module").joinpath("manifest.toml").read_text("utf-8")
    manifest = tomllib.loads(text)

    assert manifest["factory"] == f"{ModuleIssuer.__module__}:{ModuleIssuer.__qualname__}"
    assert manifest["identifier"] == "module"
