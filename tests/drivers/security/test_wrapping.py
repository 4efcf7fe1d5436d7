import pytest

from gridtill.drivers.security.wrapping import SoftwareWrapping, WrapBroken

pytestmark = pytest.mark.unit
KEY, SECRET = bytes(range(32)), b"a secret of 20 bytes"


def test_what_was_wrapped_opens_where_it_belongs():
    wrapping = SoftwareWrapping(KEY)
    first, second = (wrapping.wrap(bytearray(SECRET), b"here") for _ in range(2))

    assert first != second
    assert SECRET not in first
    assert wrapping.unwrap(first, b"here") == wrapping.unwrap(second, b"here") == SECRET


def test_what_is_damaged_moved_or_anothers_does_not_open():
    wrapped = SoftwareWrapping(KEY).wrap(SECRET, b"here")
    wrong = [
        (KEY, wrapped, b"there"),
        (KEY[::-1], wrapped, b"here"),
        (KEY, wrapped[:-1], b"here"),
        (KEY, wrapped[:5], b"here"),
        (KEY, b"", b"here"),
    ]

    for key, octets, bound_to in wrong:
        with pytest.raises(WrapBroken):
            SoftwareWrapping(key).unwrap(octets, bound_to)


def test_wrapping_key_of_another_length_is_not_taken():
    with pytest.raises(ValueError, match="32 bytes"):
        SoftwareWrapping(bytes(16))
