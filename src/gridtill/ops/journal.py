"""`gridtill journal`: export the sales journal, and verify an export without any database."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from gridtill.kernel.chain import verify


def main(argv: list[str]) -> int:
    """Export, or verify: then 0 if every link holds, 1 if one is broken, 2 if the file cannot be read."""
    parser = argparse.ArgumentParser(prog="gridtill journal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("export", help="write the journal to standard output")
    check = commands.add_parser("verify", help="walk an exported journal")
    check.add_argument("file", help="exported journal, one JSON object a line; - for standard input")
    arguments = parser.parse_args(argv)
    if arguments.command == "export":
        return import_module("gridtill.ops.journal_export").export()
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
