"""Importing assets from a list: stage it, say what the columns mean, then write all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from gridtill.apps.assets.choices import AssetStatus
from gridtill.apps.assets.models import ImportBatch
from gridtill.apps.assets.operations.archive import AssetChanged, AssetExists, store_for
from gridtill.apps.assets.queries.archive import AnyAsset, model_of
from gridtill.apps.assets.queries.imports import (
    CheckedRow,
    batch_of,
    checked_rows,
    counts_of,
    fields_of,
    matched_columns,
)
from gridtill.apps.audit.operations import record_entries, record_write, snapshot
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal

IMPORT = "assets.import"


class RowsWrong(Refusal):
    """Some rows of an import are wrong and leaving them out was not accepted."""

    code = "import_rows_wrong"
    remedy = "Correct the file and upload it again, or accept that the wrong rows are left out."


class AlreadyImported(Refusal):
    """The batch has been imported; its columns are settled."""

    code = "import_done"
    remedy = "Upload another file."


@transaction.atomic
def stage_import(
    *,
    request_id: UUID,
    kind: str,
    file_name: str,
    table: tuple[Sequence[str], Sequence[Sequence[str]]],
    store_id: int,
    actor: Actor,
    at: datetime,
) -> ImportBatch:
    """
    Keep an uploaded list and match its columns by their headings; no asset is written.

    ``table`` is the headings and the rows below, all of one width. Staging the same
    ``request_id`` again answers with the batch that is there.

    :raises InvalidValue: if the store is out of reach or nothing could be read
    """
    actor.require(IMPORT)
    model_of(kind)
    if ImportBatch.objects.filter(pk=request_id).exists():
        return batch_of(request_id, actor.id, actor.unit_path)
    store = store_for(actor, store_id)
    headers, rows = table
    if not rows:
        raise InvalidValue("There are no rows in the file.", remedy="Choose another file.", field="file")
    batch = ImportBatch.objects.create(
        id=request_id,
        kind=kind,
        file_name=file_name[-120:],
        store=store,
        operator_id=actor.id,
        operator_name=actor.name,
        uploaded_at=at,
        headers=list(headers),
        rows=[list(row) for row in rows],
        columns=matched_columns(kind, headers),
    )
    _record(batch, "staged", actor, at, {"file_name": batch.file_name, "rows": len(rows)})
    return batch


@transaction.atomic
def match_columns(*, batch_id: UUID, columns: Sequence[str], actor: Actor, at: datetime) -> ImportBatch:
    """
    Say which field each column of a staged list holds; an empty name leaves the column out.

    :raises AlreadyImported: if the batch has been imported
    :raises InvalidValue: if a field is unknown, named twice, or the asset number is missing
    """
    actor.require(IMPORT)
    batch = batch_of(batch_id, actor.id, actor.unit_path)
    wanted = [name for name in columns if name]
    if len(columns) != len(batch.headers) or not set(wanted) <= set(fields_of(batch.kind)):
        raise InvalidValue("The columns do not fit the file.", remedy="Choose them again.", field="columns")
    if len(wanted) != len(set(wanted)):
        raise InvalidValue("Two columns are matched to one field.", remedy="Leave one out.", field="columns")
    if "asset_number" not in wanted:
        raise InvalidValue("No column holds the asset number.", remedy="Match one to it.", field="columns")
    before = {"columns": batch.columns}
    if ImportBatch.objects.filter(pk=batch.pk, applied_at=None).update(columns=list(columns)) != 1:
        raise AlreadyImported("This file has been imported already.")
    batch.refresh_from_db()
    _record(batch, "matched", actor, at, {"columns": batch.columns}, before)
    return batch


@transaction.atomic
def apply_import(*, batch_id: UUID, accept_good: bool, actor: Actor, at: datetime) -> ImportBatch:
    """
    Write the rows of a staged list in one transaction; repeating it changes nothing more.

    Every row is checked again, as the archive may have changed since the preview. With
    ``accept_good`` wrong rows are left out, otherwise one wrong row stops them all.

    :raises RowsWrong: if a row is wrong and that was not accepted, or no row is good
    :raises AssetExists: if somebody else entered one of the numbers at the same moment
    """
    actor.require(IMPORT)
    batch = batch_of(batch_id, actor.id, actor.unit_path)
    # Whoever marks the batch first writes it; the other waits here and then finds it marked.
    if ImportBatch.objects.filter(pk=batch.pk, applied_at=None).update(applied_at=at) != 1:
        batch.refresh_from_db()
        return batch
    rows = checked_rows(batch, actor.unit_path)
    counts = counts_of(rows)
    if counts["wrong"] and not (accept_good and counts["wrong"] < len(rows)):
        raise RowsWrong(f"{counts['wrong']} of {len(rows)} rows are wrong. Nothing was imported.")
    _enter([row for row in rows if row.verdict == "new"], batch, actor, at)
    _change([row for row in rows if row.verdict == "changed"], batch, actor, at)
    ImportBatch.objects.filter(pk=batch.pk).update(counts=counts)
    batch.refresh_from_db()
    _record(batch, "applied", actor, at, counts)
    return batch


def _enter(rows: Sequence[CheckedRow], batch: ImportBatch, actor: Actor, at: datetime) -> None:
    model: Any = model_of(batch.kind)
    stores = OrganizationUnit.objects.in_bulk({row.store_id for row in rows if row.store_id is not None})
    made: list[AnyAsset] = []
    for row in rows:
        store = stores[cast("int", row.store_id)]
        values = dict(row.values)
        if batch.kind == "meter":
            values["supply_group_code"] = values.get("supply_group_code") or store.supply_group_code
        made.append(model(store=store, status=AssetStatus.IN_STORE, **values))
    try:
        with transaction.atomic():
            model.objects.bulk_create(made, batch_size=500)
    except IntegrityError as error:
        raise AssetExists("Somebody else entered one of these numbers just now. Nothing was imported.") from error
    record_entries(
        actor=actor,
        at=at,
        action=f"assets.{batch.kind}.registered",
        entered=((asset, asset.store.path) for asset in made),
        request_id=batch.pk,
    )


def _change(rows: Sequence[CheckedRow], batch: ImportBatch, actor: Actor, at: datetime) -> None:
    model = model_of(batch.kind)
    for row in rows:
        asset = model.objects.select_related("store").get(pk=cast("int", row.asset_id))
        before = snapshot(asset)
        if model.objects.filter(pk=asset.pk, **row.before).update(version=F("version") + 1, **row.values) != 1:
            raise AssetChanged
        asset.refresh_from_db()
        record_write(
            actor=actor,
            at=at,
            action=f"assets.{batch.kind}.modified",
            subject=asset,
            unit_path=asset.store.path,
            before=before,
            after=snapshot(asset),
            request_id=batch.pk,
        )


def _record(
    batch: ImportBatch,
    verb: str,
    actor: Actor,
    at: datetime,
    after: Mapping[str, object],
    before: Mapping[str, object] | None = None,
) -> None:
    record_write(
        actor=actor,
        at=at,
        action=f"assets.import.{verb}",
        subject=batch,
        unit_path=batch.store.path,
        before=before,
        after=after,
        request_id=batch.pk,
    )
