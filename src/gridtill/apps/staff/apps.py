from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "gridtill.apps.staff"
    label = "staff"
