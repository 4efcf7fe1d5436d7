from django.apps import AppConfig


class AssetsConfig(AppConfig):
    name = "gridtill.apps.assets"
    label = "assets"
