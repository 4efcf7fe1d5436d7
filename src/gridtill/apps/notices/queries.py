"""Reading notices."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

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
