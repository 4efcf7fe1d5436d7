"""The tree on the left: units, feeders and transformers, opened along the way to what is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from gridtill.apps.network.queries import feeders_within, transformers_within
from gridtill.apps.organization.choices import UnitKind
from gridtill.apps.organization.queries import offices_with_counts

_ICONS = {
    UnitKind.UTILITY: "building",
    UnitKind.BUREAU: "building-bank",
    UnitKind.SUPPLY_OFFICE: "building-broadcast-tower",
}


@dataclass(slots=True)
class Node:
    """A node as it is drawn; ``lazy`` is where its children are fetched when it is opened."""

    key: str
    label: str
    icon: str
    href: str
    count: int | None = None
    lazy: str = ""
    is_open: bool = False
    children: list[Node] = field(default_factory=list)


def build_tree(unit_path: str, *, open_office_id: int | None) -> list[Node]:
    """Return the units of an operator as a tree, with the plant of one supply office; three queries at most."""
    by_id: dict[int, Node] = {}
    roots: list[Node] = []
    for unit in offices_with_counts(unit_path):
        node = Node(
            f"unit-{unit.pk}",
            unit.name,
            _ICONS[UnitKind(unit.kind)],
            reverse("archive_unit", args=[unit.pk]),
            is_open=unit.kind != UnitKind.SUPPLY_OFFICE,
        )
        if unit.kind == UnitKind.SUPPLY_OFFICE:
            node.count = _count(unit)
            node.lazy = reverse("archive_branch", args=[unit.pk])
            if unit.pk == open_office_id:
                node.is_open, node.children = True, plant_of(unit.pk, unit_path)
        by_id[unit.pk] = node
        parent = by_id.get(unit.parent_id or 0)
        (parent.children if parent else roots).append(node)
    return roots


def plant_of(office_id: int, unit_path: str) -> list[Node]:
    """Return a supply office's feeders with their transformers, then the transformers of no feeder."""
    feeders = {
        row.pk: Node(
            f"feeder-{row.pk}",
            f"{row.code} {row.name}",
            "route",
            reverse("archive_feeder", args=[row.pk]),
            is_open=True,
        )
        for row in feeders_within(unit_path).filter(office_id=office_id)
    }
    loose: list[Node] = []
    for row in transformers_within(unit_path).filter(office_id=office_id):
        node = Node(
            f"transformer-{row.pk}",
            f"{row.code} {row.name}",
            "transform",
            reverse("archive_transformer", args=[row.pk]),
            _count(row),
        )
        (feeders[row.feeder_id].children if row.feeder_id in feeders else loose).append(node)
    return [*feeders.values(), *loose]


def _count(row: Any) -> int:
    count: int = row.customer_count
    return count
