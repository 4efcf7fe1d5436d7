"""
STS tokens per second, and how many times those of the slow rules in tests/sts/naive.py, in one interleaved run.

    python tools/bench_sts.py

Prints ratios (Gridtill / naive, median of the rounds) and Gridtill's tokens per second. One process, one core.
Every token has an amount and an identifier of its own. "Key derived" goes through more meters than schedules are
remembered, so each token takes a derivation and a schedule; a "new meter" has its number checked as well;
"known key" goes through fewer meters than are remembered. Bounded: about half a minute.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.sts import naive  # noqa: E402

from gridtill.sts import sta  # noqa: E402
from gridtill.sts.keys import DecoderKey, KeyContext, derive_decoder_key  # noqa: E402
from gridtill.sts.pan import MeterPan  # noqa: E402
from gridtill.sts.tokens import decode, encode_credit  # noqa: E402

SECONDS, ROUNDS, BATCH = 0.2, 9, 50
METERS, KNOWN = 4000, 500
VENDING_KEY = bytes(range(100, 120))
GROUP, TARIFF, REVISION, KEY_TYPE, BASE = "201457", "01", 1, 2, 2014
SAMPLE = naive.Tables(sta.SAMPLE_TABLES.substitution_1, sta.SAMPLE_TABLES.substitution_2, sta.SAMPLE_TABLES.permutation)
# One way to make or read a token, given its number.
Work = Callable[[int], object]


def numbers(start: int) -> Iterator[str]:
    """Give meter numbers, each one once."""
    for serial in itertools.count(start):
        body = f"{serial:010d}"
        yield body + naive.luhn(body)


def contents(number: int) -> tuple[int, int, int]:
    """Give the units, the identifier and the random part of a token."""
    return number * 37 % 16_000, 6_612_480 + number % 1_000_000, number % 16


def quick_key(pan: MeterPan, algorithm: str) -> DecoderKey:
    return derive_decoder_key(
        VENDING_KEY, KeyContext(pan, GROUP, TARIFF, REVISION, KEY_TYPE, BASE, algorithm), dkga="04"
    )


def slow_key(pan: str, algorithm: str) -> naive.Key:
    octets = naive.derive_04(VENDING_KEY, pan, GROUP, TARIFF, REVISION, KEY_TYPE, BASE, algorithm)
    return naive.Key(algorithm, octets, SAMPLE if algorithm == "07" else None)


def cases(algorithm: str) -> Iterator[tuple[str, Work, Work]]:
    """Give name, quick and slow way of what is measured, those of one cipher."""
    drns = list(itertools.islice(numbers(1), METERS))
    pans = [MeterPan.from_drn(drn) for drn in drns]
    known = [quick_key(pan, algorithm) for pan in pans[:KNOWN]]
    plain = [slow_key(pan.digits, algorithm) for pan in pans[:KNOWN]]
    tokens = [encode_credit(key, *contents(number)) for number, key in enumerate(known)]
    fresh, slow_fresh = numbers(1_000_000), numbers(1_000_000)
    yield (
        f"EA{algorithm}, key derived",
        lambda number: encode_credit(quick_key(pans[number % METERS], algorithm), *contents(number)),
        lambda number: naive.make_quantity(
            slow_key(pans[number % METERS].digits, algorithm), *contents(number), subclass=0
        ),
    )
    yield (
        f"EA{algorithm}, new meter",
        lambda number: encode_credit(quick_key(MeterPan.from_drn(next(fresh)), algorithm), *contents(number)),
        lambda number: naive.make_quantity(
            slow_key(naive.account_number(next(slow_fresh)), algorithm), *contents(number), subclass=0
        ),
    )
    yield (
        f"EA{algorithm}, known key",
        lambda number: encode_credit(known[number % KNOWN], *contents(number)),
        lambda number: naive.make_quantity(plain[number % KNOWN], *contents(number), subclass=0),
    )
    yield (
        f"EA{algorithm}, decoded, known key",
        lambda number: decode(tokens[number % KNOWN], known[number % KNOWN]),
        lambda number: naive.read(tokens[number % KNOWN], plain[number % KNOWN]),
    )


def rate(work: Work, seconds: float = SECONDS) -> float:
    """Return how often a second the work is done."""
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        for number in range(count, count + BATCH):
            work(number)
        count += BATCH
    return count / passed


def main() -> None:
    measured = [case for algorithm in ("11", "07") for case in cases(algorithm)]
    rates: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    # The first round fills the caches and is not counted.
    for number in range(ROUNDS + 1):
        for name, quick, slow in measured:
            base, found = rate(slow), rate(quick)
            if number:
                rates.setdefault(name, []).append(found)
                ratios.setdefault(name, []).append(found / base)
    for name, values in ratios.items():
        print(f"{name:26} {_spread(values, 1)} times naive   {_spread(rates[name], 0)} a second")


def _spread(values: list[float], places: int) -> str:
    middle, least, most = (f"{value:,.{places}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle:>8} {f'({least} to {most})':20}"


if __name__ == "__main__":
    main()
