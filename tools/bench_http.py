"""
Sales and quotes over HTTP, as ``gridtill web`` serves them, against pgbench on the same PostgreSQL.

    python tools/with_postgres.py --durable -- python tools/bench_http.py [--profile]

Four clients are signed in, each with an open till; a sale is the counter's own request (session, CSRF,
money, token, page with the token). The clients' work is in the figures. Prints medians of interleaved
rounds; with --profile instead the queries and the costliest functions of one sale. About two minutes.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from bench_sale import ROOT, ROUNDS, SECONDS, SUPPLIES, pgbench, prepare, rate
from with_postgres import free_port

CLIENTS = 4
CSRF = "0123456789abcdef0123456789abcdef"


def own_database(url: str, name: str) -> str:
    """Make a database beside pgbench's and return its URL."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def hall() -> dict[str, Any]:
    """Set up a hall with signed-in cashiers and return their sessions and supplies."""
    import django

    django.setup()
    from django.core.management import call_command
    from tests.factories.scene import PAYMENT_RIGHTS, make_scene, make_supply, second_till

    from gridtill.apps.staff.models import Role, RolePermission

    call_command("migrate", verbosity=0)
    at = datetime.now(tz=UTC)
    scene = make_scene(at=at)
    desks = [(scene.shift, scene.asha)]
    desks += [second_till(scene, code=f"T{number:02d}", at=at) for number in range(2, CLIENTS + 1)]
    role = Role.objects.get(code="scene")
    RolePermission.objects.bulk_create(RolePermission(role=role, permission=right) for right in PAYMENT_RIGHTS)
    return {
        "sessions": [session_of(actor.id) for _shift, actor in desks],
        "shifts": [shift.pk for shift, _actor in desks],
        "supplies": [
            [make_supply(scene, desk * 1000 + number + 1, at=at).pk for number in range(SUPPLIES)]
            for desk in range(CLIENTS)
        ],
    }


def session_of(operator_id: int) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from gridtill.apps.staff.models import Operator

    operator = Operator.objects.get(pk=operator_id)
    store = SessionStore()
    store[SESSION_KEY] = str(operator.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = operator.get_session_auth_hash()
    store.save()
    return str(store.session_key)


class Client:
    """A connection that is kept; as little work as can be, for it runs on the machine that is measured."""

    def __init__(self, port: int, session: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = (
            f"Host: 127.0.0.1:{port}\r\nCookie: sessionid={session}; csrftoken={CSRF}\r\n"
            f"X-CSRFToken: {CSRF}\r\nHX-Request: true\r\n"
        )

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> str:
        body = urlencode(form or {}) if method == "POST" else ""
        sized = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n" if body else ""
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\n{self.head}{sized}\r\n{body}".encode())
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, rest = got.split(b"\r\n\r\n", 1)
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(rest) < length:
            rest += self._more()
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"{method} {path}: {head.decode()[:300]} {rest.decode()[:300]}")
        return rest.decode()

    def _more(self) -> bytes:
        found = self.socket.recv(65536)
        if not found:
            sys.exit("The server closed the connection.")
        return found


def sale_form() -> dict[str, str]:
    return {"request_id": str(uuid4()), "amount": "100", "pay": "CASH", "unit": "money"}


def worker(port: int, made: dict[str, Any], what: str) -> Callable[[int], int]:
    """Return what one client does for the length of a round: how often it was done."""

    def work(number: int) -> int:
        client, supplies = Client(port, made["sessions"][number]), made["supplies"][number]
        count, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            supply = supplies[count % SUPPLIES]
            if what == "sale":
                client.ask("POST", f"/counter/sell/{supply}/", sale_form())
            elif what == "quote":
                client.ask("GET", f"/counter/quote/{supply}/?amount=100&unit=money")
            else:
                client.ask("GET", "/healthz")
            count += 1
        return count

    return work


def quoting(made: dict[str, Any]) -> Callable[[int], int]:
    """Return what one process does to quote without HTTP."""

    def work(number: int) -> int:
        from django.db import connection

        from gridtill.apps.vending.queries.counter import quote_sale

        connection.close()
        count, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            quote_sale(
                agreement_id=made["supplies"][number][count % SUPPLIES],
                shift_id=made["shifts"][number],
                at=datetime.now(tz=UTC),
                minor=100_00,
            )
            count += 1
        return count

    return work


def serve(port: int) -> subprocess.Popen[bytes]:
    """Start ``gridtill web`` and wait until it answers."""
    command = [sys.executable, "-c", "import sys; from gridtill.ops.cli import main; sys.exit(main(sys.argv[1:]))"]
    server = subprocess.Popen([*command, "web", "--port", str(port)], stdout=subprocess.DEVNULL)
    for _ in range(100):
        time.sleep(0.2)
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return server
        except OSError:
            continue
    server.terminate()
    sys.exit("gridtill web did not start.")


def measure(url: str, port: int, made: dict[str, Any]) -> dict[str, list[float]]:
    for number in range(CLIENTS):
        page = Client(port, made["sessions"][number]).ask(
            "POST", f"/counter/sell/{made['supplies'][number][0]}/", sale_form()
        )
        if "data-token" not in page:
            sys.exit("A sale showed no token.")
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        base = pgbench(url, CLIENTS)
        rates = {
            "sale over HTTP": rate(CLIENTS, worker(port, made, "sale")),
            "quote over HTTP": rate(CLIENTS, worker(port, made, "quote")),
            "health over HTTP": rate(CLIENTS, worker(port, made, "health")),
            "quote by the query": rate(CLIENTS, quoting(made)),
        }
        for name, per_second in rates.items():
            found.setdefault(name, []).append(per_second / base)
            found.setdefault(f"{name}, per second", []).append(per_second)
        found.setdefault("pgbench, transactions per second", []).append(base)
    return found


def profile(made: dict[str, Any]) -> None:
    """Print the queries of one sale over Django's own client, and where a hundred of them spend their time."""
    import cProfile
    import pstats

    from django.conf import settings
    from django.db import connection
    from django.test import Client as Browser
    from django.test.utils import CaptureQueriesContext

    browser = Browser(headers={"HX-Request": "true", "Host": "localhost"})
    browser.cookies[settings.SESSION_COOKIE_NAME] = made["sessions"][0]
    supplies = made["supplies"][0]

    def sell(count: int) -> None:
        for number in range(count):
            answer = browser.post(f"/counter/sell/{supplies[number % SUPPLIES]}/", sale_form())
            if answer.status_code != 200:
                sys.exit(f"{answer.status_code} {answer.content.decode()[:300]}")

    sell(20)
    with CaptureQueriesContext(connection) as queries:
        sell(1)
    for query in queries.captured_queries:
        print(f"{float(query['time']) * 1000:6.1f} ms  {query['sql'][:150]}")
    began = time.perf_counter()
    sell(200)
    print(f"{(time.perf_counter() - began) * 5:.2f} ms a sale, one after the other, without a server")
    watch = cProfile.Profile()
    watch.runcall(sell, 200)
    pstats.Stats(watch).sort_stats("cumulative").print_stats("gridtill|middleware|query.py|template/base", 45)


def table(title: str, found: dict[str, list[float]]) -> None:
    print(title)
    for name, values in found.items():
        print(f"  {name:40} {statistics.median(values):9.2f}   ({min(values):.2f} to {max(values):.2f})")


def main() -> None:
    os.environ["PYTHONPATH"] = str(ROOT / "src")
    os.environ["GRIDTILL_MODE"] = "test"
    os.environ["GRIDTILL_SECRET_KEY"] = "only-for-measuring"  # noqa: S105
    os.environ["GRIDTILL_KEYSTORE_KEY"] = "00" * 32
    os.environ["GRIDTILL_LOG_LEVEL"] = "WARNING"
    url = os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = own_database(url, "bench_http")
    os.environ["DJANGO_SETTINGS_MODULE"] = "gridtill.config.settings"
    made = hall()
    if "--profile" in sys.argv:
        profile(made)
        return
    from django.db import connection

    connection.close()
    prepare(url)
    port = free_port()
    server = serve(port)
    try:
        table(f"{CLIENTS} clients, ratio to pgbench -c {CLIENTS}", measure(url, port, made))
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)


if __name__ == "__main__":
    main()
