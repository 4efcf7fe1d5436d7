"""Reading the audit record."""

from __future__ import annotations

from django.db.models import QuerySet

from gridtill.apps.audit.models import AuditRecord


def records_within(unit_path: str) -> QuerySet[AuditRecord]:
    """Return the writes on subjects of a unit and all below it, newest first."""
    return AuditRecord.objects.filter(unit_path__startswith=unit_path).order_by("-id")


def records_of(subject_kind: str, subject_id: object) -> QuerySet[AuditRecord]:
    """Return the writes on one subject, newest first; ``subject_kind`` is such as ``assets.meter``."""
    return AuditRecord.objects.filter(subject_kind=subject_kind, subject_id=str(subject_id)).order_by("-id")
