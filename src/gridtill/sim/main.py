"""``gridtill sim``: a table of simulators and the modules that run them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

SIMULATORS: dict[str, tuple[str, str]] = {
    "keypad": ("gridtill.sim.keypad.command", "a keypad meter that takes twenty digits and keeps its state in a file"),
    "module": ("gridtill.sim.module.command", "a security module on a port that makes tokens, and trouble if told to"),
}


def usage() -> str:
    """Return the list of simulators, one a line."""
    lines = ["usage: gridtill sim SIMULATOR [ARGUMENT ...]", ""]
    lines += [f"  {name:9} {words}" for name, (_module, words) in sorted(SIMULATORS.items())]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one simulator and return its exit code; 2 when there is no such simulator."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(usage())
        return 0
    name, *rest = arguments
    if name not in SIMULATORS:
        print(f"There is no simulator {name!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    result: int = import_module(SIMULATORS[name][0]).main(rest)
    return result
