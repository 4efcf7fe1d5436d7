from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.sts.errors import OutOfRange
from gridtill.sts.tid import BASE_DATES, TID_MAX, base_moment, identifier_at, is_reserved, moment_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("base_date", BASE_DATES)
def test_last_minute_of_a_base_date_is_its_largest_identifier(base_date):
    last = base_moment(base_date) + timedelta(minutes=TID_MAX, seconds=59)

    assert identifier_at(last, base_date) == TID_MAX
    with pytest.raises(OutOfRange):
        identifier_at(last + timedelta(seconds=1), base_date)


def test_moment_before_the_base_date_is_refused():
    with pytest.raises(OutOfRange):
        identifier_at(datetime(2013, 12, 31, 23, 59, tzinfo=UTC), 2014)


def test_identifiers_count_in_utc_wherever_the_clock_stands():
    there = timezone(timedelta(hours=3))

    assert identifier_at(datetime(2014, 1, 1, 4, 0, tzinfo=there), 2014) == 60


def test_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        identifier_at(datetime(2014, 1, 2), 2014)


def test_unknown_base_date_is_refused():
    with pytest.raises(OutOfRange):
        base_moment(2000)


def test_identifier_of_25_bits_is_refused():
    with pytest.raises(OutOfRange):
        moment_of(TID_MAX + 1, 2014)


@given(st.integers(0, TID_MAX), st.sampled_from(BASE_DATES))
def test_identifier_and_moment_agree_but_for_the_reserved_minute(identifier, base_date):
    expected = identifier + 1 if is_reserved(identifier) else identifier

    assert identifier_at(moment_of(identifier, base_date), base_date) == expected
