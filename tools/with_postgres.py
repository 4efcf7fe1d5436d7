"""
Run a command with DATABASE_URL pointing at a private PostgreSQL cluster, and remove it afterwards.

    python tools/with_postgres.py [--durable] -- COMMAND [ARG ...]

GRIDTILL_TEST_DATABASE_URL, when set, is used instead of making a cluster. Without --durable the
cluster does not wait for the disk: right for tests, wrong for measurements.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        which = shutil.which("initdb")
        if which is None:
            sys.exit("PostgreSQL is not installed (no initdb); install Debian's package postgresql.")
        return Path(which).parent
    return found[-1].parent


def as_server(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root; there it runs as the account that its package made."""
    if os.geteuid() != 0:
        return command
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "postgres"], check=True)
    return ["runuser", "-u", "postgres", "--", *command]


def main() -> int:
    arguments = sys.argv[1:]
    durable = "--durable" in arguments
    command = arguments[arguments.index("--") + 1 :]
    given = os.environ.get("GRIDTILL_TEST_DATABASE_URL")
    if given:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": given}, check=False).returncode
    binaries, port = server_binaries(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="gridtill-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres" if "postgres" in {user.pw_name for user in pwd.getpwall()} else None)
        data = folder / "data"
        quick = "" if durable else " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=100{quick}"
        subprocess.run(
            as_server(
                [
                    str(binaries / "initdb"),
                    "-D",
                    str(data),
                    "-A",
                    "trust",
                    "-U",
                    "postgres",
                    "-E",
                    "UTF8",
                    "--no-locale",
                ]
            ),
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        subprocess.run(
            as_server(
                [str(binaries / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start"]
            ),
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode
    finally:
        subprocess.run(
            as_server([str(binaries / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "-w", "stop"]),
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
