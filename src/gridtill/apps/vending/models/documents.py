from django.db import models

from gridtill.apps.vending.choices import DocumentKind
from gridtill.apps.vending.models.tills import CashierShift, Till


class SalesDocument(models.Model):
    """A link of a till's hash chain; the payload is the document, word for word, for ever."""

    till = models.ForeignKey(Till, models.PROTECT, related_name="documents", db_index=False)
    sequence = models.BigIntegerField()
    number = models.CharField(max_length=30)
    kind = models.CharField(max_length=16, choices=DocumentKind)
    subject_id = models.UUIDField(null=True, db_index=True, help_text="Vend, reversal or movement that it documents.")
    shift = models.ForeignKey(CashierShift, models.PROTECT, related_name="documents", db_index=False)
    at = models.DateTimeField()
    payload = models.TextField(help_text="Canonical JSON; numbers in minor units and watt-hours.")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, help_text="SHA-256 of the previous hash, a line feed and the payload.")

    class Meta:
        constraints = [
            # Not unique=True, which would add a second index for searches by pattern to every sale.
            models.UniqueConstraint(fields=["number"], name="document_number_once"),
            models.UniqueConstraint(fields=["till", "sequence"], name="document_sequence_once"),
        ]

    def __str__(self) -> str:
        return self.number


class ReceiptPrint(models.Model):
    """A time that a receipt was printed; every one after the first says COPY."""

    document = models.ForeignKey(SalesDocument, models.PROTECT, related_name="prints")
    copy_number = models.PositiveIntegerField(help_text="0 for the original.")
    form = models.CharField(max_length=10)
    at = models.DateTimeField()
    actor_name = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "copy_number"], name="receipt_copy_once")]

    def __str__(self) -> str:
        return f"{self.document_id} copy {self.copy_number}"
