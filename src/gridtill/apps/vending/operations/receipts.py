"""Counting receipts: the first is the original, every later one is a copy."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from gridtill.apps.audit.operations import record_write
from gridtill.apps.vending.models import ReceiptPrint, SalesDocument
from gridtill.kernel.actors import Actor

_ATTEMPTS = 5


def count_print(*, document_id: int, form: str, actor: Actor, at: datetime) -> int:
    """
    Note that a receipt was printed and return its copy number, 0 for the original.

    No new receipt number is used; a copy says so on its face.

    :raises NotAllowed: if it would be a copy, and the actor may not make one
    """
    document = SalesDocument.objects.get(pk=document_id)
    for _attempt in range(_ATTEMPTS):
        number = ReceiptPrint.objects.filter(document=document).count()
        if number:
            actor.require("vend.reprint")
        try:
            with transaction.atomic():
                ReceiptPrint.objects.create(
                    document=document, copy_number=number, form=form[:10], at=at, actor_name=actor.name
                )
                if number:
                    record_write(
                        actor=actor,
                        at=at,
                        action="vending.receipt.reprinted",
                        subject=document,
                        unit_path=actor.unit_path,
                        after={"copy": number, "form": form},
                    )
        except IntegrityError:
            # Another screen printed the same receipt at this moment; take the next number.
            continue
        return number
    raise IntegrityError("receipt copies are being printed faster than they can be counted")
