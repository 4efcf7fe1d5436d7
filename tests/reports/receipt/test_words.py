from dataclasses import replace

import pytest

from gridtill.reports.receipt.words import RowKind, money_words, receipt_rows, token_groups

pytestmark = pytest.mark.unit


def of_kind(receipt, kind):
    return [row for row in receipt_rows(receipt) if row.kind is kind]


def test_steps_explain_each_block_and_end_in_what_was_paid(receipt):
    steps = of_kind(receipt, RowKind.STEP)

    assert [(row.left, row.note, row.right) for row in steps[:2]] == [
        ("Block 1", "50 kWh × 20.00", "1,000.00"),
        ("Block 2", "30 kWh × 10.00", "300.00"),
    ]
    assert of_kind(receipt, RowKind.SUM)[0].right == "1,500.00"


def test_change_and_remaining_debt_are_told(receipt):
    pairs = {row.left: row.right for row in of_kind(receipt, RowKind.PAIR)}

    assert (pairs["Change"], pairs["Old debt"]) == ("500.00", "900.00 » 800.00")


def test_original_bears_no_stamp_and_a_copy_of_a_recovered_purchase_two(receipt):
    again = replace(receipt, face=replace(receipt.face, copy=2, is_reversed=True))

    assert of_kind(receipt, RowKind.STAMP) == []
    assert [row.left for row in of_kind(again, RowKind.STAMP)] == ["COPY 2", "TAKEN BACK"]


def test_token_is_grouped_and_absent_when_it_must_not_be_seen(receipt):
    bare = replace(receipt, face=replace(receipt.face, tokens=(), check_url="", footer="", header=""))

    assert of_kind(receipt, RowKind.DIGITS)[0].left == "1234 5678 9012 3456 7890"
    assert of_kind(bare, RowKind.DIGITS) == of_kind(bare, RowKind.CODE) == []
    assert token_groups("") == []


def test_purchase_without_change_or_debt_is_shorter(receipt):
    plain = replace(receipt, change_minor=0, debts=())

    assert "Change" not in {row.left for row in receipt_rows(plain)}
    assert len(receipt_rows(plain)) == len(receipt_rows(receipt)) - 4


def test_negative_amount_keeps_its_sign(receipt):
    assert money_words(receipt, -1_234_50) == "-1,234.50"
