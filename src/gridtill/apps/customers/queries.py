"""Reading customers and their metering points."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from gridtill.apps.assets.models import Meter
from gridtill.apps.customers.models import Customer, MeterInstallation, UsagePoint


def customers_within(unit_path: str) -> QuerySet[Customer]:
    """Return customers within a unit by name, with their meters; three queries however many there are."""
    return (
        Customer.objects.filter(office__path__startswith=unit_path)
        .select_related("office", "transformer", "account")
        .prefetch_related("usage_points__installations__meter", "usage_points__pricing_structure")
        .order_by("name", "number")
    )


def find_customers_in(rows: QuerySet[Customer], text: str) -> QuerySet[Customer]:
    """Narrow customers by number, meter, telephone or older number exactly, or by the beginning of a name."""
    meters = MeterInstallation.objects.filter(meter__number=text.replace(" ", ""), removed_at=None)
    return rows.filter(
        Q(number__iexact=text)
        | Q(phone=text)
        | Q(legacy_number=text)
        | Q(name__istartswith=text)
        | Q(pk__in=meters.values("usage_point__customer_id"))
    )


def meter_numbers_of(customer: Customer) -> list[str]:
    """Return the numbers of the meters that a customer has now; none asked of the database when prefetched."""
    return [
        installation.meter.number
        for point in customer.usage_points.all()
        for installation in point.installations.all()
        if installation.removed_at is None
    ]


def points_within(unit_path: str) -> QuerySet[UsagePoint]:
    """Return metering points of customers within a unit, with customer, agreement, price list and meters."""
    return (
        UsagePoint.objects.filter(customer__office__path__startswith=unit_path)
        .select_related("customer__office", "transformer", "pricing_structure", "agreement__pricing_structure")
        .prefetch_related("installations__meter")
        .order_by("number")
    )


def meters_within(unit_path: str) -> QuerySet[Meter]:
    """Return the meters of a unit: those on its customers' walls, and those in its stores and on nobody's wall."""
    hung = MeterInstallation.objects.filter(meter=OuterRef("pk"), removed_at=None)
    here = hung.filter(usage_point__customer__office__path__startswith=unit_path)
    return Meter.objects.filter(Q(Exists(here)) | (~Q(Exists(hung)) & Q(store__path__startswith=unit_path)))


def reach_of(meter: Meter) -> str:
    """Return the path of the unit that a meter belongs to now: its customer's office, else its store; one query."""
    of_customer = MeterInstallation.objects.filter(meter=meter, removed_at=None).values_list(
        "usage_point__customer__office__path", flat=True
    )
    return of_customer.first() or meter.store.path
