"""Keys in a real token: what they do there, and that they do not come out."""

import hmac
import logging
import multiprocessing
import os
import secrets
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import resources

import pkcs11
import pytest
from tests.drivers.security.conformance import *  # noqa: F403
from tests.drivers.security.conformance import METER, MOVED, REQUEST
from tests.factories.hsm import PIN, library, new_token

from gridtill.drivers.security.base import InvalidRequest, KeyChangeRequest, KeyDescription, KeyMissing
from gridtill.drivers.security.pkcs11 import token as token_module
from gridtill.drivers.security.pkcs11.access import Pkcs11Refused, SecretMissing, TokenAccess
from gridtill.drivers.security.pkcs11.driver import (
    Pkcs11Issuer,
    TokenWrapping,
    keep_vending_key,
    open_token,
    secret_name,
)
from gridtill.drivers.security.pkcs11.token import KeyToken
from gridtill.drivers.security.software.driver import SoftwareIssuer
from gridtill.drivers.security.wrapping import WrapBroken
from gridtill.sts.keys import check_value
from gridtill.sts.sta import StaTables

pytestmark = pytest.mark.unit
SECRET = b"a secret of 20 bytes"
SLOT = ("201457", 1, 2, 2014)
NAME = secret_name(SLOT, check_value(SECRET))


@pytest.fixture(scope="module")
def access():
    return new_token()


@pytest.fixture(scope="module")
def token(access):
    opened = open_token(access)
    keep_vending_key(opened, SLOT, SECRET)
    opened.make_wrapping_key("wrapping")
    return opened


@pytest.fixture
def issuer(token):
    return Pkcs11Issuer(token, {SLOT: check_value(SECRET)})


def objects(access, label):
    """Return what the token has under a label, as any other program with the PIN would see it."""
    held = pkcs11.lib(access.library).get_token(token_label=access.token)
    try:
        session = held.open(rw=True, user_pin=access.pin)
    except pkcs11.UserAlreadyLoggedIn:
        session = held.open(rw=True)
    return session, list(session.get_objects({pkcs11.Attribute.LABEL: label}))


@pytest.mark.parametrize(
    "meter",
    [METER, replace(METER, tariff_index="33", drn="11111111115"), replace(METER, encryption_algorithm="07")],
)
def test_digits_are_those_of_the_same_key_in_software(issuer, meter):
    software = SoftwareIssuer({SLOT: SECRET})
    request, change = replace(REQUEST, meter=meter), KeyChangeRequest(REQUEST.request_id, METER, MOVED)

    assert issuer.issue_credit(request) == software.issue_credit(request)
    assert issuer.status().keys == software.status().keys
    again = Pkcs11Issuer(issuer._token, {SLOT: check_value(SECRET)})
    assert again.issue_key_change(change) == SoftwareIssuer({SLOT: SECRET}).issue_key_change(change)


@pytest.mark.parametrize("name", [NAME, "wrapping"])
def test_keys_do_not_come_out(token, access, name):
    _session, (key,) = objects(access, name)

    with pytest.raises(pkcs11.AttributeSensitive):
        key[pkcs11.Attribute.VALUE]
    assert (key[pkcs11.Attribute.SENSITIVE], key[pkcs11.Attribute.EXTRACTABLE]) == (True, False)
    with pytest.raises(pkcs11.PKCS11Error):
        key[pkcs11.Attribute.EXTRACTABLE] = True


def test_nothing_secret_is_in_a_representation(issuer, token, access):
    shown = repr(issuer) + repr(issuer.status()) + repr(token) + repr(access) + repr(vars(token)["_access"])

    assert [secret for secret in ("secret", SECRET.hex(), PIN) if secret in shown] == []
    assert repr(issuer) == "<Pkcs11Issuer with 1 vending key>"


def test_key_generation_02_is_refused_by_name(issuer, token):
    with pytest.raises(InvalidRequest, match="Key generation 02"):
        issuer.issue_credit(replace(REQUEST, meter=replace(METER, encryption_algorithm="07", dkga="02")))
    with pytest.raises(InvalidRequest, match="Key generation 02"):
        keep_vending_key(token, SLOT, bytes.fromhex("0123456789abcdef"))


def test_production_tables_are_wanted_in_production(token):
    meter = replace(METER, encryption_algorithm="07")
    request = replace(REQUEST, meter=meter)
    tables = StaTables(tuple(range(15, -1, -1)), tuple(range(16)), tuple(range(63, -1, -1)))
    keys = {SLOT: check_value(SECRET)}

    with pytest.raises(InvalidRequest, match="no production tables"):
        Pkcs11Issuer(token, keys, sample_tables=False).issue_credit(request)
    made = Pkcs11Issuer(token, keys, tables, sample_tables=False).issue_credit(request)
    assert made == SoftwareIssuer({SLOT: SECRET}, tables, sample_tables=False).issue_credit(request)


def test_key_that_the_token_lacks_is_logged_and_left_out(token, caplog):
    lacking, swapped = ("600101", 1, 2, 2014), ("600102", 1, 2, 2014)
    token.keep_secret(secret_name(swapped, "0ABC12"), bytes(20))

    with caplog.at_level(logging.ERROR):
        issuer = Pkcs11Issuer(token, {SLOT: check_value(SECRET), lacking: "0ABC12", swapped: "0ABC12"})

    assert issuer.status().keys == (KeyDescription(*SLOT, check_value(SECRET)),)
    assert [name in caplog.text for name in ("600101/1/2/2014", "600102/1/2/2014", "201457")] == [True, True, False]
    with pytest.raises(KeyMissing, match="600101"):
        issuer.require_served(replace(METER, supply_group_code="600101"))


def test_same_key_is_kept_once_and_another_never_replaces_it(token, access):
    keep_vending_key(token, SLOT, bytearray(SECRET))
    with pytest.raises(Pkcs11Refused, match="another key"):
        token.keep_secret(NAME, bytes(20))

    assert len(objects(access, NAME)[1]) == 1
    assert token.authenticate(NAME, b"x") == hmac.digest(SECRET, b"x", "sha256")


def test_what_was_wrapped_opens_where_it_belongs_only(token):
    wrapping = TokenWrapping(token, "wrapping")
    first, second = (wrapping.wrap(bytearray(SECRET), b"here") for _ in range(2))

    assert first != second
    assert SECRET not in first
    assert wrapping.unwrap(first, b"here") == SECRET
    for wrapped, bound_to in ((first, b"there"), (first[:-1], b"here"), (b"", b"here"), (bytes(40), b"here")):
        with pytest.raises(WrapBroken):
            wrapping.unwrap(wrapped, bound_to)


def test_wrapping_key_is_made_once(access, token):
    assert token.make_wrapping_key("another")
    assert not token.make_wrapping_key("another")
    assert len(objects(access, "another")[1]) == 1
    with pytest.raises(WrapBroken):
        token.unwrap("wrapping", token.wrap("another", SECRET, b"here"), b"here")


def test_missing_wrapping_key_is_named(token):
    with pytest.raises(SecretMissing, match="no key named misspelt") as refused:
        token.wrap("misspelt", SECRET, b"here")

    assert refused.value.remedy


def test_key_that_could_be_taken_out_is_not_used(token, access):
    session, _ = objects(access, "")
    session.generate_key(
        pkcs11.KeyType.AES, 256, label="loose", store=True, template={pkcs11.Attribute.EXTRACTABLE: True}
    )

    with pytest.raises(Pkcs11Refused, match="could be taken out"):
        token.wrap("loose", SECRET, b"here")


def test_two_keys_of_one_name_are_refused(token, access):
    session, _ = objects(access, "")
    for _ in range(2):
        session.generate_key(pkcs11.KeyType.AES, 256, label="twin", store=True)

    with pytest.raises(Pkcs11Refused, match="more than one key named twin"):
        token.wrap("twin", SECRET, b"here")


def test_missing_library_says_what_to_do():
    token = open_token(TokenAccess("/nowhere/libtoken.so", "any", PIN))

    with pytest.raises(Pkcs11Refused, match=r"/nowhere/libtoken\.so cannot be loaded") as refused:
        token.authenticate("any", b"")
    assert "GRIDTILL_PKCS11_LIBRARY" in refused.value.remedy


def test_missing_token_says_what_to_do_and_is_found_once_it_is_there(access):
    token = KeyToken(replace(access, token="not there"))
    with pytest.raises(Pkcs11Refused, match="no token with the label not there") as refused:
        token.make_wrapping_key("any")
    assert "GRIDTILL_PKCS11_TOKEN" in refused.value.remedy

    token._access = new_token()
    assert token.make_wrapping_key("any")


def test_wrong_pin_is_given_once_and_never_shown(monkeypatch):
    right = new_token()
    tries = []
    token = KeyToken(replace(right, pin="9999-wrong"))
    log_in = token._log_in
    monkeypatch.setattr(token, "_log_in", lambda held: tries.append(held) or log_in(held))

    for _ in range(3):
        with pytest.raises(Pkcs11Refused, match="did not take the PIN") as refused:
            token.make_wrapping_key("any")
        told = str(refused.value) + refused.value.remedy + repr(refused.value.__cause__)
        assert "9999" not in told
        assert "GRIDTILL_PKCS11_PIN" in refused.value.remedy
    assert len(tries) == 1
    assert KeyToken(right).make_wrapping_key("any")


def test_lost_sessions_are_opened_again(token, access, issuer):
    other = open_token(new_token())
    other.make_wrapping_key("wrapping")
    wrapped = other.wrap("wrapping", SECRET, b"here")

    pkcs11.lib(access.library).finalize()

    assert other.unwrap("wrapping", wrapped, b"here") == SECRET
    assert token.authenticate(NAME, b"x") == hmac.digest(SECRET, b"x", "sha256")
    token._session.close()
    assert issuer.issue_credit(REQUEST) == SoftwareIssuer({SLOT: SECRET}).issue_credit(REQUEST)


def test_token_that_is_gone_makes_nothing_and_the_request_may_be_repeated(access):
    opened = KeyToken(new_token())
    keep_vending_key(opened, SLOT, SECRET)
    issuer = Pkcs11Issuer(opened, {SLOT: check_value(SECRET)})
    there, opened._access = opened._access, replace(access, token="gone")
    opened._start_again()

    with pytest.raises(Pkcs11Refused, match="no token with the label gone"):
        issuer.issue_credit(REQUEST)
    assert (issuer.status().ready, issuer.fetch_result(REQUEST.request_id)) == (False, None)

    opened._access = there
    assert issuer.issue_credit(REQUEST).units == REQUEST.units


def test_other_refusals_of_a_token_name_their_kind(token, access):
    session, _ = objects(access, "")
    kept = {pkcs11.Attribute.EXTRACTABLE: False}
    sign = pkcs11.MechanismFlag.SIGN
    session.generate_key(
        pkcs11.KeyType.GENERIC_SECRET, 128, label="short", store=True, capabilities=sign, template=kept
    )

    with pytest.raises(Pkcs11Refused, match="KeySizeRange"):
        token.authenticate("short", b"x")
    with pytest.raises(Pkcs11Refused, match="not one to encrypt with"):
        token.wrap(NAME, SECRET, b"here")
    with pytest.raises(Pkcs11Refused, match="not one to encrypt and decrypt with"):
        token.make_wrapping_key(NAME)


def test_many_threads_share_one_session(token):
    issuer = Pkcs11Issuer(token, {SLOT: check_value(SECRET)})
    wrapping = TokenWrapping(token, "wrapping")
    software = SoftwareIssuer({SLOT: SECRET})

    def work(number):
        meter = replace(METER, tariff_index=f"{number % 100:02d}")
        opened = wrapping.unwrap(wrapping.wrap(number.to_bytes(20, "big"), b"here"), b"here")
        return issuer.derive(meter) == software.derive(meter) and int.from_bytes(opened, "big") == number

    with ThreadPoolExecutor(8) as counters:
        assert all(counters.map(work, range(200)))


def test_numbers_that_are_used_again_do_not_mix_two_tokens_up():
    first, second = KeyToken(new_token()), KeyToken(new_token())
    first.keep_secret("same name", SECRET)
    second.keep_secret("same name", bytes(20))

    second._start_again()
    second.authenticate("same name", b"x")

    assert first.authenticate("same name", b"x") == hmac.digest(SECRET, b"x", "sha256")


def test_library_may_start_again_between_the_calls_of_many_threads(token):
    expected = hmac.digest(SECRET, b"x", "sha256")

    def work(number):
        if number % 5 == 0:
            with token_module._one_at_a_time:
                token._start_again()
        return token.authenticate(NAME, b"x") == expected

    with ThreadPoolExecutor(8) as counters:
        assert all(counters.map(work, range(200)))


def test_what_is_put_into_a_token_is_told_to_stay():
    template = token_module._secret(NAME, SECRET)

    assert (template[pkcs11.Attribute.SENSITIVE], template[pkcs11.Attribute.EXTRACTABLE]) == (True, False)
    assert [what.name for what in template if template[what] is True] == ["TOKEN", "PRIVATE", "SIGN", "SENSITIVE"]


def _keep_elsewhere(access, name):
    open_token(access).keep_secret(name, SECRET)


def _child(token, before, answers):
    mac = token.authenticate(NAME, b"x")
    starts = token_module._starts[token._access.library]
    answers.put((mac, token._session is before, token._opened_in == (os.getpid(), starts), starts))


def test_forked_process_opens_its_own_session(token):
    expected, context = token.authenticate(NAME, b"x"), multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_child, args=(token, token._session, answers))
    child.start()
    child.join(30)

    assert child.exitcode == 0
    assert answers.get() == (expected, False, True, token._opened_in[1] + 1)
    assert token.authenticate(NAME, b"x") == expected


def test_key_that_another_process_put_in_is_found(token, access):
    name, context = secret_name(("600103", 1, 2, 2014), "0ABC12"), multiprocessing.get_context("spawn")
    with pytest.raises(SecretMissing):
        token.authenticate(name, b"x")
    other = context.Process(target=_keep_elsewhere, args=(access, name))
    other.start()
    other.join(60)

    assert other.exitcode == 0
    assert token.authenticate(name, b"x") == hmac.digest(SECRET, b"x", "sha256")


def test_without_python_pkcs11_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gridtill.drivers.security.pkcs11.token", None)

    with pytest.raises(Pkcs11Refused, match="not installed") as refused:
        open_token(TokenAccess(library(), secrets.token_hex(4), PIN))
    assert "gridtill[pkcs11]" in refused.value.remedy


def test_manifest_names_the_class(token):
    text = resources.files("gridtill.drivers.security.pkcs11").joinpath("manifest.toml").read_text("utf-8")
    manifest = tomllib.loads(text)

    assert manifest["factory"] == f"{Pkcs11Issuer.__module__}:{Pkcs11Issuer.__qualname__}"
    assert manifest["identifier"] == Pkcs11Issuer(token, {}).status().issuer
