"""Vending keys that lie in a security module: what the settings make of it, and what is not kept here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gridtill.apps.keystore.models import KeyEntry, VendingKey
from gridtill.apps.keystore.operations import (
    Component,
    EntryRefused,
    NewVendingKey,
    begin_key_entry,
    complete_key_entry,
    forget_issuers,
    import_key_file,
    module_status,
    store_vending_key,
    token_issuer,
)
from gridtill.apps.keystore.rules import KeyAttributes
from gridtill.drivers.security.keyfile import FileKey, seal_key_file
from gridtill.drivers.security.module.driver import ModuleIssuer
from gridtill.kernel.actors import SYSTEM
from gridtill.kernel.ids import new_id
from gridtill.sts.keys import check_value
from tests.factories.modules import SECRET, served
from tests.factories.scene import MORNING, actor_for, make_operator, make_scene

pytestmark = pytest.mark.django_db
KEY = bytes(range(1, 21))
RIGHTS = frozenset({"keys.edit"})
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def module(settings):
    with served() as server:
        settings.ISSUER_KIND, settings.TOKEN_MODULES = "module", (server.address,)
        settings.TOKEN_MODULE_SECRET, settings.TOKEN_MODULE_LINKS, settings.TOKEN_MODULE_CA = SECRET, 2, ""
        forget_issuers()
        yield server
        issuer = token_issuer()
        assert isinstance(issuer, ModuleIssuer)
        issuer.close()
    forget_issuers()


def test_issuer_is_the_module_and_stays_the_same(module):
    issuer = token_issuer()
    forget_issuers()

    assert token_issuer() is issuer
    assert [key.supply_group_code for key in module_status().keys] == ["201457"]
    assert SECRET not in repr(issuer)


def test_without_modules_nobody_is_asked():
    assert module_status() is None


def component():
    return Component(bytearray(KEY), check_value(KEY))


def test_no_key_is_kept_here(settings, module):
    scene = make_scene_without_module(settings)
    first = replace(scene.bram, permissions=RIGHTS)
    second = actor_for(make_operator("cara", "Cara", scene.utility), RIGHTS)
    settings.ISSUER_KIND = "software"
    entry = begin(first, new_id())
    settings.ISSUER_KIND = "module"
    kept = VendingKey.objects.count()
    acts = (
        lambda: begin(first, new_id()),
        lambda: complete_key_entry(entry_id=entry.pk, component=component(), actor=second, at=MORNING),
        lambda: import_key_file(
            content=seal_key_file([FileKey("600101", 1, 2, 2014, 255, KEY)], PASSPHRASE),
            passphrase=PASSPHRASE,
            unit_id=None,
            actor=first,
            approver=second,
            at=MORNING,
        ),
        lambda: store_vending_key(new=NewVendingKey("600101", 1, 2014, KEY), actor=SYSTEM, at=MORNING),
    )

    for act in acts:
        with pytest.raises(EntryRefused, match="security module") as refused:
            act()
        assert refused.value.remedy
    assert (VendingKey.objects.count(), KeyEntry.objects.count()) == (kept, 1)


def begin(actor, request_id):
    octets = bytearray(reversed(KEY))
    return begin_key_entry(
        request_id=request_id,
        attributes=KeyAttributes("600101", 1),
        component=Component(octets, check_value(bytes(octets))),
        expected_check_value="",
        actor=actor,
        at=MORNING,
    )


def make_scene_without_module(settings):
    settings.ISSUER_KIND = "software"
    scene = make_scene()
    settings.ISSUER_KIND = "module"
    return scene
