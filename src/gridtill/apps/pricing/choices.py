from django.db import models
from django.utils.translation import gettext_lazy as _


class TariffStatus(models.TextChoices):
    DRAFT = "DRAFT", _("Draft")
    ACTIVE = "ACTIVE", _("In force")
    WITHDRAWN = "WITHDRAWN", _("Withdrawn")
