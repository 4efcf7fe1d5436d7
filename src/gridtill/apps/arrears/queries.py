"""Reading debts."""

from __future__ import annotations

from django.db.models import QuerySet, Sum

from gridtill.apps.arrears.choices import DebtStatus
from gridtill.apps.arrears.models import AuxiliaryAgreement


def debts_of(account_id: int) -> QuerySet[AuxiliaryAgreement]:
    """Return an account's debts in the order in which purchases pay them."""
    return AuxiliaryAgreement.objects.filter(account_id=account_id).order_by("priority", "id")


def remaining_of(account_id: int) -> int:
    """Return what an account still owes, in minor units."""
    debts = AuxiliaryAgreement.objects.filter(account_id=account_id, status=DebtStatus.OPEN)
    return debts.aggregate(total=Sum("remaining_minor"))["total"] or 0
