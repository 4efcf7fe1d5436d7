"""Where the whole volume takes the price of its last block, less energy may cost more."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gridtill.kernel.money import Money
from gridtill.sts.amounts import largest_representable_at_most
from gridtill.tariff.document import load_tariff
from gridtill.tariff.quote import History, NotNameable, quote_money

pytestmark = pytest.mark.unit
DOCUMENT = """
code = "FALLING"
title = "Cheaper for large users"
currency = "KES"
price_class = "commercial"
valid_from = 2026-01-01

[source]
name = "Made for tests"

[energy]
kind = "blocks"
whole_volume = true
basis = "month"
blocks = [{ up_to_kwh = 1700, rate = "30.00" }, { rate = "10.00" }]
"""
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
ZONE = ZoneInfo("Africa/Nairobi")


def floor(wh: int) -> int:
    return largest_representable_at_most(wh // 100) * 100


def bought(minor: int) -> int:
    tariff = load_tariff(DOCUMENT)
    return quote_money(tariff, History(), Money(minor, "KES"), AT, zone=ZONE, floor_wh=floor).energy_wh


def test_a_token_that_cannot_name_the_energy_does_not_drop_it_into_the_dearer_block():
    """17,002.00 buy 1700.2 kWh at 10.00; a token names 1699.4, which would cost 50,982.00 at 30.00."""
    with pytest.raises(NotNameable) as refused:
        bought(17_002_00)

    assert "KES 17004.00" in refused.value.message
    assert bought(17_004_00) == 1_700_400


@pytest.mark.parametrize(("minor", "wh"), [(300_00, 10_000), (30_000_00, 2_999_400)])
def test_within_one_block_the_rest_is_carried(minor, wh):
    assert bought(minor) == wh
