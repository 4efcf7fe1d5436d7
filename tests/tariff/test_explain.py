import pytest

from gridtill.tariff.explain import explain
from tests.tariff.documents import TAXES, blocks, buy, flat

pytestmark = pytest.mark.unit


def test_every_line_and_the_sum_are_written():
    assert explain(buy(blocks(tail=TAXES), "500.00"), 48) == [
        "Fixed charge                              150.00",
        "Energy, block 1  32.9 kWh × 2.50           82.25",
        "Fuel  32.9 kWh × 6.00                     197.40",
        "ERC  32.9 kWh × 0.03                        0.99",
        "VAT                                        68.74",
        "Carried to the next purchase                0.62",
        "Paid                                  KES 500.00",
        "Energy                                  32.9 kWh",
    ]


def test_a_long_label_is_cut_and_never_the_amount():
    tariff = flat(more='[[charges]]\ncode = "c"\nlabel = "' + "Long " * 30 + '"\namount = "1"\n')

    lines = explain(buy(tariff, "101.00"), 32)

    assert {len(line) for line in lines} == {32}
    assert lines[0].endswith(" 1.00")
