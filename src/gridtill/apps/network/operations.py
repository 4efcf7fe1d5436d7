"""Adding, changing and deleting feeders and transformers under a supply office."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import TypeVar

from django.db import transaction

from gridtill.apps.audit.operations import delete_unused, record_write, snapshot
from gridtill.apps.network.choices import PlantStatus, TransformerKind
from gridtill.apps.network.models import Feeder, Transformer
from gridtill.apps.organization.choices import UnitKind
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal

CAPACITY_MAXIMUM_KVA = 1_000_000
Plant = TypeVar("Plant", Feeder, Transformer)


class PlantChanged(Refusal):
    """Somebody else changed the feeder or transformer meanwhile."""

    code = "changed_meanwhile"
    remedy = "Look at what they changed, then make your change again."


@dataclass(frozen=True, slots=True)
class NewFeeder:
    """A medium-voltage line; voltage such as 11."""

    code: str
    name: str
    voltage_kv: str = ""
    status: str = PlantStatus.IN_SERVICE

    def checked(self) -> NewFeeder:
        """
        Return it stripped, after checking every field.

        :raises InvalidValue: naming the field that is wrong
        """
        clean = replace(self, code=self.code.strip(), name=self.name.strip(), voltage_kv=self.voltage_kv.strip())
        _check_names(clean.code, clean.name, clean.voltage_kv, clean.status)
        return clean


@dataclass(frozen=True, slots=True)
class NewTransformer:
    """A distribution transformer; capacity in kVA, voltage such as 11/0.433, feeder of the same office."""

    code: str
    name: str
    capacity_kva: int | None = None
    voltage_kv: str = "11/0.433"
    location: str = ""
    kind: str = TransformerKind.PUBLIC
    check_meter_number: str = ""
    feeder_id: int | None = None
    commissioned_date: date | None = None
    status: str = PlantStatus.IN_SERVICE

    def checked(self) -> NewTransformer:
        """
        Return it stripped, after checking every field.

        :raises InvalidValue: naming the field that is wrong
        """
        texts = ("code", "name", "voltage_kv", "location", "check_meter_number")
        clean = replace(self, **{name: getattr(self, name).strip() for name in texts})
        _check_names(clean.code, clean.name, clean.voltage_kv, clean.status)
        if clean.capacity_kva is not None and not 1 <= clean.capacity_kva <= CAPACITY_MAXIMUM_KVA:
            raise InvalidValue("The capacity lies between 1 and 1,000,000 kVA.", field="capacity_kva")
        for name, most in (("location", 200), ("check_meter_number", 30)):
            if len(getattr(clean, name)) > most:
                raise InvalidValue(f"Enter at most {most} characters.", field=name)
        if clean.kind not in TransformerKind.values:
            raise InvalidValue("Choose whether it is public or for one customer.", field="kind")
        return clean


def _check_names(code: str, name: str, voltage_kv: str, status: str) -> None:
    if not 1 <= len(code) <= 20:
        raise InvalidValue("A code has 1 to 20 characters.", field="code")
    if not 1 <= len(name) <= 120:
        raise InvalidValue("A name has 1 to 120 characters.", field="name")
    if len(voltage_kv) > 20:
        raise InvalidValue("Enter at most 20 characters.", field="voltage_kv")
    if status not in PlantStatus.values:
        raise InvalidValue("Choose a state.", field="status")


def _office(office_id: int, actor: Actor) -> OrganizationUnit:
    office = OrganizationUnit.objects.select_for_update().get(pk=office_id, kind=UnitKind.SUPPLY_OFFICE)
    actor.require("archives.edit", office.path)
    return office


@transaction.atomic
def add_feeder(*, office_id: int, new: NewFeeder, actor: Actor, at: datetime) -> Feeder:
    """
    Put a feeder under a supply office.

    :raises InvalidValue: if a field is wrong or the code is taken there
    """
    office, new = _office(office_id, actor), new.checked()
    _require_free(Feeder, office, new.code, None)
    feeder = Feeder.objects.create(office=office, **asdict(new))
    _audit(feeder, "added", actor, at, None)
    return feeder


@transaction.atomic
def modify_feeder(*, feeder_id: int, version: int, new: NewFeeder, actor: Actor, at: datetime) -> Feeder:
    """
    Change a feeder.

    :raises PlantChanged: if the version is not the one that was looked at
    :raises InvalidValue: if a field is wrong or the code is taken there
    """
    feeder = Feeder.objects.select_for_update(of=("self",)).select_related("office").get(pk=feeder_id)
    actor.require("archives.edit", feeder.office.path)
    new = new.checked()
    _require_free(Feeder, feeder.office, new.code, feeder.pk)
    return _save(feeder, version, asdict(new), actor, at)


@transaction.atomic
def delete_feeder(*, feeder_id: int, actor: Actor, at: datetime) -> None:
    """
    Delete a feeder that no transformer hangs on.

    :raises StillUsed: naming the transformers
    """
    feeder = Feeder.objects.select_related("office").get(pk=feeder_id)
    actor.require("archives.edit", feeder.office.path)
    _audit(feeder, "deleted", actor, at, snapshot(feeder))
    delete_unused(feeder)


@transaction.atomic
def add_transformer(*, office_id: int, new: NewTransformer, actor: Actor, at: datetime) -> Transformer:
    """
    Put a transformer under a supply office.

    :raises InvalidValue: if a field is wrong or the code is taken there
    """
    office, new = _office(office_id, actor), new.checked()
    _require_free(Transformer, office, new.code, None)
    _require_feeder(new.feeder_id, office)
    transformer = Transformer.objects.create(office=office, **asdict(new))
    _audit(transformer, "added", actor, at, None)
    return transformer


@transaction.atomic
def modify_transformer(
    *, transformer_id: int, version: int, new: NewTransformer, actor: Actor, at: datetime
) -> Transformer:
    """
    Change a transformer; it stays under its supply office.

    :raises PlantChanged: if the version is not the one that was looked at
    :raises InvalidValue: if a field is wrong or the code is taken there
    """
    rows = Transformer.objects.select_for_update(of=("self",)).select_related("office")
    transformer = rows.get(pk=transformer_id)
    actor.require("archives.edit", transformer.office.path)
    new = new.checked()
    _require_free(Transformer, transformer.office, new.code, transformer.pk)
    _require_feeder(new.feeder_id, transformer.office)
    return _save(transformer, version, asdict(new), actor, at)


@transaction.atomic
def delete_transformer(*, transformer_id: int, actor: Actor, at: datetime) -> None:
    """
    Delete a transformer under which no customer is supplied.

    :raises StillUsed: naming who is
    """
    transformer = Transformer.objects.select_related("office").get(pk=transformer_id)
    actor.require("archives.edit", transformer.office.path)
    _audit(transformer, "deleted", actor, at, snapshot(transformer))
    delete_unused(transformer)


def _require_free(model: type[Feeder | Transformer], office: OrganizationUnit, code: str, own_id: int | None) -> None:
    kind = model._meta.verbose_name  # noqa: SLF001
    if model.objects.filter(office=office, code=code).exclude(pk=own_id or 0).exists():
        raise InvalidValue(f"{code} is the code of another {kind} of this office.", field="code")


def _require_feeder(feeder_id: int | None, office: OrganizationUnit) -> None:
    if feeder_id is not None and not Feeder.objects.filter(pk=feeder_id, office=office).exists():
        raise InvalidValue("Choose a feeder of this office.", field="feeder_id")


def _save(row: Plant, version: int, values: dict[str, object], actor: Actor, at: datetime) -> Plant:
    if row.version != version:
        raise PlantChanged(f"{row} was changed by somebody else meanwhile. Nothing was saved.")
    before = snapshot(row)
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1
    row.save()
    _audit(row, "modified", actor, at, before)
    return row


def _audit(row: Feeder | Transformer, act: str, actor: Actor, at: datetime, before: dict[str, object] | None) -> None:
    kind = row._meta.model_name  # noqa: SLF001
    record_write(
        actor=actor,
        at=at,
        action=f"network.{kind}.{act}",
        subject=row,
        unit_path=row.office.path,
        before=before,
        after=None if act == "deleted" else snapshot(row),
    )
