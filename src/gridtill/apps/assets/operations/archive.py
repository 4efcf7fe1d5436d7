"""Entering, correcting and, where nothing hangs on it, deleting an asset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.db.models import F, ProtectedError

from gridtill.apps.assets.choices import AssetStatus
from gridtill.apps.assets.models import Collector, DataConcentrator, Meter
from gridtill.apps.assets.queries.archive import AnyAsset, asset_by_id, history_of, model_of
from gridtill.apps.assets.rules import clean_fields
from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal

EDIT = "assets.edit"


class AssetExists(Refusal):
    """Another asset has that number already."""

    code = "asset_exists"
    remedy = "Look the number up in the archive, or correct it."


class AssetChanged(Refusal):
    """Somebody else changed the asset since it was read."""

    code = "asset_changed"
    remedy = "Load it again and repeat your change."

    def __init__(self) -> None:
        super().__init__("This was changed by somebody else meanwhile. Nothing of yours was saved.")


class AssetInUse(Refusal):
    """The asset has been used and stays in the archive."""

    code = "asset_in_use"
    remedy = "Set it to scrapped instead."


def store_for(actor: Actor, store_id: int) -> OrganizationUnit:
    """
    Return the unit whose store an actor may put assets into.

    :raises InvalidValue: if there is no such unit within the actor's reach
    """
    store = OrganizationUnit.objects.filter(pk=store_id, path__startswith=actor.unit_path).first()
    if store is None:
        raise InvalidValue("There is no such store within your unit.", remedy="Choose another.", field="store")
    return store


def refuse_taken_numbers(kind: str, values: Mapping[str, Any], besides: int | None = None) -> None:
    """
    Refuse an asset number or meter number that another asset of the kind has.

    :raises AssetExists: if one does; ``field`` says which number
    """
    for field in ("asset_number", "number"):
        if field in values:
            taken = model_of(kind).objects.filter(**{field: values[field]})
            if (taken if besides is None else taken.exclude(pk=besides)).exists():
                raise AssetExists(f"There is a {kind} with the number {values[field]} already.", field=field)


@transaction.atomic
def register_asset(
    *,
    kind: str,
    fields: Mapping[str, Any],
    store_id: int,
    actor: Actor,
    at: datetime,
    concentrator_id: int | None = None,
) -> AnyAsset:
    """
    Enter a new asset of any kind into the archive; it begins in store.

    A keypad meter without a supply group code takes that of its store's unit.

    :raises InvalidValue: if a field is wrong
    :raises AssetExists: if a number is taken
    """
    actor.require(EDIT)
    store = store_for(actor, store_id)
    # What must not be missing is asked for even if the caller left it out.
    wanted = {"asset_number": ""} | ({"number": ""} if kind == "meter" else {}) | dict(fields)
    values = clean_fields(_known(kind), wanted)
    refuse_taken_numbers(kind, values)
    if kind == "meter":
        values["supply_group_code"] = values.get("supply_group_code") or store.supply_group_code
    if concentrator_id is not None and kind == "collector":
        values["concentrator"] = asset_by_id("concentrator", concentrator_id, actor.unit_path)
    row = model_of(kind)(store=store, status=AssetStatus.IN_STORE, **values)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise AssetExists(f"There is a {kind} with that number already.", field="asset_number") from error
    record_write(
        actor=actor, at=at, action=f"assets.{kind}.registered", subject=row, unit_path=store.path, after=snapshot(row)
    )
    return row


def register_meter(*, fields: Mapping[str, Any], store_id: int, actor: Actor, at: datetime) -> Meter:
    """
    Enter a new meter; see ``register_asset`` for what is refused.

    :raises InvalidValue: if a field is wrong
    """
    return cast("Meter", register_asset(kind="meter", fields=fields, store_id=store_id, actor=actor, at=at))


def register_concentrator(*, fields: Mapping[str, Any], store_id: int, actor: Actor, at: datetime) -> DataConcentrator:
    """
    Enter a new data concentrator; see ``register_asset`` for what is refused.

    :raises InvalidValue: if a field is wrong
    """
    row = register_asset(kind="concentrator", fields=fields, store_id=store_id, actor=actor, at=at)
    return cast("DataConcentrator", row)


def register_collector(
    *,
    fields: Mapping[str, Any],
    store_id: int,
    actor: Actor,
    at: datetime,
    concentrator_id: int | None = None,
) -> Collector:
    """
    Enter a new collector, under a concentrator or not; see ``register_asset`` for what is refused.

    :raises InvalidValue: if a field is wrong
    """
    row = register_asset(
        kind="collector", fields=fields, store_id=store_id, actor=actor, at=at, concentrator_id=concentrator_id
    )
    return cast("Collector", row)


@transaction.atomic
def modify_asset(
    *, kind: str, asset_id: int, version: int, fields: Mapping[str, Any], actor: Actor, at: datetime
) -> AnyAsset:
    """
    Correct fields of an asset; its state and store are changed by moving it, never here.

    Of a collector ``fields`` may name a ``concentrator_id`` too; None takes it off its concentrator.

    :raises AssetChanged: if ``version`` is not the stored one
    :raises InvalidValue: if a field is wrong
    :raises AssetInUse: if the number of a meter that is not in store would change
    """
    actor.require(EDIT)
    row = asset_by_id(kind, asset_id, actor.unit_path)
    before = snapshot(row)
    wanted = dict(fields)
    moved = kind == "collector" and "concentrator_id" in wanted
    concentrator_id = wanted.pop("concentrator_id") if moved else None
    if kind == "meter" and "token_carrier" in wanted:
        wanted.setdefault("number", getattr(row, "number", ""))
    values = clean_fields(kind, wanted, getattr(row, "token_carrier", "KEYPAD"))
    if values.get("number", before.get("number")) != before.get("number") and row.status != AssetStatus.IN_STORE:
        raise AssetInUse(
            "The number of a meter can be corrected only while it is in store.",
            remedy="Remove it through its metering point first.",
            field="number",
        )
    refuse_taken_numbers(kind, values, besides=row.pk)
    if concentrator_id is not None:
        asset_by_id("concentrator", concentrator_id, actor.unit_path)
    if moved:
        values["concentrator_id"] = concentrator_id
    rows = model_of(kind).objects.filter(pk=row.pk, version=version)
    if rows.update(version=F("version") + 1, **values) != 1:
        raise AssetChanged
    row.refresh_from_db()
    record_write(
        actor=actor,
        at=at,
        action=f"assets.{kind}.modified",
        subject=row,
        unit_path=row.store.path,
        before=before,
        after=snapshot(row),
    )
    return row


@transaction.atomic
def delete_asset(*, kind: str, asset_id: int, actor: Actor, at: datetime, reason: str) -> None:
    """
    Delete an asset that was entered by mistake: in store and never installed anywhere.

    :raises AssetInUse: if it was used, or something still refers to it
    """
    actor.require(EDIT)
    row = asset_by_id(kind, asset_id, actor.unit_path)
    used = history_of(kind, asset_id).filter(action=f"assets.{kind}.installed").exists()
    if row.status != AssetStatus.IN_STORE or used:
        raise AssetInUse(f"This {kind} has been used and cannot be deleted.")
    record_write(
        actor=actor,
        at=at,
        action=f"assets.{kind}.deleted",
        subject=row,
        unit_path=row.store.path,
        before=snapshot(row),
        reason=reason,
    )
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError as error:
        raise AssetInUse(f"Other records refer to this {kind}; it cannot be deleted.") from error


def _known(kind: str) -> str:
    model_of(kind)
    return kind
