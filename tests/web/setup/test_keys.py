"""Vending keys come in by two pairs of hands, and never show again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.keystore.models import KeyEntry, VendingKey
from gridtill.apps.keystore.operations import forget_issuers, token_issuer
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.rules import NotSellable
from gridtill.drivers.security.keyfile import FileKey, seal_key_file
from gridtill.kernel.clock import now
from gridtill.kernel.ids import new_id
from gridtill.sts.keys import check_value
from tests.factories.modules import SECRET, served
from tests.factories.scene import VENDING_KEY, actor_for, make_operator, make_supply, make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]
KEY = bytes(range(1, 21))
FIRST = bytes.fromhex("a5" * 20)
SECOND = bytes(a ^ b for a, b in zip(KEY, FIRST, strict=True))
PASSPHRASE = "correct horse battery staple"
RIGHTS = frozenset({"keys.edit"})


@pytest.fixture
def first(scene, enter):
    return enter(replace(scene.bram, permissions=RIGHTS))


@pytest.fixture
def second(scene, enter):
    return enter(actor_for(make_operator("cara", "Cara", scene.utility), RIGHTS))


def form(**changes):
    return {
        "request_id": str(new_id()),
        "supply_group_code": "600101",
        "key_revision": "1",
        "key_type": "2",
        "base_date": "2014",
        "key_expiry": "255",
        "component": FIRST.hex(),
        "check_value": check_value(FIRST),
    } | changes


def part(octets=SECOND, **changes):
    return {"component": octets.hex(), "check_value": check_value(octets)} | changes


def entered():
    return VendingKey.objects.filter(supply_group_code="600101")


def test_two_officers_make_a_key_that_neither_typed(first, second):
    page = first.post("/keys/add/", form(expected=check_value(KEY)), follow=True).content.decode()
    assert "the second component is missing" in page
    entry = KeyEntry.objects.get()
    assert (bytes(entry.component), FIRST in bytes(entry.component)) != (b"", True)

    page = second.post(f"/keys/entries/{entry.pk}/", part(), follow=True).content.decode()

    row, ended = entered().get(), KeyEntry.objects.get()
    assert row.check_value == check_value(KEY)
    assert row.check_value in page
    assert (ended.state, bytes(ended.component)) == ("DONE", b"")
    told = (page + str(list(AuditRecord.objects.values()))).lower()
    assert [secret for secret in (KEY, FIRST, SECOND) if secret.hex() in told] == []


def test_one_officer_alone_makes_no_key(first):
    first.post("/keys/add/", form())
    entry = KeyEntry.objects.get()

    answer = first.post(f"/keys/entries/{entry.pk}/", part())

    assert answer.status_code == 422
    assert "comes from another officer" in answer.content.decode()
    assert not entered().exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"check_value": "000000"},
        {"component": "xyz"},
        {"component": "00", "check_value": check_value(b"\x00")},
        {"supply_group_code": "60010"},
        {"supply_group_code": "20145७"},
        {"key_type": "0"},
        {"supply_group_code": "201457"},
    ],
)
def test_a_wrong_first_component_is_refused_and_not_shown_again(first, wrong):
    answer = first.post("/keys/add/", form(**wrong))

    assert answer.status_code == 422
    assert FIRST.hex() not in answer.content.decode().lower()
    assert not KeyEntry.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [part(check_value="000000"), part(bytes(20)), part(bytes(range(8)), check_value=check_value(bytes(range(8))))],
)
def test_a_wrong_second_component_makes_no_key(first, second, wrong):
    """One that checks but belongs to another key is found by the announced check value."""
    first.post("/keys/add/", form(expected=check_value(KEY)))
    entry = KeyEntry.objects.get()

    assert second.post(f"/keys/entries/{entry.pk}/", wrong).status_code == 422
    assert not entered().exists()
    assert KeyEntry.objects.get().state == "WAITING"


def test_an_entry_is_given_up_and_wiped(first, second):
    first.post("/keys/add/", form())
    entry = KeyEntry.objects.get()
    second.post(f"/keys/entries/{entry.pk}/cancel/")

    entry.refresh_from_db()
    assert (entry.state, bytes(entry.component)) == ("CANCELLED", b"")
    assert second.get(f"/keys/entries/{entry.pk}/").status_code == 404
    assert second.post(f"/keys/entries/{entry.pk}/cancel/").status_code == 404


def file_form(**changes):
    keys = [FileKey("600101", 1, 2, 2014, 255, KEY), FileKey("600102", 1, 2, 2014, 255, SECOND)]
    content = changes.pop("content", None) or seal_key_file(keys, PASSPHRASE)
    return {
        "file": SimpleUploadedFile("keys.json", content),
        "passphrase": PASSPHRASE,
        "approver": "cara",
        "approver_password": "correct horse battery",
    } | changes


@pytest.fixture
def cara(scene):
    operator = make_operator("cara", "Cara", scene.utility)
    operator.role.permissions.create(permission="keys.edit")
    return operator


def test_a_key_file_is_taken_in_by_two(first, cara):
    first.post("/keys/import/", file_form())

    assert set(
        VendingKey.objects.filter(supply_group_code__startswith="6001").values_list("check_value", flat=True)
    ) == {
        check_value(KEY),
        check_value(SECOND),
    }
    record = AuditRecord.objects.get(action="keystore.file.imported")
    assert record.after == {"keys": 2, "second_officer": "Cara"}


def damaged(content):
    return content.replace(b'"ciphertext":"', b'"ciphertext":"AAAA')


@pytest.mark.parametrize(
    "wrong",
    [
        {"passphrase": "another passphrase"},
        {"approver_password": "guess"},
        {"approver": "bram"},
        {"content": b"{"},
        {"content": b"[" * 100_000},
        {"content": seal_key_file([FileKey("600101", 1, 2, 2014, 255, KEY)], PASSPHRASE)[:-20]},
        {"content": damaged(seal_key_file([FileKey("600101", 1, 2, 2014, 255, KEY)], PASSPHRASE))},
        {"content": seal_key_file([FileKey("600101", 1, 2, 2014, 255, KEY[:19])], PASSPHRASE)},
        {"content": seal_key_file([FileKey("600101", 12, 2, 2014, 255, KEY)], PASSPHRASE)},
        {
            "content": seal_key_file(
                [FileKey("600101", 1, 2, 2014, 255, KEY), FileKey("201457", 1, 2, 2014, 255, KEY)], PASSPHRASE
            )
        },
    ],
)
def test_a_wrong_key_file_brings_nothing(first, cara, wrong):
    """The last one holds a good key, and one that is here already: all or none."""
    answer = first.post("/keys/import/", file_form(**wrong))

    assert answer.status_code == 422
    assert not entered().exists()


def test_a_group_is_sold_to_in_its_own_halls(scene, first):
    supply = make_supply(scene)
    far = make_unit("BUREAU", "B9", scene.utility)
    key = VendingKey.objects.get()
    order = SaleOrder(supply.pk, scene.shift.pk, (TenderRow("CASH", 100_00, 100_00),))

    first.post(f"/keys/{key.pk}/restrict/", {"unit": scene.bureau.pk})
    sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=now())
    VendingKey.objects.update(unit=far)
    with pytest.raises(NotSellable, match="may not sell to supply group 201457"):
        sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=now())


def test_keys_need_their_right(scene, enter):
    reader = enter(replace(scene.bram, permissions=frozenset({"settings.edit"})))

    for address in ("/keys/", "/keys/add/", "/keys/import/", f"/keys/entries/{new_id()}/", "/keys/1/restrict/"):
        assert reader.get(address).status_code == 403


def test_page_counts_what_each_key_made(scene, first):
    supply = make_supply(scene)
    for _sale in range(2):
        order = SaleOrder(supply.pk, scene.shift.pk, (TenderRow("CASH", 100_00, 100_00),))
        issue_token(
            vend_id=sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=now()),
            actor=scene.asha,
            at=now(),
        )

    ((key, uses),) = first.get("/keys/").context["keys"]
    assert key.check_value == check_value(VENDING_KEY)
    assert (uses.today, uses.week) == (2, 2)


def test_keys_of_everybody_are_not_bound_from_one_corner(scene, enter):
    corner = enter(actor_for(make_operator("olga", "Olga", scene.office), RIGHTS))
    key = VendingKey.objects.get()

    assert corner.post(f"/keys/{key.pk}/restrict/", {"unit": scene.office.pk}).status_code == 403
    key.refresh_from_db()
    assert key.unit is None


def test_keys_of_a_module_are_shown_and_none_is_entered(first, settings):
    with served(licence=5) as module:
        settings.ISSUER_KIND, settings.TOKEN_MODULES = "module", (module.address,)
        settings.TOKEN_MODULE_SECRET, settings.TOKEN_MODULE_LINKS, settings.TOKEN_MODULE_CA = SECRET, 1, ""
        forget_issuers()
        page = first.get("/keys/").content.decode()
        refused = first.post("/keys/add/", form()).content.decode()
        module.stop()
        away = first.get("/keys/")
        token_issuer().close()
    forget_issuers()

    (value,) = (key.check_value for key in module.module.state().keys)
    assert (value in page, "still allows: 5" in page, "/keys/add/" in page) == (True, True, False)
    assert "keys lie in the security module" in refused
    assert (away.status_code, value in away.content.decode()) == (200, False)
    assert "shows no keys" in away.content.decode()
    assert not entered().exists()
