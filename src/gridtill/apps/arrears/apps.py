from django.apps import AppConfig


class ArrearsConfig(AppConfig):
    name = "gridtill.apps.arrears"
    label = "arrears"
