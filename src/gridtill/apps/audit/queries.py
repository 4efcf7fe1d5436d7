"""Reading the audit record, and saying in words what a write changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import Q, QuerySet

from gridtill.apps.audit.models import AuditRecord


def records_within(unit_path: str) -> QuerySet[AuditRecord]:
    """
    Return the writes on subjects of a unit and all below it, newest first.

    What belongs to no unit, such as the first roles, is shown to those who reach the whole utility.
    """
    within = Q(unit_path__startswith=unit_path)
    if unit_path.count("/") <= 1:
        within |= Q(unit_path="")
    return AuditRecord.objects.filter(within).order_by("-id")


def records_of(subject_kind: str, subject_id: object) -> QuerySet[AuditRecord]:
    """Return the writes on one subject, newest first; ``subject_kind`` is such as ``assets.meter``."""
    return AuditRecord.objects.filter(subject_kind=subject_kind, subject_id=str(subject_id)).order_by("-id")


def find_records(rows: QuerySet[AuditRecord], text: str) -> QuerySet[AuditRecord]:
    """Narrow writes to those whose actor, act or reason holds a text, or whose subject has it as its id."""
    return rows.filter(
        Q(actor_name__icontains=text)
        | Q(action__icontains=text.replace(" ", "_"))
        | Q(reason__icontains=text)
        | Q(subject_id=text)
    )


_NOTHING = ((None, None), (None, ""), ("", None))


@dataclass(frozen=True, slots=True)
class Change:
    """One field that a write set or changed; moments and days are read back, all else is as it was stored."""

    field: str
    label: str
    before: Any
    after: Any


def changes_of(record: AuditRecord, *, named: bool = False) -> list[Change]:
    """
    Return what a write did, field by field, with choices in words.

    With ``named``, rows that were referred to are looked up, one query for each such value.
    """
    model = _model(record.subject_kind)
    before, after = record.before or {}, record.after or {}
    return [
        Change(
            field=name,
            label=_label(model, name),
            before=_value(model, name, before.get(name), named=named),
            after=_value(model, name, after.get(name), named=named),
        )
        for name in sorted({*before, *after})
        # A new row lists every field; the empty ones say nothing, nor do its id and the count of changes.
        if name not in {"id", "version"} and (before.get(name), after.get(name)) not in _NOTHING
    ]


def kind_in_words(subject_kind: str) -> str:
    """Return what a kind of row is called, such as ``usage point`` for ``customers.usagepoint``."""
    model = _model(subject_kind)
    return str(model._meta.verbose_name) if model is not None else subject_kind  # noqa: SLF001


def subject_name(record: AuditRecord) -> str:
    """Return what the subject of a write is called now, or nothing if it is gone; one query."""
    model = _model(record.subject_kind)
    try:
        row = model._default_manager.filter(pk=record.subject_id).first() if model is not None else None  # noqa: SLF001
    except (ValueError, ValidationError):
        row = None
    return "" if row is None else str(row)


def _model(kind: str) -> type[models.Model] | None:
    try:
        return apps.get_model(kind)
    except (LookupError, ValueError):
        return None


def _field(model: type[models.Model] | None, name: str) -> Any:
    if model is None:
        return None
    try:
        field = model._meta.get_field(name)  # noqa: SLF001
    except FieldDoesNotExist:
        # Foreign keys are stored under the name of their column.
        return _field(model, name.removesuffix("_id")) if name.endswith("_id") else None
    # What other rows say about this one has the name of a field, but no words of its own.
    return field if field.concrete else None


def _label(model: type[models.Model] | None, name: str) -> str:
    field = _field(model, name)
    words = str(field.verbose_name) if field is not None else name.replace("_", " ")
    # The unit of an amount is said beside it.
    words = words.removesuffix(" minor").removesuffix(" wh")
    return words[:1].upper() + words[1:]


def _value(model: type[models.Model] | None, name: str, raw: Any, *, named: bool) -> Any:
    field = _field(model, name)
    if raw is None or field is None:
        return raw
    if isinstance(field, models.ForeignKey):
        return _referred(field, raw) if named else raw
    if isinstance(field, models.DateField | models.BooleanField):
        return _read_back(field, raw)
    words = dict(field.flatchoices)
    return str(words[raw]) if isinstance(raw, str) and raw in words else raw


def _read_back(field: Any, raw: Any) -> datetime | date | bool | Any:
    try:
        return field.to_python(raw)
    except ValidationError:
        return raw


def _referred(field: models.ForeignKey[Any, Any], raw: Any) -> str:
    row = field.related_model._default_manager.filter(pk=raw).first()  # noqa: SLF001
    return str(raw) if row is None else str(row)
