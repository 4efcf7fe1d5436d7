"""
What every token issuer must do, whatever holds its keys.

A test module of a driver imports these functions and gives two fixtures: ``issuer``, ready
for ``METER``, and nothing else. ``UNKNOWN_GROUP`` is a supply group that it has no key for.
"""

import uuid
from dataclasses import replace

import pytest

from gridtill.drivers.security.base import (
    CreditRequest,
    InvalidRequest,
    KeyChangeForbidden,
    KeyChangeRequest,
    KeyExpired,
    KeyMissing,
    KeyTypeForbidden,
    ManagementRequest,
    MeterSecurity,
    RequestConflict,
)
from gridtill.sts.errors import WrongCrc
from gridtill.sts.tid import identifier_at, moment_of

METER = MeterSecurity(drn="12345678903", supply_group_code="201457", tariff_index="01", key_revision=1)
OTHER_METER = replace(METER, drn="11111111115")
UNKNOWN_GROUP = "999999"
REQUEST_ID = uuid.UUID("018f0000-0000-7000-8000-000000000001")
REQUEST = CreditRequest(REQUEST_ID, METER, units=322, token_identifier=6_612_480, random_nibble=5)


def test_issued_token_reads_as_what_was_asked(issuer):
    issued = issuer.issue_credit(REQUEST)
    token = issuer.verify(METER, issued.digits)

    assert (issued.units, issued.energy_wh, issued.token_identifier) == (322, 32_200, 6_612_480)
    assert (token.units, token.token_identifier, token.random_nibble) == (322, 6_612_480, 5)


def test_asking_again_gives_the_same_digits(issuer):
    assert issuer.issue_credit(REQUEST) == issuer.issue_credit(REQUEST)


def test_result_is_fetched_by_its_request(issuer):
    assert issuer.fetch_result(REQUEST_ID) is None

    issued = issuer.issue_credit(REQUEST)

    assert issuer.fetch_result(REQUEST_ID) == issued


def test_known_request_with_other_content_is_refused(issuer):
    issued = issuer.issue_credit(REQUEST)

    with pytest.raises(RequestConflict):
        issuer.issue_credit(replace(REQUEST, units=323))

    assert issuer.fetch_result(REQUEST_ID) == issued


def test_rounded_amount_is_told(issuer):
    issued = issuer.issue_credit(replace(REQUEST, units=16_385))

    assert (issued.units, issued.energy_wh) == (16_394, 1_639_400)
    assert issuer.verify(METER, issued.digits).units == 16_394


def test_token_of_another_meter_does_not_verify(issuer):
    issued = issuer.issue_credit(REQUEST)

    with pytest.raises(WrongCrc):
        issuer.verify(OTHER_METER, issued.digits)


def test_last_minute_of_a_key_is_still_issued(issuer):
    meter = replace(METER, key_expiry=0x60)
    first = replace(REQUEST, meter=meter, token_identifier=0x60FFFF)
    late = replace(first, request_id=uuid.UUID(int=2), token_identifier=0x610000)

    assert issuer.issue_credit(first).token_identifier == 0x60FFFF
    with pytest.raises(KeyExpired):
        issuer.issue_credit(late)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"meter": replace(METER, supply_group_code=UNKNOWN_GROUP)}, KeyMissing),
        ({"meter": replace(METER, key_revision=2)}, KeyMissing),
        ({"meter": replace(METER, base_date=2035)}, KeyMissing),
        ({"meter": replace(METER, key_type=0)}, KeyTypeForbidden),
        ({"meter": replace(METER, key_type=1)}, KeyTypeForbidden),
        ({"meter": replace(METER, drn="12345678904")}, InvalidRequest),
        ({"meter": replace(METER, tariff_index="1")}, InvalidRequest),
        ({"meter": replace(METER, encryption_algorithm="09")}, InvalidRequest),
        ({"meter": replace(METER, dkga="01")}, InvalidRequest),
        ({"units": 0}, InvalidRequest),
        ({"units": 18_201_625}, InvalidRequest),
        ({"subclass": 1}, InvalidRequest),
        ({"token_identifier": 1 << 24}, KeyExpired),
        ({"token_identifier": -5}, InvalidRequest),
        ({"token_identifier": 6_612_481}, InvalidRequest),
        ({"random_nibble": 16}, InvalidRequest),
    ],
)
def test_refused_request_leaves_nothing_behind(issuer, change, refusal):
    with pytest.raises(refusal) as declined:
        issuer.issue_credit(replace(REQUEST, **change))

    assert declined.value.message
    assert issuer.fetch_result(REQUEST_ID) is None


def test_refused_request_may_be_put_right(issuer):
    with pytest.raises(InvalidRequest):
        issuer.issue_credit(replace(REQUEST, units=0))

    assert issuer.issue_credit(REQUEST).units == 322


def test_reserved_minute_is_never_in_the_way_of_the_clock(issuer):
    at = moment_of(6_612_481, METER.base_date)

    issued = issuer.issue_credit(replace(REQUEST, token_identifier=identifier_at(at, METER.base_date)))

    assert issued.token_identifier == 6_612_482


def test_issued_token_hides_its_digits_from_logs(issuer):
    issued = issuer.issue_credit(REQUEST)

    assert issued.digits not in repr(issued)


def test_status_names_the_keys_by_check_value(issuer):
    status = issuer.status()

    assert status.ready
    assert issuer.issue_credit(REQUEST).vending_key_check_value in {key.check_value for key in status.keys}


MANAGEMENT = ManagementRequest(uuid.UUID(int=40), METER, 0, 4000, 6_612_480, 5)
MOVED = replace(METER, tariff_index="02", key_expiry=200)
KEY_CHANGE = KeyChangeRequest(uuid.UUID(int=41), METER, MOVED)


def test_a_management_token_carries_its_value(issuer):
    issued = issuer.issue_management(MANAGEMENT)
    token = issuer.verify(METER, issued.digits[0])

    assert (len(issued.digits), issued.value) == (1, 4000)
    assert (token.token_class, token.subclass, token.value, token.token_identifier) == (2, 0, 4000, 6_612_480)


def test_watts_are_told_as_they_were_rounded(issuer):
    assert issuer.issue_management(replace(MANAGEMENT, value=16_385)).value == 16_394


def test_a_default_key_carries_management(issuer):
    with pytest.raises(KeyMissing):
        issuer.issue_management(replace(MANAGEMENT, meter=replace(METER, key_type=1)))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"subclass": 3}, InvalidRequest),
        ({"subclass": 5, "value": 1}, InvalidRequest),
        ({"value": -1}, InvalidRequest),
        ({"token_identifier": 1}, InvalidRequest),
        ({"token_identifier": 0xFFFFFF, "meter": replace(METER, key_expiry=85)}, KeyExpired),
        ({"meter": replace(METER, supply_group_code=UNKNOWN_GROUP)}, KeyMissing),
    ],
)
def test_a_management_request_that_cannot_be_is_refused(issuer, changes, error):
    with pytest.raises(error):
        issuer.issue_management(replace(MANAGEMENT, **changes))


def test_a_key_change_takes_four_tokens_that_the_old_key_opens(issuer):
    issued = issuer.issue_key_change(KEY_CHANGE)

    assert [issuer.verify(METER, digits).subclass for digits in issued.digits] == [3, 4, 8, 9]
    with pytest.raises(WrongCrc):
        issuer.verify(MOVED, issued.digits[0])


@pytest.mark.parametrize(
    "new",
    [
        replace(METER, drn="11111111115"),
        replace(METER, encryption_algorithm="07"),
        replace(METER, base_date=1993),
        replace(METER, key_type=0),
        replace(METER, key_type=3),
    ],
)
def test_a_key_change_that_no_meter_takes_is_refused(issuer, new):
    with pytest.raises(KeyChangeForbidden):
        issuer.issue_key_change(replace(KEY_CHANGE, new=new))


def test_a_key_change_to_a_key_that_is_not_held_is_refused(issuer):
    with pytest.raises(KeyMissing):
        issuer.issue_key_change(replace(KEY_CHANGE, new=replace(METER, supply_group_code=UNKNOWN_GROUP)))
    with pytest.raises(InvalidRequest):
        issuer.issue_key_change(replace(KEY_CHANGE, new=replace(METER, key_expiry=256)))


def test_other_requests_are_answered_again_alike(issuer):
    issued, moved = issuer.issue_management(MANAGEMENT), issuer.issue_key_change(KEY_CHANGE)

    assert (issuer.issue_management(MANAGEMENT), issuer.issue_key_change(KEY_CHANGE)) == (issued, moved)
    assert (issuer.fetch_set(MANAGEMENT.request_id), issuer.fetch_set(KEY_CHANGE.request_id)) == (issued, moved)
    assert (issuer.fetch_set(uuid.UUID(int=99)), issuer.fetch_result(MANAGEMENT.request_id)) == (None, None)
    with pytest.raises(RequestConflict):
        issuer.issue_management(replace(MANAGEMENT, value=5))
    with pytest.raises(RequestConflict):
        issuer.issue_credit(replace(REQUEST, request_id=MANAGEMENT.request_id))
