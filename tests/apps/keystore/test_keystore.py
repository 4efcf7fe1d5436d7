import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.keystore.models import VendingKey
from gridtill.apps.keystore.operations import (
    EntryRefused,
    KeystoreLocked,
    NewVendingKey,
    forget_issuers,
    store_vending_key,
    token_issuer,
)
from gridtill.drivers.security.base import CreditRequest, IssueRefused, MeterSecurity
from gridtill.kernel.actors import SYSTEM, Actor
from gridtill.kernel.errors import InvalidValue
from gridtill.kernel.ids import new_id
from tests.factories.scene import MORNING

pytestmark = pytest.mark.django_db
KEY = bytes(range(20))


@pytest.fixture(autouse=True)
def _fresh():
    forget_issuers()
    yield
    forget_issuers()


def store(key=KEY, group="201457", revision=1, actor=SYSTEM):
    return store_vending_key(new=NewVendingKey(group, revision, 2014, key), actor=actor, at=MORNING)


def ask(group="201457"):
    meter = MeterSecurity("37000000010", group, "01", 1)
    return token_issuer().issue_credit(CreditRequest(new_id(), meter, 50, 4_000_000, 3))


def test_key_is_wrapped_and_only_its_check_value_is_told():
    row = store()
    told = str(AuditRecord.objects.get().after) + repr(NewVendingKey("201457", 1, 2014, KEY))

    assert KEY not in bytes(row.wrapped)
    assert row.check_value in told
    assert KEY.hex() not in told.lower()
    assert str(list(KEY)) not in told


def test_same_key_is_wrapped_differently_each_time():
    assert bytes(store().wrapped)[12:] != bytes(store(revision=2).wrapped)[12:]


def test_issuer_is_made_anew_when_a_key_comes(django_capture_on_commit_callbacks):
    store()
    ask()
    with pytest.raises(IssueRefused):
        ask("600101")
    with django_capture_on_commit_callbacks(execute=True):
        store(group="600101")

    assert len(ask("600101").digits) == 20


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": bytes(19)}, "key"),
        ({"group": "12345"}, "supply_group_code"),
        ({"group": "abcdef"}, "supply_group_code"),
    ],
)
def test_wrong_key_is_refused_by_its_field(changes, field):
    with pytest.raises(InvalidValue) as refused:
        store(**changes)

    assert refused.value.field == field
    assert not VendingKey.objects.exists()


def test_key_of_one_name_is_stored_once_and_by_who_may():
    store()
    with pytest.raises(InvalidValue, match="there already"):
        store()
    with pytest.raises(EntryRefused, match="One person alone"):
        store(revision=3, actor=Actor(id=1, name="Asha", unit_path="1/", permissions=frozenset({"keys.edit"})))


@pytest.mark.parametrize("setting", ["", "00", "not hexadecimal"])
def test_without_a_wrapping_key_nothing_is_stored_or_issued(settings, setting):
    store()
    settings.KEYSTORE_KEY = setting
    forget_issuers()

    with pytest.raises(KeystoreLocked):
        store(revision=2)
    with pytest.raises(KeystoreLocked):
        token_issuer()


def test_another_wrapping_key_opens_nothing(settings):
    store()
    settings.KEYSTORE_KEY = "11" * 32
    forget_issuers()

    with pytest.raises(IssueRefused, match="201457"):
        ask()


def test_wrapped_keys_cannot_be_swapped_between_groups():
    first, second = store(), store(key=bytes(20), group="600101")
    VendingKey.objects.filter(pk=second.pk).update(wrapped=first.wrapped)
    forget_issuers()

    with pytest.raises(IssueRefused, match="600101"):
        ask("600101")
    # The one that is whole goes on serving.
    assert len(ask().digits) == 20
