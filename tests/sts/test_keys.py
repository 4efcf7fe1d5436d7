import hashlib
import hmac

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from gridtill.sts import sta
from gridtill.sts.errors import OutOfRange, WrongDigit, WrongKey, WrongLength
from gridtill.sts.keys import (
    CHECK_VALUE_MESSAGE,
    DecoderKey,
    KeyContext,
    check_value,
    check_value_of_mac,
    decoder_key_of_mac,
    derive_decoder_key,
    generation_message,
    require_algorithm,
)
from gridtill.sts.pan import MeterPan

pytestmark = pytest.mark.unit
LONG_KEY = bytes(range(100, 120))
DES_KEY = bytes.fromhex("0123456789abcdef")
SHORT = MeterPan.from_drn("12345678903")
LONG = MeterPan.from_drn("0100000000008")


def context(**changes) -> KeyContext:
    fields = {
        "pan": SHORT,
        "supply_group_code": "987654",
        "tariff_index": "07",
        "key_revision": 3,
        "key_type": 2,
        "base_date": 2014,
        "algorithm": "11",
    }
    return KeyContext(**{**fields, **changes})


@pytest.mark.parametrize(("algorithm", "size", "bits"), [("11", 16, "00000080"), ("07", 8, "00000040")])
def test_algorithm_04_is_one_hmac_over_the_counted_fields(algorithm, size, bits):
    message = (
        f"04 02 3034 02 3134 02 3{algorithm[0]}3{algorithm[1]} 02 3037 00"
        "04 06 393837363534 01 32 01 33 12 363030373237313233343536373839303330" + bits
    )
    expected = hmac.new(LONG_KEY, bytes.fromhex(message.replace(" ", "")), hashlib.sha256).digest()[:size]

    assert derive_decoder_key(LONG_KEY, context(algorithm=algorithm)).octets == expected


@pytest.mark.parametrize("algorithm", ["11", "07"])
def test_a_device_that_makes_the_hmac_makes_the_same_key(algorithm):
    """A device may want longer keys: HMAC itself fills a short one up with zeros."""
    meter, longer = context(algorithm=algorithm), LONG_KEY + bytes(12)
    mac = hmac.new(longer, generation_message(meter), hashlib.sha256).digest()

    assert decoder_key_of_mac(mac, meter) == derive_decoder_key(LONG_KEY, meter)
    mac = hmac.new(longer, CHECK_VALUE_MESSAGE, hashlib.sha256).digest()
    assert check_value_of_mac(mac) == check_value(LONG_KEY)


@pytest.mark.parametrize(
    ("pan", "key_type", "account"),
    [
        (SHORT, 2, "0072712345678903"),
        (SHORT, 3, "0072700000000000"),
        (LONG, 2, "0000100000000008"),
        (LONG, 3, "0" * 16),
    ],
)
def test_algorithm_02_mixes_account_and_control_block(pan, key_type, account):
    control = f"{key_type}987654073ffffff"
    mixed = int(account, 16) ^ int(control, 16)
    encryptor = Cipher(TripleDES(DES_KEY * 3), modes.ECB()).encryptor()  # noqa: S305
    encrypted = int.from_bytes(encryptor.update(mixed.to_bytes(8, "big")), "big")

    key = derive_decoder_key(DES_KEY, context(pan=pan, key_type=key_type, algorithm="07"), "02")

    assert int.from_bytes(key.octets, "big") == encrypted ^ mixed ^ int.from_bytes(DES_KEY, "big")


@pytest.mark.parametrize(
    ("vending_key", "dkga", "algorithm", "words"),
    [
        (DES_KEY, "01", "07", "01 is withdrawn"),
        (DES_KEY, "03", "07", "03 is withdrawn"),
        (DES_KEY, "05", "07", "05 is unknown"),
        (DES_KEY, "02", "11", "07 only"),
        (bytes(7), "02", "07", "this one has 7"),
        (bytes(8), "02", "07", "odd parity"),
        (DES_KEY, "04", "11", "this one has 8"),
    ],
)
def test_key_that_does_not_fit_its_algorithm_is_refused(vending_key, dkga, algorithm, words):
    with pytest.raises(WrongKey, match=words):
        derive_decoder_key(vending_key, context(algorithm=algorithm), dkga)


@pytest.mark.parametrize(("algorithm", "words"), [("09", "withdrawn"), ("12", "unknown")])
def test_algorithm_that_is_not_offered_is_refused_by_name(algorithm, words):
    with pytest.raises(WrongKey, match=words):
        require_algorithm(algorithm)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"supply_group_code": "98765"}, WrongLength),
        ({"supply_group_code": "98765x"}, WrongDigit),
        ({"tariff_index": "7"}, WrongLength),
        ({"key_revision": 0}, OutOfRange),
        ({"key_revision": 10}, OutOfRange),
        ({"key_type": 4}, OutOfRange),
        ({"base_date": 2000}, OutOfRange),
        ({"algorithm": "09"}, WrongKey),
    ],
)
def test_context_that_no_meter_has_is_refused(change, error):
    with pytest.raises(error):
        context(**change)


def test_decoder_key_of_another_length_is_refused():
    with pytest.raises(WrongKey, match="has 16 bytes; this one has 8"):
        DecoderKey("11", bytes(8))


def test_decoder_key_never_shows_its_bytes():
    key = DecoderKey("07", b"\xabSECRET\xcd")

    assert repr(key) == "DecoderKey(algorithm='07')"


def test_decoder_key_uses_the_tables_it_was_given():
    tables = sta.StaTables(tuple(range(16)), tuple(range(16)), tuple(range(64)))

    assert derive_decoder_key(LONG_KEY, context(algorithm="07"), "04", tables).encrypt(0x1234) == 0x1234


def test_check_values_tell_keys_apart():
    assert len({check_value(bytes((octet,)) * 20) for octet in range(64)}) == 64
