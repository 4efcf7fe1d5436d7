"""`gridtill journal`: export the sales journal, and verify an export without any database."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gridtill.kernel.chain import verify


def main(argv: list[str]) -> int:
    """Run `gridtill journal verify FILE`; 0 if every link holds, 1 if one is broken, 2 if it cannot be read."""
    parser = argparse.ArgumentParser(prog="gridtill journal verify", description=__doc__)
    parser.add_argument("file", help="exported journal, one JSON object a line; - for standard input")
    arguments = parser.parse_args(argv)
    try:
        if arguments.file == "-":
            verdict = verify(sys.stdin)
        else:
            with Path(arguments.file).open(encoding="utf-8") as lines:
                verdict = verify(lines)
    except (OSError, UnicodeDecodeError) as error:
        print(f"The journal cannot be read: {error}", file=sys.stderr)
        return 2
    tills = ", ".join(f"{till} up to {last}" for till, last in sorted(verdict.chains.items())) or "no till"
    print(f"{verdict.documents} documents, {verdict.seals} seals; {tills}.")
    if verdict.broken is None:
        print("Every link holds.")
        return 0
    print(f"Broken at {verdict.broken}.")
    return 1
