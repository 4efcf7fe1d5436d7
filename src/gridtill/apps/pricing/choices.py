from django.db import models
from django.utils.translation import gettext_lazy as _


class TariffStatus(models.TextChoices):
    DRAFT = "DRAFT", _("Draft")
    ACTIVE = "ACTIVE", _("In force")
    WITHDRAWN = "WITHDRAWN", _("Withdrawn")


class VersionState(models.TextChoices):
    """Where a version stands at a moment, worked out from its status and its dates."""

    DRAFT = "DRAFT", _("Draft")
    PLANNED = "PLANNED", _("Begins later")
    IN_FORCE = "IN_FORCE", _("In force")
    ENDED = "ENDED", _("Ended")
    WITHDRAWN = "WITHDRAWN", _("Withdrawn")
