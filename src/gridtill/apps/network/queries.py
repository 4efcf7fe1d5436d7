"""Reading feeders and transformers."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from gridtill.apps.network.models import Feeder, Transformer


def feeders_within(unit_path: str) -> QuerySet[Feeder]:
    """Return feeders of supply offices within a unit, by code."""
    return Feeder.objects.filter(office__path__startswith=unit_path).select_related("office").order_by("code")


def transformers_within(unit_path: str) -> QuerySet[Transformer]:
    """Return transformers of supply offices within a unit, each with its ``customer_count``, by code."""
    return (
        Transformer.objects.filter(office__path__startswith=unit_path)
        .select_related("office", "feeder")
        .annotate(customer_count=Count("customers"))
        .order_by("code")
    )
