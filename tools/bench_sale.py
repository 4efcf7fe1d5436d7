"""
Sales per second against pgbench's TPC-B-like script on the same PostgreSQL, in one interleaved run.

    python tools/with_postgres.py --durable -- python tools/bench_sale.py

Prints ratios (Gridtill / pgbench, median of the rounds); single figures depend on the machine and its mood.
Every desk has its own till and its own customers, as in a hall. The SQLite figures are against the same
pgbench rounds. Bounded: about three minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridtill.config.settings_test")
SECONDS, ROUNDS, SUPPLIES = 4.0, 3, 50
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def pgbench_binary() -> str:
    found = shutil.which("pgbench") or next(
        (str(path) for path in Path("/usr/lib/postgresql").glob("*/bin/pgbench")), ""
    )
    if not found:
        sys.exit("pgbench is not installed; it comes with Debian's package postgresql.")
    return found


def pgbench(url: str, clients: int) -> float:
    parts = urlsplit(url)
    where = ["-h", parts.hostname or "", "-p", str(parts.port), "-U", parts.username or ""]
    options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(int(SECONDS)), "-b", "tpcb-like"]
    done = subprocess.run(
        [pgbench_binary(), *where, *options, parts.path[1:]], check=True, capture_output=True, text=True
    )
    match = re.search(r"tps = ([0-9.]+) \(without", done.stdout)
    if match is None:
        sys.exit(f"pgbench said nothing of its rate: {done.stdout}")
    return float(match[1])


def play(url: str) -> None:
    """In a process of its own: set up a hall on a database, then answer rates for numbers of desks on stdin."""
    os.environ["DATABASE_URL"] = url
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from tests.factories.scene import make_scene, make_supply, second_till

    from gridtill.apps.vending.operations.deliver import issue_token
    from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
    from gridtill.apps.vending.operations.statement import TenderRow
    from gridtill.kernel.ids import new_id

    call_command("migrate", verbosity=0)
    scene = make_scene()
    desks = [(scene.shift, scene.asha)] + [second_till(scene, code=f"T{number:02d}") for number in range(2, 9)]
    supplies = [
        [make_supply(scene, desk * 1000 + number + 1).pk for number in range(SUPPLIES)] for desk in range(len(desks))
    ]
    connection.close()
    print("ready", flush=True)

    def desk(number: int, *, tokens: bool) -> int:
        shift, actor = desks[number]
        count, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            order = SaleOrder(supplies[number][count % SUPPLIES], shift.pk, (TenderRow("CASH", 100_00, 100_00),))
            vend_id = sell_energy(request_id=new_id(), order=order, actor=actor, at=AT)
            if tokens:
                issue_token(vend_id=vend_id, actor=actor, at=AT)
            count += 1
        return count

    for line in sys.stdin:
        clients, tokens = line.split()
        print(rate(int(clients), lambda number, tokens=tokens: desk(number, tokens=tokens == "token")), flush=True)


def rate(clients: int, work: Callable[[int], int]) -> float:
    """Run work in forked processes and return how often a second it was done."""
    pipes = []
    for number in range(clients):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            os.write(writer, str(work(number)).encode())
            os._exit(0)
        os.close(writer)
        pipes.append(reader)
    total = 0
    for reader in pipes:
        total += int(os.read(reader, 64) or b"0")
        os.close(reader)
    for _ in pipes:
        os.wait()
    return total / SECONDS


class Player:
    """A hall on one database, asked for rates."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--play", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._line()

    def _line(self) -> str:
        if self.process.stdout is None:
            sys.exit("no answer from the hall")
        return self.process.stdout.readline()

    def rate(self, clients: int, *, tokens: bool = False) -> float:
        if self.process.stdin is None:
            sys.exit("the hall does not listen")
        self.process.stdin.write(f"{clients} {'token' if tokens else 'sale'}\n")
        self.process.stdin.flush()
        return float(self._line() or 0)

    def close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait(timeout=30)


def prepare(url: str) -> None:
    """Fill pgbench's tables."""
    parts = urlsplit(url)
    where = ["-h", parts.hostname or "", "-p", str(parts.port), "-U", parts.username or ""]
    command = [pgbench_binary(), "-i", "-q", "-s", "10", *where, parts.path[1:]]
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    url = os.environ["DATABASE_URL"]
    prepare(url)
    with tempfile.TemporaryDirectory(prefix="gridtill-bench-") as folder:
        on_postgresql, on_sqlite = Player(url), Player(f"sqlite:///{folder}/bench.db")
        try:
            for clients in (1, 4):
                measure(url, clients, on_postgresql, on_sqlite)
        finally:
            on_postgresql.close()
            on_sqlite.close()


def measure(url: str, clients: int, on_postgresql: Player, on_sqlite: Player) -> None:
    rounds: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        base = pgbench(url, clients)
        for name, found in (
            ("sale, PostgreSQL", on_postgresql.rate(clients)),
            ("sale and token, PostgreSQL", on_postgresql.rate(clients, tokens=True)),
            ("sale, SQLite", on_sqlite.rate(clients)),
        ):
            rounds.setdefault(name, []).append(found / base)
        rounds.setdefault("pgbench, transactions per second", []).append(base)
    for name, values in rounds.items():
        print(
            f"{clients} clients  {name:34} {statistics.median(values):8.2f}   ({min(values):.2f} to {max(values):.2f})"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--play"]:
        play(sys.argv[2])
    else:
        main()
