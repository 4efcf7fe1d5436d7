from django.db import models


class AuditRecord(models.Model):
    """One write, as it happened; rows are added and never changed or removed."""

    at = models.DateTimeField(db_index=True)
    actor_id = models.BigIntegerField(null=True, db_index=True, help_text="Operator's id; empty for the system itself.")
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=80, help_text="Dotted name of the act, such as customers.customer.modified.")
    subject_kind = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    unit_path = models.CharField(max_length=200, help_text="Path of the organization unit that the subject belongs to.")
    request_id = models.UUIDField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["subject_kind", "subject_id"], name="audit_subject")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.subject_kind} {self.subject_id}"
