from django.apps import AppConfig


class VendingConfig(AppConfig):
    name = "gridtill.apps.vending"
    label = "vending"
