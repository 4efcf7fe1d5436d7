from django.db import models

from gridtill.apps.ledger.choices import AccountKind, EntryKind


class LedgerAccount(models.Model):
    """An account of the utility's books; balances are sums of its postings."""

    code = models.CharField(max_length=60, unique=True, help_text="Such as 1000.T01 or 4000.residential.")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=AccountKind)

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class JournalEntry(models.Model):
    """A balanced set of postings; never changed, corrected only by a counter-entry that names it."""

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=12, choices=EntryKind)
    reference = models.CharField(max_length=60, help_text="Number of the document that caused it.")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    business_day = models.DateField()
    effective_at = models.DateTimeField(help_text="When it counts.")
    recorded_at = models.DateTimeField(help_text="When it was written.")

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class Posting(models.Model):
    """One side of an entry: debits are positive, credits negative, in minor units."""

    entry = models.ForeignKey(JournalEntry, models.PROTECT, related_name="postings")
    account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="postings", db_index=False)
    amount_minor = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["account", "entry"], name="posting_account")]
        constraints = [models.CheckConstraint(condition=~models.Q(amount_minor=0), name="posting_not_zero")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.amount_minor}"
