import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtill.sts import misty1, sta
from gridtill.sts.errors import WrongKey

pytestmark = pytest.mark.unit
BLOCKS = st.integers(0, (1 << 64) - 1)
TABLES = st.builds(
    lambda one, two, places: sta.StaTables(tuple(one), tuple(two), tuple(places)),
    st.permutations(range(16)),
    st.permutations(range(16)),
    st.permutations(range(64)),
)


@pytest.mark.parametrize(
    ("plain", "encrypted"),
    [(0x0123456789ABCDEF, 0x8B1DA5F56AB3D07C), (0xFEDCBA9876543210, 0x04B68240B13BE95D)],
)
def test_misty1_agrees_with_rfc_2994(plain, encrypted):
    key = bytes.fromhex("00112233445566778899aabbccddeeff")

    assert misty1.encrypt(key, plain) == encrypted
    assert misty1.decrypt(key, encrypted) == plain


@given(st.binary(min_size=16, max_size=16), BLOCKS)
def test_misty1_decrypts_what_it_encrypted(key, block):
    assert misty1.decrypt(key, misty1.encrypt(key, block)) == block


def slow_sta(key: bytes, block: int, tables: sta.StaTables) -> int:
    """The cipher as it is described, a bit at a time."""
    inverted = ~int.from_bytes(key, "big") & (1 << 64) - 1
    working = [inverted >> (place + 12) % 64 & 1 for place in range(64)]
    for _ in range(16):
        nibbles = [block >> 4 * at & 15 for at in range(16)]
        for at in range(16):
            box = tables.substitution_2 if working[4 * at + 3] else tables.substitution_1
            nibbles[at] = box[nibbles[at]]
        bits = [nibbles[place // 4] >> place % 4 & 1 for place in range(64)]
        block = sum(bit << tables.permutation[place] for place, bit in enumerate(bits))
        working = working[-1:] + working[:-1]
    return block


# Each set of tables is compiled anew, which takes its time.
@settings(deadline=None, max_examples=30)
@given(st.binary(min_size=8, max_size=8), BLOCKS, TABLES)
def test_sta_with_any_tables_agrees_with_its_description(key, block, tables):
    encrypted = sta.encrypt(key, block, tables)

    assert encrypted == slow_sta(key, block, tables)
    assert sta.decrypt(key, encrypted, tables) == block


@pytest.mark.parametrize("cipher", [misty1, sta])
@pytest.mark.parametrize("operation", ["encrypt", "decrypt"])
def test_key_of_another_length_is_refused(cipher, operation):
    with pytest.raises(WrongKey, match="this one has 5"):
        getattr(cipher, operation)(bytes(5), 0)


def test_tables_that_repeat_a_number_are_refused():
    sample = sta.SAMPLE_TABLES

    with pytest.raises(WrongKey, match="substitution_2"):
        sta.StaTables(sample.substitution_1, (1,) * 16, sample.permutation)


def tables_as_text(**changes):
    check = {"key": "0abc12def3456789", "plain": "0b19eb230100c207", "cipher": "c45ed1619406df95"}
    content = {
        "format": "gridtill-sta-tables",
        "version": 1,
        "substitution_1": list(sta.SAMPLE_TABLES.substitution_1),
        "substitution_2": list(sta.SAMPLE_TABLES.substitution_2),
        "permutation": list(sta.SAMPLE_TABLES.permutation),
        "check": check,
    }
    return json.dumps(content | changes)


def test_tables_come_out_of_their_file():
    assert sta.parse_tables(tables_as_text()) == sta.SAMPLE_TABLES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "JSON"),
        ("[" * 100_000, "JSON"),
        ("[]", "format"),
        (tables_as_text(version=2), "version 1"),
        (tables_as_text(substitution_1=None), "substitution_1"),
        (tables_as_text(substitution_1=[True] * 16), "substitution_1"),
        (tables_as_text(permutation=list(range(63))), "permutation"),
        (tables_as_text(permutation=list(range(64))), "a number in them is wrong"),
        (tables_as_text(substitution_2=[*range(16)]), "a number in them is wrong"),
        (tables_as_text(check=None), "check"),
        (tables_as_text(check={"key": "00"}), "16 hexadecimal"),
        (tables_as_text(check={"key": "zz" * 8}), "16 hexadecimal"),
    ],
)
def test_wrong_tables_say_which_part(text, words):
    with pytest.raises(WrongKey, match=words):
        sta.parse_tables(text)
