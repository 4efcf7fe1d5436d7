from django.db import models
from django.utils.translation import gettext_lazy as _


class NoticeState(models.TextChoices):
    """Where a notice stands at a moment; worked out from its dates and stored nowhere."""

    PLANNED = "PLANNED", _("Planned")
    ACTIVE = "ACTIVE", _("Shown")
    ENDED = "ENDED", _("Ended")
