"""
Plays one fault scenario on a database of its own and prints what was found as JSON.

    DATABASE_URL=… python -m tests.faults.arena kill|race

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
from datetime import UTC, datetime
from types import FrameType
from typing import Any
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridtill.config.settings_test")

import django

django.setup()

from django.core.management import call_command
from django.db import connection

from gridtill.apps.keystore.operations import forget_issuers
from gridtill.apps.ledger.operations import forget_accounts
from gridtill.apps.ledger.queries import balance_of, is_balanced
from gridtill.apps.vending.models import AccountStanding, Delivery, SalesDocument, ShiftTender, Till, Vend
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.apps.vending.queries.journal import export_lines
from gridtill.kernel.chain import verify
from gridtill.kernel.errors import Refusal
from gridtill.kernel.ids import new_id
from tests.factories.scene import Scene, make_scene, make_supply, second_till

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


def play_kill() -> dict[str, Any]:
    """Kill a sale at every step there is, look, repeat the request, look again."""
    scene = make_scene()
    agreement = make_supply(scene)
    sold, step, problems, killed = 0, 0, [], 0
    while step < STEPS_MAXIMUM:
        step += 1
        request_id = new_id()

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


def play_race() -> dict[str, Any]:
    """Let four tills sell to one meter at once, each several times, and add up what came of it."""
    scene = make_scene(document=BLOCKS, code="BLOCKS")
    agreement = make_supply(scene)
    desks = [(scene.shift, scene.asha)] + [second_till(scene, code=f"T0{number}") for number in range(2, 5)]
    rounds = 6
    connection.close()
    children = []
    start = time.time() + 1.0
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
    standing = AccountStanding.objects.get()
    problems = consistent(len(desks) * rounds, 30_00)
    if failed:
        problems.append(f"{failed} desks failed")
    # 24 × 30.00: the first 200.00 buy 20 kWh at 10.00, the other 520.00 buy 20.8 kWh at 25.00.
    return {"total_wh": standing.total_wh, "carry_minor": standing.carry_minor, "problems": problems}


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    print(json.dumps({"kill": play_kill, "race": play_race}[sys.argv[1]]()))
