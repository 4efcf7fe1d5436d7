from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "gridtill.apps.customers"
    label = "customers"
