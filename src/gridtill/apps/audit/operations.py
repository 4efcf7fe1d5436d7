"""Writing the audit record; every operation of every app ends here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import ProtectedError

from gridtill.apps.audit.models import AuditRecord
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import Refusal


def snapshot(row: models.Model) -> dict[str, Any]:
    """Return a row's stored fields as JSON values, secrets left out, for ``before`` and ``after``."""
    secret = {"password", "opening_password", "wrapped", "receipt_secret"}
    return {
        field.attname: field.value_to_string(row) if field.value_from_object(row) is not None else None
        for field in row._meta.concrete_fields  # noqa: SLF001
        if field.attname not in secret
    }


def record_write(
    *,
    actor: Actor,
    at: datetime,
    action: str,
    subject: models.Model,
    unit_path: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    request_id: UUID | None = None,
    reason: str = "",
) -> None:
    """
    Add one line to the audit record, inside the transaction of the write it tells of.

    Of ``before`` and ``after`` only what differs is kept; equal pairs say nothing.
    """
    if before is not None and after is not None:
        changed = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        before = {key: before[key] for key in sorted(changed) if key in before}
        after = {key: after[key] for key in sorted(changed) if key in after}
    AuditRecord.objects.create(
        at=at,
        actor_id=actor.id,
        actor_name=actor.name,
        action=action,
        subject_kind=subject._meta.label_lower,  # noqa: SLF001
        subject_id=str(subject.pk),
        unit_path=unit_path,
        request_id=request_id,
        reason=reason[:500],
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
    )


def record_entries(
    *,
    actor: Actor,
    at: datetime,
    action: str,
    entered: Iterable[tuple[models.Model, str]],
    request_id: UUID | None = None,
) -> None:
    """Add a line for each of many new rows, given with their unit paths; one statement for every 500."""
    AuditRecord.objects.bulk_create(
        (
            AuditRecord(
                at=at,
                actor_id=actor.id,
                actor_name=actor.name,
                action=action,
                subject_kind=row._meta.label_lower,  # noqa: SLF001
                subject_id=str(row.pk),
                unit_path=unit_path,
                request_id=request_id,
                after=snapshot(row),
            )
            for row, unit_path in entered
        ),
        batch_size=500,
    )


_NAMED = 3


class StillUsed(Refusal):
    """Other objects hang on this one."""

    code = "still_used"
    remedy = "Move or delete those first."


def delete_unused(row: models.Model) -> None:
    """
    Delete a row that nothing refers to.

    :raises StillUsed: naming what stands in the way; nothing was deleted
    """
    try:
        # Of its own, so that the refusal leaves the surrounding transaction usable.
        with transaction.atomic():
            row.delete()
    except ProtectedError as error:
        raise StillUsed(f"{row} cannot be deleted: {_words(error.protected_objects)}. Nothing was deleted.") from None


def _words(objects: set[models.Model]) -> str:
    counted = Counter(str(item._meta.verbose_name) for item in objects)  # noqa: SLF001
    parts = []
    for kind, count in sorted(counted.items()):
        names = sorted(str(item) for item in objects if str(item._meta.verbose_name) == kind)  # noqa: SLF001
        more = ", …" if count > _NAMED else ""
        parts.append(f"{count} {kind}{'' if count == 1 else 's'} ({', '.join(names[:_NAMED])}{more})")
    verb = "hangs" if sum(counted.values()) == 1 else "hang"
    return f"{'; '.join(parts)} {verb} on it"
