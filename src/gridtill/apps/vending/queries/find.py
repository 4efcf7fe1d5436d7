"""The counter's one box: whatever a customer brings leads to their supply."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from gridtill.apps.customers.models import Customer
from gridtill.apps.vending.models import Vend

LIMIT, NEAR = 20, 200


def find_customers(text: str, *, unit_path: str) -> list[Customer]:
    """
    Return customers within a unit for what was typed or scanned, at most twenty.

    A customer number, meter number, telephone number, older account number or receipt
    number is looked up exactly, each by its index; only when none fits are names
    searched from the beginning of their words. Where hundreds fit, some are returned.
    """
    wanted = text.strip()
    if not wanted:
        return []
    exact = list(_within(unit_path).filter(pk__in=_exact_ids(wanted))[:LIMIT])
    if exact or len(wanted) < 2:
        return exact
    return list(_within(unit_path).filter(pk__in=_ids_by_name(wanted, unit_path))[:LIMIT])


def _ids_by_name(wanted: str, unit_path: str) -> list[int]:
    """Return some customers whose name, or when those are few any of its words, begins so."""
    # Cut off unsorted: sorting the tens of thousands that share a few letters takes longer than typing on.
    near = Customer.objects.filter(office__path__startswith=unit_path).order_by().values_list("pk", flat=True)
    ids = list(near.filter(name__istartswith=wanted)[:NEAR])
    if len(ids) < LIMIT:
        ids += near.filter(name__icontains=f" {wanted}")[:NEAR]
    return ids


def _within(unit_path: str) -> QuerySet[Customer]:
    return (
        Customer.objects.filter(office__path__startswith=unit_path)
        .prefetch_related("usage_points__installations__meter")
        .order_by("name", "number")
    )


def _exact_ids(wanted: str) -> set[int]:
    # Each condition has an index of its own; a comparison that ignores case would have none.
    by_customer = Customer.objects.filter(
        Q(number__in=[wanted, wanted.upper()])
        | Q(phone=wanted)
        | Q(phone_second=wanted, phone_second__gt="")
        | Q(legacy_number=wanted, legacy_number__gt="")
    )
    by_meter = Customer.objects.filter(
        usage_points__installations__meter__number=wanted.replace(" ", ""),
        usage_points__installations__removed_at=None,
    )
    by_receipt = Vend.objects.filter(number=wanted.upper()).values_list("customer_id", flat=True)
    ids = set(by_customer.values_list("id", flat=True)) | set(by_meter.values_list("id", flat=True))
    return ids | set(by_receipt)


def customer_within(customer_id: int, *, unit_path: str) -> Customer:
    """
    Return a customer within a unit.

    :raises Customer.DoesNotExist: if there is none there
    """
    return _within(unit_path).select_related("office", "transformer", "account").get(pk=customer_id)
