from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.sts.errors import OutOfRange, StsError, WrongCheckDigit, WrongDigit, WrongLength
from gridtill.sts.luhn import check_digit, require_check_digit
from gridtill.sts.pan import MeterPan, normalize_drn

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("drn", ["12345678904", "11111111113", "0100000000007"])
def test_wrong_check_digit_is_refused(drn):
    with pytest.raises(WrongCheckDigit) as refusal:
        normalize_drn(drn)

    assert refusal.value.message.endswith(f"call for {check_digit(drn[:-1])}.")


def test_length_of_a_meter_number_is_named():
    with pytest.raises(WrongLength) as refusal:
        normalize_drn("123456789012")

    assert refusal.value.message == "A meter number has 11 or 13 digits; this one has 12."


@pytest.mark.parametrize("drn", ["", "1234567890x", "١٢٣٤٥٦٧٨٩٠١", "12345678.03"])
def test_only_ascii_digits_make_a_meter_number(drn):
    with pytest.raises(WrongDigit):
        normalize_drn(drn)


def test_check_digit_of_letters_is_refused():
    with pytest.raises(WrongDigit):
        check_digit("12a")


@pytest.mark.parametrize(
    ("pan", "drn"),
    [
        ("600727000000000009", "00000000000"),
        ("000001000000000082", "0100000000008"),
        ("600727111111111153", "11111111115"),
    ],
)
def test_account_number_and_meter_number_agree(pan, drn):
    assert MeterPan(pan).drn == drn
    assert MeterPan.from_drn(drn).digits == pan


@pytest.mark.parametrize(
    ("pan", "error"),
    [
        ("60072700000000000", WrongLength),
        ("600727000000000008", WrongCheckDigit),
        ("600727000000000017", WrongCheckDigit),
        ("500727000000000009", OutOfRange),
        ("60072700000000000x", WrongDigit),
    ],
)
def test_broken_account_number_is_refused(pan, error):
    with pytest.raises(error):
        MeterPan(pan)


@given(st.text("0123456789", min_size=1, max_size=20), st.integers(0, 9), st.data())
def test_every_single_wrong_digit_is_noticed(body, other, data):
    number = body + check_digit(body)
    at = data.draw(st.integers(0, len(number) - 1))
    changed = number[:at] + str(other) + number[at + 1 :]

    if changed == number:
        require_check_digit(changed, "number")
    else:
        with pytest.raises(WrongCheckDigit):
            require_check_digit(changed, "number")


@given(st.sampled_from([10, 12]), st.data())
def test_meter_number_survives_the_account_number(length, data):
    body = data.draw(st.text("0123456789", min_size=length, max_size=length))
    drn = body + check_digit(body)

    assert MeterPan(MeterPan.from_drn(drn).digits).drn == drn


@given(st.text(max_size=25))
def test_any_text_is_read_or_refused(text):
    with suppress(StsError):
        assert normalize_drn(text).isdecimal()
