"""`gridtill web`: serve the screens with granian."""

from __future__ import annotations

import argparse
import os
import socket
import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from granian import Granian
from granian.constants import Interfaces


def main(argv: list[str]) -> int:
    """Serve until stopped, one process a worker; 1 if the port is taken or the database is not up to date."""
    parser = argparse.ArgumentParser(prog="gridtill web", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4)
    arguments = parser.parse_args(argv)
    if problem := port_problem(arguments.host, arguments.port):
        print(problem, file=sys.stderr)
        return 1
    django.setup()
    if waiting := _waiting_migrations():
        print(f"The database lacks {waiting} changes. Run `gridtill migrate`, then start again.", file=sys.stderr)
        return 1
    if settings.STATIC_ROOT:
        call_command("collectstatic", interactive=False, verbosity=0)
    connections.close_all()
    serve(host=arguments.host, port=arguments.port, workers=arguments.workers, threads=arguments.threads)
    return 0


def port_problem(host: str, port: int) -> str:
    """Say why a port cannot be served on, empty if it can: granian would share it with whoever listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return (
                f"Port {port} of {host} cannot be used: {error.strerror}. Stop what listens there, or choose another."
            )
    return ""


def _waiting_migrations() -> int:
    executor = MigrationExecutor(connections["default"])
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def serve(*, host: str, port: int, workers: int, threads: int) -> None:
    """Run granian in WSGI mode; a worker that dies is started again."""
    sys.stdout.flush()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridtill.config.settings")
    Granian(
        "gridtill.config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        respawn_failed_workers=True,
    ).serve()
