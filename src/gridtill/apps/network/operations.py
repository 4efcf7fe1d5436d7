"""Adding transformers under a supply office."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.network.models import Transformer
from gridtill.apps.organization.choices import UnitKind
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class NewTransformer:
    """A distribution transformer; capacity in kVA, voltage such as 11/0.433."""

    code: str
    name: str
    capacity_kva: int | None = None
    voltage_kv: str = "11/0.433"
    location: str = ""


@transaction.atomic
def add_transformer(*, office_id: int, new: NewTransformer, actor: Actor, at: datetime) -> Transformer:
    """
    Put a transformer under a supply office.

    :raises InvalidValue: if a field is wrong or the code is taken there
    """
    office = OrganizationUnit.objects.get(pk=office_id, kind=UnitKind.SUPPLY_OFFICE)
    actor.require("archives.edit", office.path)
    if not 1 <= len(new.code.strip()) <= 20:
        raise InvalidValue("A code has 1 to 20 characters.", field="code")
    if not 1 <= len(new.name.strip()) <= 120:
        raise InvalidValue("A name has 1 to 120 characters.", field="name")
    if new.capacity_kva is not None and not 1 <= new.capacity_kva <= 1_000_000:
        raise InvalidValue("The capacity lies between 1 and 1,000,000 kVA.", field="capacity_kva")
    if Transformer.objects.filter(office=office, code=new.code.strip()).exists():
        raise InvalidValue(f"{new.code.strip()} is the code of another transformer of this office.", field="code")
    transformer = Transformer.objects.create(
        office=office,
        code=new.code.strip(),
        name=new.name.strip(),
        capacity_kva=new.capacity_kva,
        voltage_kv=new.voltage_kv[:20],
        location=new.location[:200],
    )
    record_write(
        actor=actor,
        at=at,
        action="network.transformer.added",
        subject=transformer,
        unit_path=office.path,
        after=snapshot(transformer),
    )
    return transformer
