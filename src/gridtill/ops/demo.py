"""`gridtill demo`: a demonstration utility on SQLite in one folder, served with printed logins."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from importlib import import_module
from pathlib import Path


def main(argv: list[str]) -> int:
    """Make the folder, the database and the demonstration if they are missing, then serve."""
    parser = argparse.ArgumentParser(prog="gridtill demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--folder", default="var/demo")
    parser.add_argument("--no-serve", action="store_true", help="prepare only")
    arguments = parser.parse_args(argv)
    prepare_environment(Path(arguments.folder))
    serving = import_module("gridtill.ops.serve")
    if not arguments.no_serve and (problem := serving.port_problem("127.0.0.1", arguments.port)):
        print(problem, file=sys.stderr)
        return 1
    # The settings read the environment, so everything of Django's is loaded only now.
    seed = import_module("gridtill.ops.seed_demo")
    print(seed.seed_if_empty(), flush=True)
    if arguments.no_serve:
        return 0
    print(f"Serving at http://127.0.0.1:{arguments.port} until stopped.", flush=True)
    serving.serve(host="127.0.0.1", port=arguments.port, workers=1, threads=4)
    return 0


def prepare_environment(folder: Path) -> None:
    """Point the settings at a folder; its secrets are made once and kept there for their owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["GRIDTILL_MODE"] = "demo"
    os.environ["DATABASE_URL"] = f"sqlite:///{folder.resolve()}/gridtill.db"
    os.environ["GRIDTILL_SECRET_KEY"] = _kept_secret(folder / "secret-key")
    os.environ["GRIDTILL_PRACTICE_FOLDER"] = str(folder.resolve() / "meters")
    # A carrier of its own, which carries nothing away.
    os.environ["GRIDTILL_SMS_URL"] = os.environ["GRIDTILL_MAIL_URL"] = f"file://{folder.resolve()}/messages.jsonl"
    os.environ["GRIDTILL_KEYSTORE_KEY"] = _kept_secret(folder / "keystore-key")


def _kept_secret(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), encoding="utf-8")
    return path.read_text(encoding="utf-8")
