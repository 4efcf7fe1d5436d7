"""The demonstration utility: a bureau, three offices, customers with keypad meters, tills and one login a role."""

from __future__ import annotations

import random
import secrets
from datetime import datetime, timedelta
from importlib import resources

import django

django.setup()

from django.core.management import call_command
from django.db import transaction

from gridtill.apps.arrears.choices import DebtKind, RecoveryMode
from gridtill.apps.arrears.operations import DebtTerms, add_debt
from gridtill.apps.assets.operations import move_asset, register_collector, register_concentrator, register_meter
from gridtill.apps.customers.operations import (
    NewCustomer,
    NewUsagePoint,
    OpeningTerms,
    add_customer,
    add_usage_point,
    install_meter,
)
from gridtill.apps.keystore.operations import NewVendingKey, store_vending_key
from gridtill.apps.ledger.operations import ensure_chart
from gridtill.apps.network.operations import NewTransformer, add_transformer
from gridtill.apps.notices.operations import NoticeDraft, create_notice
from gridtill.apps.organization.models import UtilitySettings
from gridtill.apps.organization.operations import NewUtility, add_supply_office, create_utility
from gridtill.apps.organization.queries import utility_settings
from gridtill.apps.pricing.operations import activate_tariff, draft_tariff
from gridtill.apps.staff.models import Operator
from gridtill.apps.staff.operations import DEFAULT_ROLES, NewOperator, create_operator, ensure_default_roles
from gridtill.apps.staff.queries import actor_of
from gridtill.apps.vending.models import Till
from gridtill.apps.vending.operations.closing import close_day
from gridtill.apps.vending.operations.sell import SaleOrder
from gridtill.apps.vending.operations.shifts import count_shift, expected_cash, open_shift, sign_shift
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.operations.tills import Naming, add_point_of_sale, add_till
from gridtill.kernel.actors import SYSTEM, Actor
from gridtill.kernel.clock import business_day, now
from gridtill.kernel.ids import new_id
from gridtill.sts.luhn import check_digit
from gridtill.usecases.open_account import open_account
from gridtill.usecases.sell import sell_and_issue

PASSWORD = "till and token 4"  # noqa: S105 - printed for everybody who tries the demonstration
# A key for trying things out, in every copy of the demonstration; it protects nothing.
DEMO_VENDING_KEY = bytes.fromhex("0fe956ef9f305fb7a9061e0b26c78bb705c40eaf")
NEXT_VENDING_KEY = bytes.fromhex("87e0b130dfba10975611aa3a537476288dded228")
SUPPLY_GROUP = "600101"
OFFICES = (("HARBOUR", "Harbour 33/11 kV"), ("RIDGE", "Ridge 33/11 kV"), ("LAGOON", "Lagoon 33/11 kV"))
STREETS = ("Mission Street", "Harbour Road", "Market Circle", "Lagoon View", "Palm Avenue", "Station Road")
FIRST = ("Akosua", "Kwesi", "Abena", "Kofi", "Esi", "Samuel", "Joyce", "Daniel", "Afia", "Wanjiru", "Otieno", "Amina")
LAST = ("Boateng", "Mensah", "Tetteh", "Agyeman", "Ofori", "Asante", "Mwangi", "Kamau", "Njoroge", "Hassan")
HISTORY_DAYS = 13
NOTICES = (
    ("Count before you close", "The drawer is counted without knowing what should be in it. Take your time.", True),
    ("Maintenance on Saturday", "The Ridge hall closes at noon; Harbour and Lagoon sell until six.", False),
)
TARIFFS = ("ke-domestic-2023", "bd-desco-2015")


def seed_if_empty() -> str:
    """Bring the database up to date, fill it if it is empty, and return the logins as text."""
    call_command("migrate", verbosity=0)
    if not UtilitySettings.objects.exists():
        with transaction.atomic():
            _seed(now())
    names = "\n".join(f"  {code.replace('_', '.'):16} {name}" for code, (name, _rights) in DEFAULT_ROLES.items())
    return (
        f"Logins of the demonstration, one a role, all with the password “{PASSWORD}”:\n{names}\n"
        "What a token of its meters holds:\n"
        f"  gridtill sts decode TOKEN --drn METER --sgc {SUPPLY_GROUP} --vending-key {DEMO_VENDING_KEY.hex()}"
    )


def _seed(at: datetime) -> None:
    new = NewUtility("Northern Power", "Northern Power Supply Bureau", "KES", "Africa/Nairobi", is_demo=True)
    bureau = create_utility(new=new, actor=SYSTEM, at=at)
    ensure_chart()
    ensure_default_roles(actor=SYSTEM, at=at)
    # A second revision, so that key changes can be tried.
    for revision, key in enumerate((DEMO_VENDING_KEY, NEXT_VENDING_KEY), start=1):
        new_key = NewVendingKey(SUPPLY_GROUP, revision, 2014, key, is_demo=True)
        store_vending_key(new=new_key, actor=SYSTEM, at=at)
    structures = [_tariff(name, at) for name in TARIFFS[:1]]
    offices = [
        add_supply_office(
            bureau_id=bureau.pk,
            code=code,
            fields={"name": name, "supply_group_code": SUPPLY_GROUP},
            actor=SYSTEM,
            at=at,
        )
        for code, name in OFFICES
    ]
    for code, (name, _rights) in DEFAULT_ROLES.items():
        unit_id = bureau.parent_id if code in {"administrator", "auditor"} else bureau.pk
        operator = NewOperator(code.replace("_", "."), f"{name} (demo)", code, unit_id or bureau.pk)
        create_operator(new=operator, password=PASSWORD, must_change=False, actor=SYSTEM, at=at)
    for office in offices:
        hall = add_point_of_sale(
            naming=Naming(office.code, f"{office.code.title()} Hall"),
            unit_id=office.pk,
            address="",
            actor=SYSTEM,
            at=at,
        )
        for number in (1, 2):
            naming = Naming(f"{office.code[:3]}{number}", f"{office.code.title()} till {number}")
            add_till(naming=naming, point_of_sale_id=hall.pk, actor=SYSTEM, at=at)
    begun = at - timedelta(days=HISTORY_DAYS + 1)
    agreements = _customers([office.pk for office in offices], structures, begun)
    _history(bureau.pk, agreements, at)
    _store(offices[0].pk, at)
    for title, body, pinned in NOTICES:
        draft = NoticeDraft(title, body, bureau.pk, at - timedelta(hours=1), is_pinned=pinned)
        create_notice(draft=draft, actor=SYSTEM, at=at)


def _store(office_id: int, at: datetime) -> None:
    """Put some devices into a store, so that the archives show more than what is installed."""
    for serial in range(101, 109):
        meter = register_meter(fields=_meter(serial), store_id=office_id, actor=SYSTEM, at=at)
        if serial > 106:
            move_asset(
                kind="meter",
                asset_id=meter.pk,
                new_status="FAULTY",
                reason="display dark on arrival",
                actor=SYSTEM,
                at=at,
            )
    for number in (1, 2):
        fields = {"asset_number": f"DC{number:04d}", "maker": "Demo Meters", "model": "DC-2"}
        concentrator = register_concentrator(fields=fields, store_id=office_id, actor=SYSTEM, at=at)
        below = {"asset_number": f"CL{number:04d}", "maker": "Demo Meters", "model": "CL-1"}
        register_collector(fields=below, store_id=office_id, concentrator_id=concentrator.pk, actor=SYSTEM, at=at)


def _meter(serial: int) -> dict[str, str]:
    body = f"07{serial:08d}"
    return {
        "asset_number": f"M{serial:06d}",
        "number": body + check_digit(body),
        "maker": "Demo Meters",
        "model": "KP-1",
        "supply_group_code": SUPPLY_GROUP,
    }


def _history(bureau_id: int, agreements: list[int], at: datetime) -> None:
    """Sell through two halls for two weeks, with every shift signed and every day closed."""
    chance = random.Random(11)
    supervisor = actor_of(Operator.objects.get(username="supervisor"))
    manager = actor_of(Operator.objects.get(username="bureau.manager"))
    cashiers = []
    for number, name in enumerate(("Efua Addo", "Yaw Sarpong"), start=1):
        # Nobody signs in as these; they are there so that the books have a past.
        operator = create_operator(
            new=NewOperator(f"past.cashier.{number}", name, "cashier", bureau_id),
            password=secrets.token_hex(16),
            must_change=True,
            actor=SYSTEM,
            at=at,
        )
        cashiers.append(actor_of(operator))
    tills = list(Till.objects.filter(code__in=["RID1", "LAG1"]).order_by("code"))
    zone = utility_settings().zone
    for back in range(HISTORY_DAYS, 0, -1):
        morning = at - timedelta(days=back)
        for cashier, till in zip(cashiers, tills, strict=True):
            _past_shift(cashier, supervisor, till.pk, agreements, morning, chance)
        close_day(
            request_id=new_id(),
            bureau_id=bureau_id,
            day=business_day(morning, zone),
            actor=manager,
            at=morning + timedelta(seconds=7_000),
        )


def _past_shift(
    cashier: Actor, supervisor: Actor, till_id: int, agreements: list[int], at: datetime, chance: random.Random
) -> None:
    shift = open_shift(request_id=new_id(), till_id=till_id, float_minor=2_000_00, actor=cashier, at=at)
    for number in range(chance.randrange(4, 9)):
        minor = chance.choice((50, 100, 100, 200, 200, 300, 500, 1000)) * 100
        kind = chance.choice(("CASH", "CASH", "CASH", "MOBILE_MONEY", "BANK_CARD"))
        tender = TenderRow(kind, minor, minor, "" if kind == "CASH" else f"QX{chance.randrange(10**7):07d}")
        order = SaleOrder(chance.choice(agreements), shift.pk, (tender,))
        sold_at = at + timedelta(seconds=600 * number + chance.randrange(60, 540))
        sell_and_issue(request_id=new_id(), order=order, actor=cashier, at=sold_at)
    ended = at + timedelta(seconds=6_000)
    expected = expected_cash(shift)
    count_shift(
        request_id=new_id(),
        shift_id=shift.pk,
        denominations={100_00: expected // 100_00, 1: expected % 100_00},
        note="",
        actor=cashier,
        at=ended,
    )
    sign_shift(shift_id=shift.pk, note="", actor=supervisor, at=ended)


def _tariff(name: str, at: datetime) -> int:
    document = (resources.files("gridtill.tariff") / "published" / f"{name}.toml").read_text(encoding="utf-8")
    version = draft_tariff(document=document, actor=SYSTEM, at=at)
    activate_tariff(version_id=version.pk, active_from=at - timedelta(days=365), actor=SYSTEM, at=at)
    return version.structure_id


def _customers(office_ids: list[int], structures: list[int], at: datetime) -> list[int]:
    """Add forty customers with meters, the last two not opened yet and some with debts; return open agreements."""
    chance = random.Random(7)
    transformers = [
        add_transformer(
            office_id=office_id,
            new=NewTransformer(f"TX-{office}{number}", STREETS[(office * 2 + number) % 6], 160),
            actor=SYSTEM,
            at=at,
        ).pk
        for office, office_id in enumerate(office_ids, start=1)
        for number in (1, 2, 3)
    ]
    agreements = []
    for serial in range(1, 41):
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        street = chance.choice(STREETS)
        customer = add_customer(
            new=NewCustomer(
                name=name,
                transformer_id=transformers[serial % len(transformers)],
                phone=f"+254 700 {serial:06d}",
                address=f"{chance.randrange(1, 180)} {street}",
            ),
            actor=SYSTEM,
            at=at,
        )
        opened = serial <= 38
        agreement_id = _supply(customer.pk, serial, structures[0], customer.office_id, at, opened=opened)
        agreements += [agreement_id] if opened else []
    return agreements


def _supply(customer_id: int, serial: int, structure_id: int, store_id: int, at: datetime, *, opened: bool) -> int:
    fields = _meter(serial)
    register_meter(fields=fields, store_id=store_id, actor=SYSTEM, at=at)
    point = add_usage_point(new=NewUsagePoint(customer_id, "House", structure_id), actor=SYSTEM, at=at)
    install_meter(usage_point_id=point.pk, meter_number=fields["number"], register_wh=0, actor=SYSTEM, at=at)
    agreement = point.agreement
    if not opened:
        return agreement.pk
    open_account(agreement_id=agreement.pk, terms=OpeningTerms("demo1234"), actor=SYSTEM, at=at)
    if serial % 5 == 0:
        terms = DebtTerms(DebtKind.CONNECTION, "Connection fee", RecoveryMode.PERCENT, percent_bp=3_000)
        add_debt(account_id=agreement.account_id, principal_minor=1_500_00, terms=terms, actor=SYSTEM, at=at)
    return agreement.pk
