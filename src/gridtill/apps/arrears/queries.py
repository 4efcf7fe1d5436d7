"""Reading debts."""

from __future__ import annotations

from django.db.models import F, Q, QuerySet, Sum

from gridtill.apps.arrears.choices import DebtStatus
from gridtill.apps.arrears.models import AuxiliaryAgreement
from gridtill.apps.customers.models import CustomerAccount, MeterInstallation


def debts_of(account_id: int) -> QuerySet[AuxiliaryAgreement]:
    """Return an account's debts in the order in which purchases pay them."""
    return AuxiliaryAgreement.objects.filter(account_id=account_id).order_by("priority", "id")


def remaining_of(account_id: int) -> int:
    """Return what an account still owes, in minor units."""
    debts = AuxiliaryAgreement.objects.filter(account_id=account_id, status=DebtStatus.OPEN)
    return debts.aggregate(total=Sum("remaining_minor"))["total"] or 0


def debts_within(unit_path: str) -> QuerySet[AuxiliaryAgreement]:
    """Return debts of customers within a unit, newest first, each with what was ``recovered_minor`` so far."""
    return (
        AuxiliaryAgreement.objects.filter(account__customer__office__path__startswith=unit_path)
        .select_related("account__customer__office")
        .annotate(recovered_minor=F("principal_minor") - F("remaining_minor"))
        .order_by("-id")
    )


def find_debts(rows: QuerySet[AuxiliaryAgreement], text: str) -> QuerySet[AuxiliaryAgreement]:
    """Narrow debts by the number of a customer, account or meter, or the beginning of a name."""
    return rows.filter(
        Q(account__customer__number__iexact=text)
        | Q(account__number__iexact=text)
        | Q(account__customer__name__istartswith=text)
        | Q(account__customer__in=_at_meter(text))
    )


def total_remaining(rows: QuerySet[AuxiliaryAgreement]) -> int:
    """Return what remains of all these debts, frozen ones too, in minor units."""
    return rows.order_by().aggregate(total=Sum("remaining_minor"))["total"] or 0


def accounts_called(text: str, unit_path: str) -> list[CustomerAccount]:
    """Return accounts within a unit whose customer, account or meter has that number; at most two."""
    found = CustomerAccount.objects.filter(customer__office__path__startswith=unit_path).filter(
        Q(customer__number__iexact=text) | Q(number__iexact=text) | Q(customer__in=_at_meter(text))
    )
    return list(found.select_related("customer__office").order_by("id")[:2])


def _at_meter(text: str) -> QuerySet[MeterInstallation, int]:
    installed = MeterInstallation.objects.filter(meter__number=text, removed_at=None)
    return installed.values_list("usage_point__customer_id", flat=True)


def frozen_debts(account_id: int) -> bool:
    """Tell whether an account has a debt that no purchase pays for now."""
    return AuxiliaryAgreement.objects.filter(account_id=account_id, status=DebtStatus.FROZEN).exists()
