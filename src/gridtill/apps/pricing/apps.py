from django.apps import AppConfig


class PricingConfig(AppConfig):
    name = "gridtill.apps.pricing"
    label = "pricing"
