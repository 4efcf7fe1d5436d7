"""The commands of an installation, run as an administrator runs them: real processes, real files."""

from __future__ import annotations

import http.client
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit
GRIDTILL = str(Path(sys.executable).with_name("gridtill"))
INIT = ("init", "--name", "Coast Light", "--bureau", "Coast", "--currency", "KES", "--time-zone", "Africa/Nairobi")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GRIDTILL_", "DJANGO_", "DATA"))}
    return kept | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/production.db",
        "GRIDTILL_SECRET_KEY": secrets.token_hex(32),
        "GRIDTILL_KEYSTORE_KEY": secrets.token_hex(32),
        "GRIDTILL_STATIC_ROOT": str(tmp_path / "static"),
    }


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GRIDTILL, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def site(environment: dict[str, str], tmp_path: Path) -> Iterator[int]:
    assert run(environment, *INIT).returncode == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path / "web.log").open("wb") as log:
        server = subprocess.Popen(
            [GRIDTILL, "web", "--port", str(port), "--workers", "1"], env=environment, stdout=log, stderr=log
        )
    try:
        for _ in range(120):
            if server.poll() is not None or ask(port, "/healthz")[0] == http.HTTPStatus.OK:
                break
            time.sleep(0.25)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def ask(port: int, path: str) -> tuple[int, str]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except OSError:
        return 0, ""
    finally:
        line.close()


def test_installation_serves_its_pages_and_their_files(site: int) -> None:
    status, page = ask(site, "/login/")
    assert status == http.HTTPStatus.OK
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)

    assert len(files) > 3
    assert {ask(site, path)[0] for path in files} == {http.HTTPStatus.OK}
    assert ask(site, "/readyz")[0] == http.HTTPStatus.OK


def test_utility_is_set_up_once(environment: dict[str, str]) -> None:
    first, second = run(environment, *INIT), run(environment, *INIT)

    assert (first.returncode, second.returncode) == (0, 1)
    assert "Sign in as admin with" in first.stdout
    assert "holds a utility already" in second.stderr


def test_wrong_answers_set_nothing_up(environment: dict[str, str]) -> None:
    wrong = run(environment, *[("Nowhere/None" if word == "Africa/Nairobi" else word) for word in INIT])

    assert wrong.returncode == 1
    assert "time zone" in wrong.stderr.lower()
    assert run(environment, *INIT).returncode == 0


def test_database_that_is_not_up_to_date_is_not_served(environment: dict[str, str]) -> None:
    done = run(environment, "web", "--port", "1")

    assert (done.returncode, "gridtill migrate" in done.stderr) == (1, True)


def test_journal_that_was_exported_verifies_and_a_changed_one_does_not(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "demo"
    assert run(environment, "demo", "--no-serve", "--folder", str(folder)).returncode == 0
    demo = environment | {
        "GRIDTILL_MODE": "demo",
        "DATABASE_URL": f"sqlite:///{folder}/gridtill.db",
        "GRIDTILL_SECRET_KEY": (folder / "secret-key").read_text(),
        "GRIDTILL_KEYSTORE_KEY": (folder / "keystore-key").read_text(),
    }
    exported = run(demo, "journal", "export").stdout
    journal = tmp_path / "journal.jsonl"
    journal.write_text(exported)
    good = run(environment, "journal", "verify", str(journal))
    lines = exported.splitlines()
    victim = next(number for number, line in enumerate(lines) if "total_minor" in line)
    lines[victim] = lines[victim].replace('total_minor\\":', 'total_minor\\":1', 1)
    journal.write_text("\n".join(lines))
    bad = run(environment, "journal", "verify", str(journal))

    assert (good.returncode, "Every link holds" in good.stdout) == (0, True)
    assert (bad.returncode, "Broken at" in bad.stdout) == (1, True)
    assert run(environment, "journal", "verify", str(tmp_path / "nothing")).returncode == 2


def test_missing_key_is_named(environment: dict[str, str]) -> None:
    del environment["GRIDTILL_SECRET_KEY"]
    done = run(environment, *INIT)

    assert done.returncode != 0
    assert "GRIDTILL_SECRET_KEY" in done.stderr


@pytest.mark.parametrize("command", ["web", "demo"])
def test_a_port_that_is_taken_is_not_shared(environment: dict[str, str], tmp_path: Path, command: str) -> None:
    """Two servers on one port would each get some of the requests, and one of them sells from the wrong books."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = str(other.getsockname()[1])
        folder = ["--folder", str(tmp_path / "demo")] if command == "demo" else []
        answer = run(environment, command, "--port", port, *folder)

    assert answer.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in answer.stderr
