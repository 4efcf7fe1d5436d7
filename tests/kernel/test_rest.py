from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.kernel.actors import Actor, NotAllowed
from gridtill.kernel.canonical import canonical_json, sha256_hex
from gridtill.kernel.clock import add_months, business_day, day_bounds, month_start, now
from gridtill.kernel.ids import new_id

pytestmark = pytest.mark.unit


def test_now_is_in_utc():
    assert now().utcoffset() == timedelta(0)


def test_a_moment_without_zone_has_no_day():
    with pytest.raises(ValueError, match="zone"):
        business_day(datetime(2026, 1, 1), ZoneInfo("UTC"))


@pytest.mark.parametrize("zone", ["Africa/Nairobi", "Europe/Berlin", "America/New_York"])
@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_days_follow_each_other_without_a_gap(zone, day):
    start, end = day_bounds(day, ZoneInfo(zone))

    assert day_bounds(day + timedelta(days=1), ZoneInfo(zone))[0] == end
    assert business_day(start, ZoneInfo(zone)) == day
    assert business_day(end - timedelta(microseconds=1), ZoneInfo(zone)) == day


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(-200, 200))
def test_months_there_and_back(day, months):
    first = month_start(day)

    assert add_months(add_months(first, months), -months) == first


def test_equal_content_has_one_spelling():
    assert canonical_json({"b": [1, {"d": None, "c": "é"}], "a": (True,)}) == canonical_json(
        {"a": [True], "b": [1, {"c": "é", "d": None}]}
    )
    assert sha256_hex("a") != sha256_hex("b")


@pytest.mark.parametrize("value", [{"a": 1.5}, {"a": {"b": [1, 2.0]}}, {"a": (0.1,)}, {"a": object()}])
def test_what_has_no_exact_spelling_is_refused(value):
    with pytest.raises(TypeError):
        canonical_json(value)


def test_ids_sort_by_the_time_they_were_made():
    before = int(datetime.now(UTC).timestamp() * 1000)
    made = [new_id() for _ in range(200)]

    assert len(set(made)) == 200
    assert {value.version for value in made} == {7}
    assert {value.variant for value in made} == {"specified in RFC 4122"}
    assert [value.int >> 80 for value in made] == sorted(value.int >> 80 for value in made)
    assert made[0].int >> 80 >= before


def test_an_actor_reaches_their_unit_and_below():
    actor = Actor(7, "Asha", "1/4/", frozenset({"vend.sell"}))

    actor.require("vend.sell", "1/4/9/")
    actor.require("vend.sell")
    with pytest.raises(NotAllowed, match="outside yours"):
        actor.require("vend.sell", "1/5/")
    with pytest.raises(NotAllowed, match=r"the right tariff\.edit"):
        actor.require("tariff.edit")


def test_the_system_may_do_everything():
    Actor(None, "system", "").require("anything", "1/2/")


def test_only_a_person_has_the_id_of_a_person():
    assert Actor(7, "Asha", "1/").person_id == 7
    with pytest.raises(NotAllowed):
        assert Actor(None, "system", "").person_id
