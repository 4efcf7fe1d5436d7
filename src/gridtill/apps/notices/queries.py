"""Reading notices."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Case, CharField, Q, QuerySet, Value, When

from gridtill.apps.notices.choices import NoticeState
from gridtill.apps.notices.models import Notice
from gridtill.apps.organization.models import OrganizationUnit


def current_notices(unit_path: str, at: datetime) -> QuerySet[Notice]:
    """Return what a unit's staff should know at a moment: its own notices and those of the units above it."""
    ids = [int(part) for part in unit_path.strip("/").split("/") if part]
    above = OrganizationUnit.objects.filter(pk__in=ids)
    return (
        Notice.objects.filter(Q(active_to=None) | Q(active_to__gt=at), unit__in=above, active_from__lte=at)
        .select_related("unit")
        .order_by("-is_pinned", "-active_from")
    )


def notices_within(unit_path: str, at: datetime) -> QuerySet[Notice]:
    """Return the notices of a unit and all below it, latest first, each with its ``state`` at a moment."""
    state = Case(
        When(active_to__lte=at, then=Value(NoticeState.ENDED.value)),
        When(active_from__gt=at, then=Value(NoticeState.PLANNED.value)),
        default=Value(NoticeState.ACTIVE.value),
        output_field=CharField(),
    )
    return (
        Notice.objects.filter(unit__path__startswith=unit_path)
        .select_related("unit")
        .annotate(state=state)
        .order_by("-active_from", "-id")
    )


def find_notices(rows: QuerySet[Notice], text: str) -> QuerySet[Notice]:
    """Narrow notices to those that hold a text in title, body or author."""
    return rows.filter(Q(title__icontains=text) | Q(body__icontains=text) | Q(author_name__icontains=text))
