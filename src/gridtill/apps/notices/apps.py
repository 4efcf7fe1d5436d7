from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "gridtill.apps.notices"
    label = "notices"
