from django.apps import AppConfig


class NetworkConfig(AppConfig):
    name = "gridtill.apps.network"
    label = "network"
