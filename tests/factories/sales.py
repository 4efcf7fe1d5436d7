"""Sales and ended shifts, made through the operations."""

from __future__ import annotations

from gridtill.apps.vending.models import Vend
from gridtill.apps.vending.operations.reverse import ReversalCase, reverse_vend
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.shifts import count_shift, sign_shift
from gridtill.apps.vending.operations.statement import TenderRow
from gridtill.kernel.clock import now
from gridtill.kernel.ids import new_id
from tests.factories.scene import Scene


def sell(scene: Scene, agreement_id: int, minor: int = 100_00, kind: str = "CASH", reference: str = "") -> Vend:
    order = SaleOrder(agreement_id, scene.shift.pk, (TenderRow(kind, minor, minor, reference),))
    return Vend.objects.get(pk=sell_energy(request_id=new_id(), order=order, actor=scene.asha, at=now()))


def take_back(scene: Scene, vend: Vend) -> None:
    case = ReversalCase(vend.pk, scene.shift.pk, "wrong customer")
    reverse_vend(request_id=new_id(), case=case, actor=scene.asha, at=now())


def end_shift(scene: Scene, counted_minor: int) -> None:
    """Count the scene's shift in pieces of one major unit, and have Bram sign it."""
    count_shift(
        request_id=new_id(),
        shift_id=scene.shift.pk,
        denominations={100: counted_minor // 100},
        note="counted",
        actor=scene.asha,
        at=now(),
    )
    sign_shift(shift_id=scene.shift.pk, note="seen", actor=scene.bram, at=now())
