"""Setting up halls and tills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.ledger.operations import account_id
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.vending.choices import ShiftState
from gridtill.apps.vending.models import CashierShift, PointOfSale, Till
from gridtill.kernel.actors import Actor
from gridtill.kernel.chain import genesis
from gridtill.kernel.errors import InvalidValue, Refusal


class CodeTaken(InvalidValue):
    """The code belongs to another hall or till."""

    code = "code_taken"


@dataclass(frozen=True, slots=True)
class Naming:
    """A short code of letters, digits and dashes, and a name for people."""

    code: str
    name: str

    def check(self) -> None:
        """
        Make sure that both can be used.

        :raises InvalidValue: naming the field that cannot
        """
        if not self.code.replace("-", "").isalnum() or not self.code.isascii() or len(self.code) > 12:
            raise InvalidValue("A code has 1 to 12 letters, digits or dashes.", field="code")
        if not self.name.strip() or len(self.name) > 80:
            raise InvalidValue("A name has 1 to 80 characters.", field="name")


@transaction.atomic
def add_point_of_sale(*, naming: Naming, unit_id: int, address: str, actor: Actor, at: datetime) -> PointOfSale:
    """
    Open a business hall under a unit.

    :raises CodeTaken: if the code is in use
    """
    naming.check()
    unit = OrganizationUnit.objects.get(pk=unit_id)
    actor.require("settings.edit", unit.path)
    if PointOfSale.objects.filter(code=naming.code).exists():
        raise CodeTaken("{code} is the code of another hall.", field="code", code=naming.code)
    hall = PointOfSale.objects.create(unit=unit, code=naming.code, name=naming.name, address=address[:200])
    record_write(
        actor=actor,
        at=at,
        action="vending.hall.added",
        subject=hall,
        unit_path=unit.path,
        after=snapshot(hall),
    )
    return hall


@transaction.atomic
def add_till(*, naming: Naming, point_of_sale_id: int, actor: Actor, at: datetime) -> Till:
    """
    Put a till into a hall, with a drawer account and the beginning of a document chain.

    :raises CodeTaken: if the code is in use
    """
    naming.check()
    hall = PointOfSale.objects.select_related("unit").get(pk=point_of_sale_id)
    actor.require("settings.edit", hall.unit.path)
    if Till.objects.filter(code=naming.code).exists():
        raise CodeTaken("{code} is the code of another till.", field="code", code=naming.code)
    till = Till.objects.create(
        point_of_sale=hall,
        bureau_id=bureau_of(hall.unit),
        code=naming.code,
        name=naming.name,
        drawer_account_id=account_id(f"1000.{naming.code}"),
        head_hash=genesis(naming.code),
    )
    record_write(
        actor=actor,
        at=at,
        action="vending.till.added",
        subject=till,
        unit_path=hall.unit.path,
        after=snapshot(till),
    )
    return till


def bureau_of(unit: OrganizationUnit) -> int:
    """
    Return the id of the bureau that a unit is or lies in.

    :raises InvalidValue: if the unit is above all bureaus
    """
    ids = [int(part) for part in unit.path.strip("/").split("/")]
    found = OrganizationUnit.objects.filter(pk__in=ids, kind="BUREAU").values_list("pk", flat=True).first()
    if found is None:
        raise InvalidValue("A till belongs to a bureau or to a unit below one.", field="unit")
    return found


class HallInUse(Refusal):
    """A till or a hall is being sold at."""

    code = "hall_in_use"
    remedy = "Let the shift be counted and signed first."


@transaction.atomic
def modify_point_of_sale(
    *, hall_id: int, name: str, address: str, is_active: bool, actor: Actor, at: datetime
) -> PointOfSale:
    """
    Rename a hall, or take it out of use with all its tills, or put it back; its code stays.

    :raises InvalidValue: if the name cannot be
    :raises HallInUse: if it is to be taken out of use while a shift is open there
    """
    hall = PointOfSale.objects.select_for_update(of=("self",), no_key=True).select_related("unit").get(pk=hall_id)
    actor.require("settings.edit", hall.unit.path)
    Naming(hall.code, name).check()
    if not is_active and CashierShift.objects.filter(till__point_of_sale=hall, state=ShiftState.OPEN).exists():
        raise HallInUse("A shift is open in {hall}. Nothing was changed.", hall=hall.name)
    before = snapshot(hall)
    hall.name, hall.address, hall.is_active = name.strip(), address.strip()[:200], is_active
    hall.save()
    record_write(
        actor=actor,
        at=at,
        action="vending.hall.modified",
        subject=hall,
        unit_path=hall.unit.path,
        before=before,
        after=snapshot(hall),
    )
    return hall


@transaction.atomic
def modify_till(*, till_id: int, name: str, is_active: bool, actor: Actor, at: datetime) -> Till:
    """
    Rename a till, take it out of use or put it back; its code, its drawer and its chain stay.

    :raises InvalidValue: if the name cannot be
    :raises HallInUse: if it is to be taken out of use while its shift is open
    """
    till = (
        Till.objects.select_for_update(of=("self",), no_key=True).select_related("point_of_sale__unit").get(pk=till_id)
    )
    actor.require("settings.edit", till.point_of_sale.unit.path)
    Naming(till.code, name).check()
    if not is_active and CashierShift.objects.filter(till=till, state=ShiftState.OPEN).exists():
        raise HallInUse("A shift is open at {till}. Nothing was changed.", till=till.name)
    before = {"name": till.name, "is_active": till.is_active}
    till.name, till.is_active = name.strip(), is_active
    till.save(update_fields=["name", "is_active"])
    record_write(
        actor=actor,
        at=at,
        action="vending.till.modified",
        subject=till,
        unit_path=till.point_of_sale.unit.path,
        before=before,
        after={"name": till.name, "is_active": till.is_active},
    )
    return till
