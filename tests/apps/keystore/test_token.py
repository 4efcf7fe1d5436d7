"""Vending keys that end in a PKCS#11 token, and keys in the database that a token wraps."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.keystore.models import KeyEntry, VendingKey
from gridtill.apps.keystore.operations import (
    Component,
    EntryRefused,
    KeystoreLocked,
    NewVendingKey,
    begin_key_entry,
    complete_key_entry,
    forget_issuers,
    import_key_file,
    move_keys_into_token,
    store_vending_key,
    token_issuer,
)
from gridtill.apps.keystore.rules import KeyAttributes
from gridtill.drivers.security.base import CreditRequest, IssueRefused, MeterSecurity
from gridtill.drivers.security.keyfile import FileKey, seal_key_file
from gridtill.drivers.security.pkcs11.driver import open_token
from gridtill.drivers.security.software.driver import SoftwareIssuer
from gridtill.kernel.actors import SYSTEM
from gridtill.kernel.errors import InvalidValue
from gridtill.kernel.ids import new_id
from gridtill.sts.keys import check_value
from tests.factories.hsm import new_token
from tests.factories.scene import MORNING, actor_for, make_operator, make_scene

pytestmark = pytest.mark.django_db
KEY = bytes(range(1, 21))
FIRST = bytes.fromhex("a5" * 20)
SECOND = bytes(a ^ b for a, b in zip(KEY, FIRST, strict=True))
GROUP = "600101"
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def access(settings):
    made = new_token()
    settings.PKCS11_LIBRARY, settings.PKCS11_TOKEN, settings.PKCS11_TOKEN_SECRET = made.library, made.token, made.pin
    forget_issuers()
    yield made
    forget_issuers()


@pytest.fixture
def wrapping(settings, access):
    """Only the token can wrap: there is no key in the environment."""
    settings.KEYSTORE_KEY, settings.PKCS11_WRAPPING_KEY = "", "wrapping"
    open_token(access).make_wrapping_key("wrapping")


@pytest.fixture
def custody(settings, access):
    settings.ISSUER_KIND = "pkcs11"


@pytest.fixture
def scene():
    return make_scene()


def store(key=KEY, group=GROUP, revision=1):
    return store_vending_key(new=NewVendingKey(group, revision, 2014, key), actor=SYSTEM, at=MORNING)


def request(group=GROUP, revision=1):
    return CreditRequest(new_id(), MeterSecurity("37000000010", group, "01", revision), 50, 4_000_000, 3)


def in_software(asked, key=KEY):
    meter = asked.meter
    slot = (meter.supply_group_code, meter.key_revision, meter.key_type, meter.base_date)
    return SoftwareIssuer({slot: key}).issue_credit(asked)


def officers(scene):
    rights = frozenset({"keys.edit"})
    return replace(scene.bram, permissions=rights), actor_for(make_operator("cara", "Cara", scene.utility), rights)


def test_two_officers_put_a_key_into_the_token_and_it_sells(wrapping, custody, scene):
    first, second = officers(scene)
    entry = begin_key_entry(
        request_id=new_id(),
        attributes=KeyAttributes(GROUP, 1),
        component=Component(bytearray(FIRST), check_value(FIRST)),
        expected_check_value=check_value(KEY),
        actor=first,
        at=MORNING,
    )
    assert (bytes(entry.component) != b"", FIRST in bytes(entry.component)) == (True, False)

    part = Component(bytearray(SECOND), check_value(SECOND))
    row = complete_key_entry(entry_id=entry.pk, component=part, actor=second, at=MORNING)
    forget_issuers()

    asked = request()
    assert (bytes(row.wrapped), row.check_value) == (b"", check_value(KEY))
    assert (bytes(KeyEntry.objects.get().component), bytes(part.octets)) == (b"", bytes(20))
    assert token_issuer().issue_credit(asked) == in_software(asked)
    assert KEY.hex() not in str(list(AuditRecord.objects.values())).lower()


def test_keys_wrapped_by_the_token_open_in_it_only(wrapping, settings):
    row, asked = store(), request()
    assert KEY not in bytes(row.wrapped)
    assert token_issuer().issue_credit(asked) == in_software(asked)

    settings.PKCS11_WRAPPING_KEY, settings.KEYSTORE_KEY = "", "00" * 32
    forget_issuers()
    with pytest.raises(IssueRefused, match=GROUP):
        token_issuer().issue_credit(asked)


def test_a_row_swapped_between_groups_does_not_open(wrapping):
    first, second = store(), store(group="600102", key=FIRST)
    VendingKey.objects.filter(pk=second.pk).update(wrapped=first.wrapped)

    with pytest.raises(IssueRefused, match="600102"):
        token_issuer().require_served(request("600102").meter)
    token_issuer().require_served(request().meter)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PKCS11_LIBRARY", "/nowhere/libtoken.so", "cannot be loaded"),
        ("PKCS11_TOKEN", "not there", "no token with the label"),
        ("PKCS11_TOKEN_SECRET", "9999-wrong", "did not take the PIN"),
        ("PKCS11_WRAPPING_KEY", "misspelt", "no key named misspelt"),
    ],
)
def test_what_is_wrong_with_the_token_locks_the_keystore(settings, access, name, value, words):
    settings.KEYSTORE_KEY, settings.PKCS11_WRAPPING_KEY = "", "wrapping"
    setattr(settings, name, value)

    with pytest.raises(KeystoreLocked, match=f"{words}.*Nothing was stored or issued") as refused:
        store()
    assert refused.value.remedy
    assert "9999" not in str(refused.value) + refused.value.remedy
    assert not VendingKey.objects.exists()


def test_token_that_is_not_there_stores_and_issues_nothing(settings, custody):
    settings.PKCS11_TOKEN = "not there"

    with pytest.raises(KeystoreLocked, match="no token with the label"):
        store()
    assert not VendingKey.objects.exists()
    VendingKey.objects.create(
        supply_group_code=GROUP, key_revision=1, wrapped=b"", check_value="0ABC12", created_at=MORNING
    )
    with pytest.raises(KeystoreLocked, match="no token with the label"):
        token_issuer()


def test_key_for_generation_02_does_not_go_into_a_token(custody):
    with pytest.raises(InvalidValue, match="Key generation 02") as refused:
        store(key=bytes.fromhex("0123456789abcdef"))

    assert refused.value.field == "key"
    assert not VendingKey.objects.exists()


def test_key_file_that_failed_may_come_again(custody, scene):
    first, second = officers(scene)
    wrong = [FileKey(GROUP, 1, 2, 2014, 255, KEY), FileKey("600102", 12, 2, 2014, 255, FIRST)]

    def take(keys):
        content = seal_key_file(keys, PASSPHRASE)
        return import_key_file(
            content=content, passphrase=PASSPHRASE, unit_id=None, actor=first, approver=second, at=MORNING
        )

    with pytest.raises(InvalidValue, match="Key 2 of the file"):
        take(wrong)
    assert not VendingKey.objects.filter(supply_group_code=GROUP).exists()

    take([wrong[0], replace(wrong[1], key_revision=1)])
    forget_issuers()
    asked = request("600102")
    assert token_issuer().issue_credit(asked) == in_software(asked, FIRST)


def test_key_that_was_given_up_does_not_hide_the_right_one(custody, scene):
    first, second = officers(scene)
    keys = [FileKey(GROUP, 1, 2, 2014, 255, FIRST), FileKey("600102", 12, 2, 2014, 255, FIRST)]
    with pytest.raises(InvalidValue):
        import_key_file(
            content=seal_key_file(keys, PASSPHRASE),
            passphrase=PASSPHRASE,
            unit_id=None,
            actor=first,
            approver=second,
            at=MORNING,
        )

    store()
    asked = request()
    assert token_issuer().issue_credit(asked) == in_software(asked)


def test_keys_move_from_the_database_into_the_token(settings, access, caplog):
    store()
    store(revision=2, key=FIRST)
    with pytest.raises(EntryRefused, match="do not lie in a token"):
        move_keys_into_token(actor=SYSTEM, at=MORNING)

    settings.ISSUER_KIND = "pkcs11"
    assert move_keys_into_token(actor=SYSTEM, at=MORNING) == 2
    assert move_keys_into_token(actor=SYSTEM, at=MORNING) == 0
    assert {bytes(row.wrapped) for row in VendingKey.objects.all()} == {b""}
    assert AuditRecord.objects.filter(action="keystore.key.moved").count() == 2
    for revision, key in ((1, KEY), (2, FIRST)):
        asked = request(revision=revision)
        assert token_issuer().issue_credit(asked) == in_software(asked, key)

    settings.ISSUER_KIND = "software"
    forget_issuers()
    with caplog.at_level(logging.ERROR), pytest.raises(IssueRefused, match=GROUP):
        token_issuer().require_served(request().meter)
    assert "lies in a token" in caplog.text


def test_a_key_for_generation_02_keeps_all_in_the_database(settings, access):
    store()
    store(revision=2, key=bytes.fromhex("0123456789abcdef"))
    settings.ISSUER_KIND = "pkcs11"

    with pytest.raises(InvalidValue, match="Key generation 02"):
        move_keys_into_token(actor=SYSTEM, at=MORNING)
    assert all(bytes(row.wrapped) for row in VendingKey.objects.all())
