from django.apps import AppConfig
from django.utils.translation import gettext

from gridtill.kernel.errors import speak_with


class WebConfig(AppConfig):
    name = "gridtill.web"
    label = "web"

    def ready(self) -> None:
        # Refusals are raised where no Django is known; whoever reads them here has a language.
        speak_with(gettext)
