"""Changes of stock state: by a storekeeper with a reason, or through a usage point."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F

from gridtill.apps.assets.choices import AssetStatus
from gridtill.apps.assets.operations.archive import EDIT, AssetChanged, store_for
from gridtill.apps.assets.queries.archive import AnyAsset, asset_by_id, model_of
from gridtill.apps.assets.states import AssetMoveRefused, check_move
from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue


@transaction.atomic
def move_asset(
    *,
    kind: str,
    asset_id: int,
    new_status: str,
    actor: Actor,
    at: datetime,
    reason: str,
    store_id: int | None = None,
) -> AnyAsset:
    """
    Change the stock state of an asset with a reason, or take it to another store.

    The state may stay what it is if ``store_id`` names another store. Meters are
    installed and removed through their usage point, see ``note_installed``.

    :raises AssetMoveRefused: if the state cannot follow, or needs a usage point
    :raises InvalidValue: if the reason is missing or the store or state unknown
    """
    actor.require(EDIT)
    if not reason.strip():
        raise InvalidValue("A change of state needs a reason.", remedy="Write why.", field="reason")
    if new_status not in AssetStatus.values:
        raise InvalidValue("There is no such state.", remedy="Choose one from the list.", field="new_status")
    row = asset_by_id(kind, asset_id, actor.unit_path)
    only_store = row.status == new_status and store_id not in {None, row.store_id}
    through_point = {AssetStatus.INSTALLED.value, AssetStatus.REMOVED.value}
    # A meter that left INSTALLED here would still be at its usage point, and sold to.
    if kind == "meter" and (row.status == AssetStatus.INSTALLED or (new_status in through_point and not only_store)):
        raise AssetMoveRefused(
            "A meter is installed and removed through its metering point only.",
            remedy="Open the metering point and change the meter there.",
            field="new_status",
        )
    return _write(row, kind=kind, new_status=new_status, actor=actor, at=at, reason=reason, store_id=store_id)


@transaction.atomic
def note_installed(*, kind: str, asset_id: int, actor: Actor, at: datetime, reason: str = "") -> AnyAsset:
    """
    Note that an asset was put up at a usage point; the caller has checked the right to do so.

    :raises AssetMoveRefused: if it is not in store
    """
    row = asset_by_id(kind, asset_id, actor.unit_path)
    return _write(row, kind=kind, new_status=AssetStatus.INSTALLED, actor=actor, at=at, reason=reason)


@transaction.atomic
def note_removed(*, kind: str, asset_id: int, actor: Actor, at: datetime, reason: str = "") -> AnyAsset:
    """
    Note that an asset was taken down from its usage point; the caller has checked the right to do so.

    It may belong to a store elsewhere: who may take it down is decided by where it hangs.

    :raises AssetMoveRefused: if it is not installed
    """
    row = asset_by_id(kind, asset_id, "")
    return _write(row, kind=kind, new_status=AssetStatus.REMOVED, actor=actor, at=at, reason=reason)


def _write(
    row: AnyAsset,
    *,
    kind: str,
    new_status: str,
    actor: Actor,
    at: datetime,
    reason: str,
    store_id: int | None = None,
) -> AnyAsset:
    before, old, old_path = snapshot(row), row.status, row.store.path
    store = row.store if store_id is None else store_for(actor, store_id)
    if old != new_status or store == row.store:
        check_move(old, new_status)
    # The old state and version are part of the condition: of two movers at once one finds no row.
    rows = model_of(kind).objects.filter(pk=row.pk, status=old, version=row.version)
    if rows.update(status=new_status, store=store, version=F("version") + 1) != 1:
        raise AssetChanged
    row.refresh_from_db()
    verb = {"INSTALLED": "installed", "REMOVED": "removed"}.get(new_status, "moved") if old != new_status else "moved"
    record_write(
        actor=actor,
        at=at,
        action=f"assets.{kind}.{verb}",
        subject=row,
        unit_path=old_path if store_id is None else row.store.path,
        before=before,
        after=snapshot(row),
        reason=reason,
    )
    return row
