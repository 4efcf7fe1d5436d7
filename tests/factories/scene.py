"""One small utility, ready to sell: rows made directly, so that a test can start where it wants to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from gridtill.apps.assets.models import Meter
from gridtill.apps.customers.models import (
    Customer,
    CustomerAccount,
    CustomerAgreement,
    MeterInstallation,
    UsagePoint,
)
from gridtill.apps.keystore.operations import NewVendingKey, forget_issuers, store_vending_key
from gridtill.apps.ledger.operations import ensure_chart, forget_accounts
from gridtill.apps.network.models import Transformer
from gridtill.apps.organization.models import OrganizationUnit, UtilitySettings
from gridtill.apps.pricing.models import PricingStructure, TariffVersion
from gridtill.apps.pricing.queries import tariff_version
from gridtill.apps.staff.choices import Permission
from gridtill.apps.staff.models import Operator, Role
from gridtill.apps.vending.models import AccountStanding, CashierShift, Till
from gridtill.apps.vending.operations.shifts import open_shift
from gridtill.apps.vending.operations.tills import Naming, add_point_of_sale, add_till
from gridtill.kernel.actors import SYSTEM, Actor
from gridtill.kernel.canonical import sha256_hex
from gridtill.kernel.ids import new_id

MORNING = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
VENDING_KEY = bytes.fromhex("abababababababab949494949494949401234567")
ALL_RIGHTS = frozenset(Permission.values)
PAYMENT_RIGHTS = frozenset({"vend.sell", "vend.view", "vend.reverse", "vend.reprint"})

FLAT = """
code = "FLAT"
title = "Flat rate"
currency = "KES"
price_class = "residential"
valid_from = 2026-01-01

[source]
name = "Made for tests"

[energy]
kind = "flat"
rate = "20.00"

[[vectors]]
name = "five units"
money = "100.00"
at = 2026-11-23T09:00:00Z
energy_kwh = "5"
"""


def luhn_digit(body: str) -> str:
    total = 0
    for index, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def meter_number(serial: int) -> str:
    body = f"37{serial:08d}"
    return body + luhn_digit(body)


@dataclass
class Scene:
    """Asha the cashier at till T01, Bram the supervisor, and a bureau with one office."""

    utility: OrganizationUnit
    bureau: OrganizationUnit
    office: OrganizationUnit
    transformer: Transformer
    structure: PricingStructure
    version: TariffVersion
    till: Till
    shift: CashierShift
    asha: Actor
    bram: Actor


def actor_for(operator: Operator, permissions: frozenset[str]) -> Actor:
    return Actor(id=operator.pk, name=operator.full_name, unit_path=operator.unit.path, permissions=permissions)


def make_unit(kind: str, code: str, parent: OrganizationUnit | None) -> OrganizationUnit:
    unit = OrganizationUnit.objects.create(kind=kind, code=code, name=code.title(), parent=parent, path=f"new-{code}")
    unit.path = f"{parent.path if parent else ''}{unit.pk}/"
    unit.save()
    return unit


def make_operator(username: str, name: str, unit: OrganizationUnit) -> Operator:
    role, _made = Role.objects.get_or_create(code="scene", defaults={"name": "Scene"})
    operator = Operator(username=username, full_name=name, role=role, unit=unit, must_change_password=False)
    operator.set_password("correct horse battery")
    operator.save()
    return operator


def make_tariff(document: str = FLAT, code: str = "FLAT") -> TariffVersion:
    structure, _made = PricingStructure.objects.get_or_create(
        code=code, defaults={"name": code, "price_class": "residential"}
    )
    return TariffVersion.objects.create(
        structure=structure,
        number=structure.versions.count() + 1,
        document=document,
        digest=sha256_hex(document),
        status="ACTIVE",
        active_from=datetime(2026, 1, 1, tzinfo=UTC),
        author_id=0,
        author_name="scene",
        created_at=MORNING,
    )


def make_scene(*, document: str = FLAT, code: str = "FLAT", at: datetime = MORNING) -> Scene:
    forget_accounts()
    forget_issuers()
    tariff_version.cache_clear()
    ensure_chart()
    utility = make_unit("UTILITY", "U", None)
    UtilitySettings.objects.create(
        utility=utility, currency="KES", time_zone="Africa/Nairobi", receipt_secret="5ce8e", sale_maximum_minor=10**9
    )
    bureau = make_unit("BUREAU", "B1", utility)
    office = make_unit("SUPPLY_OFFICE", "S1", bureau)
    transformer = Transformer.objects.create(office=office, code="TX-1", name="Mission Street")
    version = make_tariff(document, code)
    key = NewVendingKey("201457", 1, 2014, VENDING_KEY)
    store_vending_key(new=key, actor=SYSTEM, at=at)
    hall = add_point_of_sale(naming=Naming("H1", "Harbour Hall"), unit_id=office.pk, address="", actor=SYSTEM, at=at)
    till = add_till(naming=Naming("T01", "Till 1"), point_of_sale_id=hall.pk, actor=SYSTEM, at=at)
    asha = actor_for(make_operator("asha", "Asha Mwangi", office), PAYMENT_RIGHTS)
    bram = actor_for(make_operator("bram", "Bram Otieno", bureau), ALL_RIGHTS)
    shift = open_shift(request_id=new_id(), till_id=till.pk, float_minor=5_000_00, actor=asha, at=at)
    return Scene(utility, bureau, office, transformer, version.structure, version, till, shift, asha, bram)


def second_till(scene: Scene, *, code: str = "T02", at: datetime = MORNING) -> tuple[CashierShift, Actor]:
    till = add_till(
        naming=Naming(code, f"Till {code}"), point_of_sale_id=scene.till.point_of_sale_id, actor=SYSTEM, at=at
    )
    operator = make_operator(f"cashier-{code}".lower(), f"Cashier {code}", scene.office)
    actor = actor_for(operator, PAYMENT_RIGHTS)
    return open_shift(request_id=new_id(), till_id=till.pk, float_minor=0, actor=actor, at=at), actor


def make_supply(scene: Scene, serial: int = 1, *, at: datetime = MORNING) -> CustomerAgreement:
    """A customer with an opened account and a keypad meter."""
    customer = Customer.objects.create(
        number=f"C{serial:06d}",
        office=scene.office,
        transformer=scene.transformer,
        name=f"Customer {serial}",
        phone=f"+2547000{serial:05d}",
        status="OPENED",
        created_at=at,
    )
    account = CustomerAccount.objects.create(customer=customer, number=f"A{serial:06d}", opened_at=at)
    point = UsagePoint.objects.create(
        number=f"P{serial:06d}",
        customer=customer,
        transformer=scene.transformer,
        name="House",
        status="IN_USE",
        pricing_structure=scene.structure,
        created_at=at,
    )
    meter = Meter.objects.create(
        asset_number=f"M{serial:06d}",
        number=meter_number(serial),
        store=scene.office,
        status="INSTALLED",
        supply_group_code="201457",
    )
    MeterInstallation.objects.create(usage_point=point, meter=meter, installed_at=at)
    agreement = CustomerAgreement.objects.create(
        account=account, usage_point=point, pricing_structure=scene.structure, status="ACTIVE", opened_at=at
    )
    AccountStanding.objects.create(agreement=agreement, bureau=scene.bureau)
    return agreement
