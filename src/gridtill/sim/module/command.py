"""``gridtill sim module``: a security module on a port, until it is told to end."""

from __future__ import annotations

import argparse
import os
import signal
import ssl
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gridtill.drivers.security.base import KeySlot
from gridtill.drivers.security.keyfile import key_of_line
from gridtill.kernel.errors import Refusal
from gridtill.sim.module.faults import FaultRates, Faults
from gridtill.sim.module.making import SimulatedModule
from gridtill.sim.module.memory import Memory
from gridtill.sim.module.server import LinkTerms, ModuleServer

SECRET = "GRIDTILL_TOKEN_MODULE_SECRET"  # noqa: S105 - the name of a variable
_LOOK_S = 0.1
# For trying things out: the key of the examples in docs/commands.md.
EXAMPLE_KEYS: dict[KeySlot, bytes] = {("201457", 1, 2, 2014): bytes.fromhex("61" * 20)}


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 0 for ended, 1 if it could not begin."""
    options = _parser().parse_args(argv)
    try:
        server, memory = _made(options)
    except (Refusal, OSError, ValueError, KeyError, TypeError) as error:
        said = error.message if isinstance(error, Refusal) else f"{type(error).__name__}: {error}"
        print(f"The module did not start. {said}", file=sys.stderr)
        return 1
    told: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: told.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        server.start()
        host, port = server.address
        print(f"module on {host}:{port} with {len(server.module.state().keys)} keys", flush=True)
        while not told:
            time.sleep(_LOOK_S)
    finally:
        server.stop()
        memory.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    print(f"module ended; {server.module.made} tokens were made in all", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gridtill sim module", description=__doc__)
    parser.add_argument("--port", required=True, type=int, help="0 chooses a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--keys", type=Path, help="JSON lines as `gridtill keys seal` reads them")
    parser.add_argument("--secret-file", type=Path, help=f"without it {SECRET} is read")
    parser.add_argument("--state", type=Path, help="file that remembers answers over a restart")
    parser.add_argument("--rate", type=_between(5, 80), help="tokens a second on each link, 5 to 80")
    parser.add_argument("--links", type=_between(1, 256), default=8, help="links at a time")
    parser.add_argument("--remaining", type=_between(0, 10**9), help="tokens that the licence allows in all")
    for name, words in (
        ("lose", "made, but never answered"),
        ("late", "answered too late"),
        ("garble", "answered with what cannot be read"),
        ("cut", "link cut, before or after the making"),
    ):
        parser.add_argument(f"--{name}", type=_between(0, 100), default=0, metavar="PERCENT", help=words)
    parser.add_argument("--seed", type=int, default=0, help="of what befalls which command")
    parser.add_argument("--certificate", type=Path, help="with --certificate-key the links use TLS")
    parser.add_argument("--certificate-key", type=Path)
    return parser


class _between:  # noqa: N801 - it stands where argparse wants a type
    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def __call__(self, text: str) -> int:
        number = int(text)
        if not self._least <= number <= self._most:
            raise argparse.ArgumentTypeError(f"{number} is not between {self._least} and {self._most}")
        return number


def _made(options: argparse.Namespace) -> tuple[ModuleServer, Memory]:
    secret = options.secret_file.read_text("utf-8") if options.secret_file else os.environ.get(SECRET, "")
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.certificate_key)
    faults = Faults(FaultRates(options.lose, options.late, options.garble, options.cut), options.seed)
    terms = LinkTerms(secret.strip(), options.links, options.rate, tls=tls)
    keys = _keys(options.keys) if options.keys else EXAMPLE_KEYS
    memory = Memory(options.state)
    try:
        module = SimulatedModule(keys, memory, licence=options.remaining)
        return ModuleServer(module, terms, faults, (options.host, options.port)), memory
    except BaseException:
        memory.close()
        raise


def _keys(path: Path) -> dict[KeySlot, bytes]:
    found = [key_of_line(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return {(key.supply_group_code, key.key_revision, key.key_type, key.base_date): key.key for key in found}
