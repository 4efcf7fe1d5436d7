"""
The counter's search among a million customers and the daily balance over five million sales.

    python tools/with_postgres.py --durable -- python tools/bench_volume.py [CUSTOMERS SALES]

Milliseconds and their ratio to a stated baseline on the same data, measured in turns: a search against
reading one customer by primary key, a balance against counting the same day's index range. Rows are
written by SQL with triggers off, as no operation would. About eight minutes, most of it filling.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bench_http import own_database
from bench_sale import AT, ROOT

DAYS, TILLS, SAMPLES = 250, 20, 150
FIRST_DAY = date(2026, 3, 1)
GIVEN = ["Amina", "Brian", "Carol", "David", "Esther", "Farah", "Grace", "Hassan", "Irene", "James", "Kevin", "Lucy"]
_BEGINNINGS = "Ach Bar Cheb Did Ek Fund Gith Ham Im Jum Kam Lang Mwang Njor Ot Pkem Rot Sim Tan Um Va Wanj Yat Zaw"
_ENDINGS = "eng asa et a ai i ae isi ana uma au at oge ieno oi ich iyu ui azi iru"
FAMILY = [beginning + ending for beginning in _BEGINNINGS.split() for ending in _ENDINGS.split()]


def copy_rows(table: str, template: int, count: int, **columns: str) -> None:
    """Multiply a row by SQL: expressions over ``n``, 1 to count, in place of its own values."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'",
            [table],
        )
        names = [row[0] for row in cursor.fetchall()]
        chosen = ", ".join(columns.get(name, f"t.{name}") for name in names)
        listed = ", ".join(names)
        cursor.execute(
            f"INSERT INTO {table} ({listed}) SELECT {chosen} FROM {table} t, generate_series(1, {count}) n"  # noqa: S608
            f" WHERE t.ctid = (SELECT ctid FROM {table} ORDER BY {names[0]} LIMIT 1 OFFSET {template})"
        )


def words(values: list[str], step: int) -> str:
    """Return an SQL expression that takes one of the words by ``n``."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{listed}])[1 + (n::bigint * {step} % {len(values)})]"


def fill(customers: int, sales: int) -> None:
    from django.core.management import call_command
    from django.db import connection
    from tests.factories.scene import make_scene, make_supply

    from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
    from gridtill.apps.vending.operations.statement import TenderRow
    from gridtill.kernel.ids import new_id

    call_command("migrate", verbosity=0)
    scene = make_scene()
    supply = make_supply(scene, 99_999)
    order = SaleOrder(supply.pk, scene.shift.pk, (TenderRow("CASH", 100_00, 100_00),))
    sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=AT)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off; SET work_mem = '64MB'")
    key = {"id": "n + 1"}
    name = f"{words(GIVEN, 7)} || ' ' || {words(FAMILY, 11)} || ' ' || {words(FAMILY, 7)}"
    copy_rows(
        "customers_customer",
        0,
        customers,
        **key,
        number="'C' || (1000000 + n)",
        phone="'+2547' || (10000000 + n)",
        name=name,
    )
    copy_rows("customers_usagepoint", 0, customers, **key, number="'P' || (1000000 + n)", customer_id="n + 1")
    copy_rows("assets_meter", 0, customers, **key, number="(38000000000 + n)", asset_number="'M' || (1000000 + n)")
    copy_rows("customers_meterinstallation", 0, customers, **key, usage_point_id="n + 1", meter_id="n + 1")
    copy_rows("customers_customeraccount", 0, customers, **key, number="'A' || (1000000 + n)", customer_id="n + 1")
    copy_rows("customers_customeragreement", 0, customers, **key, usage_point_id="n + 1", account_id="n + 1")
    print(f"{customers} customers stand", flush=True)
    fill_sales(customers, sales)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")


def fill_sales(customers: int, sales: int) -> None:
    day = f"DATE '{FIRST_DAY}' + (n::bigint * {DAYS} / {sales + 1})::int"
    till = f"(1 + n % {TILLS})"
    copy_rows("vending_till", 0, TILLS - 1, id="n + 1", code="'T9' || n", name="'Till ' || n", drawer_account_id="-n")
    copy_rows(
        "vending_cashiershift",
        0,
        TILLS * DAYS,
        id="n + 1",
        number="n + 1",
        state="'CLOSED'",
        till_id=till,
        business_day=f"DATE '{FIRST_DAY}' + (n - 1) / {TILLS}",
    )
    identity = "lpad(to_hex(n), 32, '0')::uuid"
    buyer = f"(2 + n::bigint * 7919 % {customers})"
    copy_rows(
        "vending_vend",
        0,
        sales,
        id=identity,
        number="'T01-9' || lpad(n::text, 8, '0')",
        agreement_id=buyer,
        customer_id=buyer,
        meter_id=buyer,
        sequence="n + 1",
        till_id=till,
        shift_id=f"2 + n % {TILLS * DAYS}",
        business_day=day,
        calendar_day=day,
        total_minor="10000 + n % 5000",
    )
    kinds = words(["CASH", "CASH", "MOBILE_MONEY", "BANK_CARD"], 1)
    copy_rows("vending_tender", 0, sales, id="n + 1", vend_id=identity, kind=kinds, amount_minor="10000 + n % 5000")
    print(f"{sales} sales stand", flush=True)


def took(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def show(name: str, values: list[float], base: list[float]) -> None:
    ordered, middle = sorted(values), statistics.median(base)
    p95 = ordered[int(len(ordered) * 0.95)]
    print(
        f"  {name:38} p50 {statistics.median(values):9.2f} ms   p95 {p95:9.2f} ms"
        f"   {statistics.median(values) / middle:8.1f} of the baseline   ({ordered[0]:.2f} to {ordered[-1]:.2f} ms)",
        flush=True,
    )


def searches(customers: int, unit_path: str) -> None:
    from gridtill.apps.customers.models import Customer
    from gridtill.apps.vending.queries.find import find_customers

    chance = random.Random(1)
    ways: dict[str, Callable[[int], str]] = {
        "customer number": lambda n: f"C{1000000 + n}",
        "meter number": lambda n: str(38000000000 + n),
        "telephone number": lambda n: f"+2547{10000000 + n}",
        "receipt number": lambda n: f"T01-9{n:08d}",
        "name, from its beginning": lambda n: f"{GIVEN[n % len(GIVEN)]} {FAMILY[n % len(FAMILY)][:3]}",
        "name, a word inside": lambda n: FAMILY[n % len(FAMILY)][:4],
        "two letters": lambda n: FAMILY[n % len(FAMILY)][:2],
        "nobody of that name": lambda n: f"Xyz{n}",
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    base: list[float] = []
    for sample in range(SAMPLES):
        number = chance.randrange(1, customers)
        base.append(took(lambda number=number: Customer.objects.get(pk=number + 1)))
        for name, text in ways.items():
            # The slow ones are asked less often, so that the whole stays within its time.
            if sample >= 5 and statistics.median(found[name]) > 200:
                continue
            wanted = text(number)
            found[name].append(took(lambda wanted=wanted: find_customers(wanted, unit_path=unit_path)))
    print(f"Counter's search on {customers} customers; baseline: one customer by primary key")
    show("baseline", base, base)
    for name, values in found.items():
        show(name, values, base)


def balances(sales: int, unit_path: str) -> None:
    from django.db import connection

    from gridtill.apps.vending.queries.records import BalanceConditions, day_balance

    def count(first: date, last: date) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM vending_vend WHERE business_day BETWEEN %s AND %s", [first, last])
            cursor.fetchone()

    for name, length, rounds in (("a day", 1, 15), ("a week", 7, 5), ("thirty days", 30, 3)):
        base, found = [], []
        for number in range(rounds):
            first = FIRST_DAY + timedelta(days=number * 30 % (DAYS - 30))
            last = first + timedelta(days=length - 1)
            base.append(took(lambda first=first, last=last: count(first, last)))
            conditions = BalanceConditions(first, last)
            found.append(took(lambda conditions=conditions: day_balance(conditions, unit_path=unit_path)))
        print(f"Balance of {name} over {sales} sales; baseline: count(*) on the same days")
        show("baseline", base, base)
        show("balance", found, base)


def main() -> None:
    numbers = [int(value) for value in sys.argv[1:3]] or [1_000_000, 5_000_000]
    os.environ["DATABASE_URL"] = own_database(os.environ["DATABASE_URL"], "bench_volume")
    os.environ["DJANGO_SETTINGS_MODULE"] = "gridtill.config.settings_test"
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
    import django

    django.setup()
    began = datetime.now(tz=UTC)
    fill(*numbers)
    print(f"Filled in {(datetime.now(tz=UTC) - began).total_seconds():.0f} s", flush=True)
    from gridtill.apps.organization.models import OrganizationUnit

    unit_path = OrganizationUnit.objects.get(kind="UTILITY").path
    searches(numbers[0], unit_path)
    balances(numbers[1], unit_path)


if __name__ == "__main__":
    main()
