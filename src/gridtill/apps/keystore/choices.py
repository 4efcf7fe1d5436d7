from django.db import models
from django.utils.translation import gettext_lazy as _


class EntryState(models.TextChoices):
    WAITING = "WAITING", _("Waits for the second officer")
    DONE = "DONE", _("Done")
    CANCELLED = "CANCELLED", _("Given up")
