from django.db import models

from gridtill.apps.organization.models import OrganizationUnit


class Notice(models.Model):
    """Something that staff of a unit and all below it should know between two moments."""

    title = models.CharField(max_length=120)
    body = models.CharField(max_length=2000)
    unit = models.ForeignKey(OrganizationUnit, models.PROTECT, related_name="notices")
    is_pinned = models.BooleanField(default=False)
    active_from = models.DateTimeField()
    active_to = models.DateTimeField(null=True, blank=True, help_text="Exclusive; empty means until withdrawn.")
    author_name = models.CharField(max_length=150)
    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.title
