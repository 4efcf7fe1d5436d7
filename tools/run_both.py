"""
Run the tests on SQLite and on a private PostgreSQL at the same time, each with its coverage; 1 if either fails.

What the PostgreSQL run says comes after the other is through, so that the two do not mix.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

PYTEST = (sys.executable, "-m", "pytest", "--cov", "--cov-report=", "-q")
PURE = ("src/gridtill/kernel", "src/gridtill/sts", "src/gridtill/tariff", "src/gridtill/cards")


def environment(name: str) -> dict[str, str]:
    return {**os.environ, "COVERAGE_FILE": f".coverage.{name}"}


def main() -> int:
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as heard:
        postgresql = subprocess.Popen(
            [sys.executable, "tools/with_postgres.py", "--", *PYTEST, "tests", "-m", "not unit and not journey"],
            env=environment("postgresql"),
            stdout=heard,
            stderr=subprocess.STDOUT,
        )
        try:
            print("On SQLite, with the browser's stories:", flush=True)
            sqlite = subprocess.run(
                [*PYTEST, "--doctest-modules", *PURE, "tests"], env=environment("sqlite"), check=False
            )
            status = postgresql.wait()
        finally:
            if postgresql.poll() is None:
                postgresql.terminate()
                postgresql.wait(60)
        heard.seek(0)
        print("On PostgreSQL:", heard.read(), sep="\n", flush=True)
    return 1 if sqlite.returncode or status else 0


if __name__ == "__main__":
    sys.exit(main())
