"""A utility that was just set up gets everything through its pages, down to the first token."""

from __future__ import annotations

import argparse
import re

import pytest
from django.test import Client

from gridtill.apps.assets.models import Meter
from gridtill.apps.customers.models import Customer, CustomerAgreement, UsagePoint
from gridtill.apps.keystore.models import KeyEntry
from gridtill.apps.keystore.operations import forget_issuers
from gridtill.apps.ledger.operations import forget_accounts
from gridtill.apps.ledger.queries import is_balanced
from gridtill.apps.network.models import Transformer
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.pricing.models import PricingStructure, TariffVersion
from gridtill.apps.staff.models import Operator
from gridtill.apps.vending.models import Delivery, PointOfSale, Till, Vend
from gridtill.kernel.ids import new_id
from gridtill.ops.init import _initialise
from gridtill.sts.keys import check_value
from tests.factories.scene import FLAT, VENDING_KEY, meter_number

pytestmark = [pytest.mark.web, pytest.mark.django_db]
FIRST, OWN = "first-password-9", "a phrase of my own"
METER = {
    "version": "0",
    "maker": "Acme",
    "phase_configuration": "1P2W",
    "payment_mode": "PREPAID",
    "token_carrier": "KEYPAD",
    "credit_unit": "ENERGY",
    "ct_ratio": "1",
    "pt_ratio": "1",
    "tariff_index": "01",
    "key_revision": "1",
    "key_type": "2",
    "key_expiry": "255",
    "base_date": "2014",
    "encryption_algorithm": "11",
}


def signed_in(username: str, password: str) -> Client:
    """Sign in for the first time and choose a password of one's own."""
    client = Client()
    assert client.post("/login/", {"username": username, "password": password}).status_code == 302
    change = {"old_password": password, "new_password": OWN, "again": OWN}
    assert client.post("/password/", change).status_code == 302
    return client


def done(client: Client, path: str, **fields: object) -> None:
    answer = client.post(path, fields)
    assert answer.status_code == 302, re.findall(r'class="err"[^>]*>(.*?)<', answer.content.decode()) or answer


def hired(admin: Client, username: str, role: str, unit: OrganizationUnit) -> Client:
    """Hire somebody on the operators' page; the page shows their first password once."""
    page = admin.post(
        "/operators/add/",
        {
            "username": username,
            "full_name": username.title(),
            "role": role,
            "unit": unit.pk,
            "language": "en",
            "version": 0,
        },
        follow=True,
    ).content.decode()
    operator = Operator.objects.get(username=username)
    operator.set_password(FIRST)
    operator.save()
    assert username in page
    return signed_in(username, FIRST)


def test_everything_from_the_first_administrator_to_the_first_token():
    forget_accounts()
    forget_issuers()
    answers = argparse.Namespace(
        name="Coast Light", bureau="Coast", currency="KES", time_zone="Africa/Nairobi", administrator="admin"
    )
    _initialise(answers, FIRST)
    admin = signed_in("admin", FIRST)
    bureau = OrganizationUnit.objects.get(kind="BUREAU")

    done(admin, f"/archives/unit/{bureau.pk}/add-office/", code="S1", name="Harbour", version=0)
    office = OrganizationUnit.objects.get(code="S1")
    done(
        admin,
        f"/archives/unit/{office.pk}/add-transformer/",
        code="TX-1",
        name="Mission Street",
        kind="PUBLIC",
        status="IN_SERVICE",
        version=0,
    )
    done(admin, "/halls/add/", code="H1", name="Harbour Hall", unit=office.pk)
    done(admin, f"/halls/{PointOfSale.objects.get().pk}/add-till/", code="T1", name="Till 1")
    first = bytes(range(20))
    second_part = bytes(a ^ b for a, b in zip(VENDING_KEY, first, strict=True))
    done(
        admin,
        "/keys/add/",
        request_id=new_id(),
        supply_group_code="201457",
        key_revision=1,
        key_type=2,
        base_date=2014,
        key_expiry=255,
        component=first.hex(),
        check_value=check_value(first),
        expected=check_value(VENDING_KEY),
    )

    done(admin, "/tariffs/add/", document=FLAT, act="keep")
    second = hired(admin, "second", "administrator", bureau.parent)
    done(
        second,
        f"/keys/entries/{KeyEntry.objects.get().pk}/",
        component=second_part.hex(),
        check_value=check_value(second_part),
    )
    done(second, f"/tariffs/versions/{TariffVersion.objects.get().pk}/activate/", active_from="")

    done(
        admin,
        "/assets/meters/add/",
        asset_number="M1",
        number=meter_number(1),
        store=office.pk,
        supply_group_code="201457",
        **METER,
    )
    assert Meter.objects.count() == 1
    done(
        admin,
        f"/archives/transformer/{Transformer.objects.get().pk}/add-customer/",
        name="Akua Mensah",
        customer_class="RESIDENTIAL",
    )
    customer = Customer.objects.get()
    done(
        admin,
        f"/archives/customers/{customer.pk}/add-point/",
        name="House",
        structure_id=PricingStructure.objects.get().pk,
        purchase_mode="KEYPAD",
    )
    done(
        admin,
        f"/archives/points/{UsagePoint.objects.get().pk}/install/",
        meter_number=meter_number(1),
        register="0",
    )

    cashier = hired(admin, "asha", "cashier", office)
    done(cashier, "/till/open/", request_id=new_id(), till=Till.objects.get().pk, float="500")
    done(
        cashier,
        f"/accounts/{CustomerAgreement.objects.get().pk}/open/",
        request_id=new_id(),
        password="4711",
        again="4711",
        overdraft_policy="NONE",
        amount="100",
        pay="CASH",
    )

    vend = Vend.objects.get()
    assert (vend.total_minor, vend.energy_wh, len(Delivery.objects.get().token)) == (100_00, 5_000, 20)
    assert is_balanced()
    forget_accounts()
    forget_issuers()
