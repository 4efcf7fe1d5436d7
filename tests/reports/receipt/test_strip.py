from dataclasses import replace

import pytest

from gridtill.drivers.printer.escpos import COLUMNS
from gridtill.reports.receipt.strip import receipt_bytes

pytestmark = pytest.mark.unit


def printed(receipt):
    """What stands on the paper: the bytes of each line behind its three settings."""
    return [line.rpartition(b"\x1d!")[2][1:].decode("cp1252") for line in receipt_bytes(receipt).split(b"\n")]


def test_strip_explains_the_blocks_and_shows_the_token(receipt):
    lines = printed(receipt)
    block = lines.index(f"{'Block 1':<34}1,000.00")

    assert lines[block + 1] == "  50 kWh × 20.00"
    assert lines[lines.index("1234 5678 9012") + 1] == "3456 7890"
    assert f"{'PAID KES':<34}1,500.00" in lines


def test_strip_ends_with_the_code_and_the_cut(receipt):
    content = receipt_bytes(receipt)

    assert b"1P0https://tokens.example/r/ABCDEFGH\x1d(k\x03\x001Q0" in content
    assert content.endswith(b"\x1dVB\x03")


def test_copy_says_so_and_a_hidden_token_is_not_there(receipt):
    hidden = replace(receipt, face=replace(receipt.face, copy=1, tokens=(), check_url="", is_reversed=True))
    content = receipt_bytes(hidden)

    assert b"COPY 1" in content
    assert b"TAKEN BACK" in content
    assert b"1234" not in content
    assert b"1Q0" not in content


def test_long_and_hostile_names_fit_and_give_no_commands(receipt):
    worse = replace(receipt, customer_name="Ébène " * 20 + "\x1bp\x00\x19\xfa", cashier="王" * 90)
    content = receipt_bytes(worse)

    assert b"\x1bp" not in content
    assert all(len(line) <= COLUMNS for line in printed(worse)[:20])
