"""
The `gridtill` command: a table of names and the modules that do the work.

Modules are loaded when their command is given, so that `price`, `sts`, `sim` and
`journal verify` run where Django is not installed.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from gridtill import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("gridtill.ops.demo", "serve a demonstration utility on SQLite"),
    "init": ("gridtill.ops.init", "set up a utility: company, roles, first administrator"),
    "web": ("gridtill.ops.serve", "serve the screens"),
    "migrate": ("gridtill.ops.manage", "bring the database up to date"),
    "manage": ("gridtill.ops.manage", "run a Django management command"),
    "journal": ("gridtill.ops.journal", "export the sales journal, or verify an export"),
    "keys": ("gridtill.ops.keys", "split a vending key in two, write a key file, or set a PKCS#11 token up"),
    "price": ("gridtill.ops.price", "quote a tariff: JSON lines in, JSON lines out"),
    "sim": ("gridtill.sim.main", "simulators: a keypad meter, a security module"),
    "sts": ("gridtill.ops.sts", "encode, decode and compute STS tokens"),
}


def usage() -> str:
    """Return the list of commands, one a line."""
    lines = [f"gridtill {__version__}", "", "usage: gridtill COMMAND [ARGUMENT ...]", ""]
    lines += [f"  {name:9} {words}" for name, (_module, words) in sorted(COMMANDS.items())]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code; 2 when there is no such command."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(usage())
        return 0
    if arguments[0] == "--version":
        print(__version__)
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        print(f"There is no command {name!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridtill.config.settings")
    if name == "migrate":
        rest = ["migrate", *rest]
    result: int = import_module(COMMANDS[name][0]).main(rest)
    return result
