"""
Plays one fault scenario on a database of its own and prints what was found as JSON.

    DATABASE_URL=… python -m tests.faults.arena kill|kill-key-change|race

Runs as a separate process because it forks, kills its children and needs commits that are real.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType
from typing import Any
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridtill.config.settings_test")

import django

django.setup()

from django.core.management import call_command
from django.db import connection

from gridtill.apps.assets.models import Meter
from gridtill.apps.keystore.operations import NewVendingKey, forget_issuers, store_vending_key
from gridtill.apps.ledger.operations import forget_accounts
from gridtill.apps.ledger.queries import balance_of, is_balanced
from gridtill.apps.vending.choices import EngineeringKind
from gridtill.apps.vending.models import (
    AccountStanding,
    Delivery,
    EngineeringToken,
    SalesDocument,
    ShiftTender,
    Till,
    Vend,
)
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.operations.engineering import (
    EngineeringOrder,
    NewKey,
    decide_engineering,
    request_engineering,
)
from gridtill.apps.vending.operations.engineering_issue import issue_engineering
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.queries.journal import export_lines
from gridtill.kernel.actors import SYSTEM
from gridtill.kernel.chain import verify
from gridtill.kernel.errors import Refusal
from gridtill.kernel.ids import new_id
from gridtill.sim.keypad.meter import enter, new_meter
from gridtill.sts.keys import KeyContext, derive_decoder_key
from gridtill.sts.pan import MeterPan
from tests.factories.scene import VENDING_KEY, Scene, make_scene, make_supply, second_till

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PRODUCT = "gridtill/apps/"
STEPS_MAXIMUM = 2000

BLOCKS = """
code = "BLOCKS"
title = "Two blocks"
currency = "KES"
price_class = "residential"
valid_from = 2026-01-01

[source]
name = "Made for tests"

[energy]
kind = "blocks"
basis = "month"

[[energy.blocks]]
up_to_kwh = 20
rate = "10.00"

[[energy.blocks]]
rate = "25.00"
"""


class Killer:
    """Ends this process, as a power cut would, at the n-th call into the product's apps."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and PRODUCT in frame.f_code.co_filename:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], None]) -> int:
    """Run work in a forked process and return its wait status."""
    connection.close()
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            forget_accounts()
            forget_issuers()
            work()
        except BaseException:
            traceback.print_exc()
            code = 1
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def sale(scene: Scene, agreement_id: int, request_id: UUID) -> None:
    order = SaleOrder(agreement_id, scene.shift.pk, (TenderRow("CASH", 100_00, 100_00),))
    vend_id = sell_energy(request_id=request_id, order=order, actor=scene.asha, at=AT)
    issue_token(vend_id=vend_id, actor=scene.asha, at=AT)


def consistent(sales: int, minor: int) -> list[str]:
    """Return what does not fit together, in words; nothing if all does."""
    problems = []
    standing = AccountStanding.objects.get()
    vends = list(Vend.objects.order_by("sequence"))
    if len(vends) != sales:
        problems.append(f"{len(vends)} vends instead of {sales}")
    if not is_balanced():
        problems.append("the ledger does not balance")
    drawer = sum(balance_of(f"1000.{till.code}") for till in Till.objects.all())
    if drawer != 5_000_00 + sales * minor:
        problems.append(f"the drawers' accounts hold {drawer}")
    counted = sum(row.sold_minor for row in ShiftTender.objects.filter(kind="CASH"))
    if counted != sales * minor:
        problems.append(f"the shifts count {counted}")
    if standing.sequence != sales or [vend.sequence for vend in vends] != list(range(1, sales + 1)):
        problems.append("purchase numbers have gaps")
    if (
        standing.total_wh != sum(vend.energy_wh for vend in vends)
        or sum(standing.months_wh.values()) != standing.total_wh
    ):
        problems.append("the accumulators do not add up")
    if Delivery.objects.count() != sales or Delivery.objects.values("token_identifier").distinct().count() != sales:
        problems.append("deliveries are missing or share a token identifier")
    if SalesDocument.objects.filter(kind="VEND").count() != sales:
        problems.append("documents are missing")
    verdict = verify(export_lines())
    if verdict.broken:
        problems.append(verdict.broken)
    return problems


def play_kill_with_key_change() -> dict[str, Any]:
    """Do the same with a key change that waits for each sale, and key everything into a meter afterwards."""
    scene = make_scene()
    agreement = make_supply(scene)
    store_vending_key(new=NewVendingKey("201457", 2, 2014, bytes(range(20))), actor=SYSTEM, at=AT)
    found = play_kill(scene, agreement, lambda: plan_key_change(scene))
    found["problems"] += [] if found["problems"] else what_the_meter_says()
    return found


def plan_key_change(scene: Scene) -> None:
    meter, batch = Meter.objects.get(), new_id()
    order = EngineeringOrder(
        EngineeringKind.KEY_CHANGE, "because", 0, NewKey(key_revision=3 - meter.key_revision), with_next_purchase=True
    )
    request_engineering(batch_id=batch, order=order, meter_numbers=[meter.number], actor=scene.bram, at=AT)
    boss = replace(scene.bram, id=scene.asha.id)
    decide_engineering(batch_id=batch, agreed=True, note="", actor=boss, at=AT)


def what_the_meter_says() -> list[str]:
    """Key all tokens into a virtual meter as they were handed out, and say what it refused."""
    number = Meter.objects.get().number
    context = KeyContext(MeterPan.from_drn(number), "201457", "01", 1)
    held = new_meter(context, derive_decoder_key(VENDING_KEY, context), clock_s=0, lock_after=0)
    problems = []
    for delivery in Delivery.objects.order_by("token_identifier"):
        changes = EngineeringToken.objects.filter(vend_id=delivery.vend_id)
        for digits in [*(digits for change in changes for digits in change.tokens), delivery.token]:
            held, entry = enter(held, digits)
            problems += [] if entry.verdict.is_taken else [f"the meter answers {entry.word} to {delivery}"]
    if held.remaining_wh != sum(Vend.objects.values_list("energy_wh", flat=True)):
        problems.append(f"the meter holds {held.remaining_wh} Wh")
    if held.security.key_revision != Meter.objects.get().key_revision:
        problems.append("meter and archive have different keys")
    return problems


def play_kill(
    scene: Scene | None = None, agreement: Any = None, prepare: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Kill a sale at every step there is, look, repeat the request, look again."""
    scene = scene or make_scene()
    agreement = agreement or make_supply(scene)
    sold, step, problems, killed = 0, 0, [], 0
    while step < STEPS_MAXIMUM:
        step += 1
        request_id = new_id()
        prepare()

        def doomed(step: int = step, request_id: UUID = request_id) -> None:
            sys.setprofile(Killer(step))
            sale(scene, agreement.pk, request_id)
            sys.setprofile(None)

        status = in_child(doomed)
        happened = Vend.objects.filter(pk=request_id).exists()
        problems += [f"after a kill at step {step}: {found}" for found in consistent(sold + happened, 100_00)]
        connection.close()
        again = in_child(lambda request_id=request_id: sale(scene, agreement.pk, request_id))
        sold += 1
        problems += [f"after repeating step {step}: {found}" for found in consistent(sold, 100_00)]
        if again or Delivery.objects.get(vend_id=request_id).state != "ISSUED":
            problems.append(f"repeating step {step} did not finish the sale")
        if problems:
            break
        if not os.WIFSIGNALED(status):
            return {"steps": step, "killed": killed, "problems": problems}
        killed += 1
    return {"steps": step, "killed": killed, "problems": problems or ["the sale never came to its end"]}


def engineer_in_child(scene: Scene, start: float, rounds: int) -> int:
    """Make limit tokens for the meter while the tills sell to it; return the child's id."""
    pid = os.fork()
    if pid:
        return pid
    code = 0
    try:
        order = EngineeringOrder(EngineeringKind.POWER_LIMIT, "because", 2500)
        number = Meter.objects.get().number
        time.sleep(max(0.0, start - time.time()))
        for _ in range(rounds):
            rows = request_engineering(batch_id=new_id(), order=order, meter_numbers=[number], actor=scene.bram, at=AT)
            if issue_engineering(token_id=rows[0].pk, actor=scene.bram, at=AT).state != "ISSUED":
                code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        os._exit(code)


def play_race() -> dict[str, Any]:
    """Let four tills sell to one meter at once, each several times, and add up what came of it."""
    scene = make_scene(document=BLOCKS, code="BLOCKS")
    agreement = make_supply(scene)
    desks = [(scene.shift, scene.asha)] + [second_till(scene, code=f"T0{number}") for number in range(2, 5)]
    rounds = 6
    connection.close()
    start = time.time() + 1.0
    children = [engineer_in_child(scene, start, rounds)]
    for shift, actor in desks:
        pid = os.fork()
        if pid == 0:
            code = 0
            try:
                forget_accounts()
                time.sleep(max(0.0, start - time.time()))
                for _ in range(rounds):
                    order = SaleOrder(agreement.pk, shift.pk, (TenderRow("CASH", 30_00, 30_00),))
                    request_id = new_id()
                    for _attempt in range(20):
                        try:
                            sell_energy(request_id=request_id, order=order, actor=actor, at=AT)
                            break
                        except Refusal as refusal:
                            if refusal.code != "account_busy":
                                raise
            except BaseException:
                traceback.print_exc()
                code = 1
            finally:
                os._exit(code)
        children.append(pid)
    failed = sum(os.waitpid(pid, 0)[1] != 0 for pid in children)
    identifiers = [
        *Delivery.objects.values_list("token_identifier", flat=True),
        *EngineeringToken.objects.values_list("token_identifier", flat=True),
    ]
    standing = AccountStanding.objects.get()
    problems = consistent(len(desks) * rounds, 30_00)
    if failed:
        problems.append(f"{failed} desks failed")
    if len(set(identifiers)) != (len(desks) + 1) * rounds:
        problems.append("sales and engineering share token identifiers")
    # 24 × 30.00: the first 200.00 buy 20 kWh at 10.00, the other 520.00 buy 20.8 kWh at 25.00.
    return {"total_wh": standing.total_wh, "carry_minor": standing.carry_minor, "problems": problems}


SCENARIOS: dict[str, Callable[[], dict[str, Any]]] = {
    "kill": play_kill,
    "kill-key-change": play_kill_with_key_change,
    "race": play_race,
}

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    print(json.dumps(SCENARIOS[sys.argv[1]]()))
