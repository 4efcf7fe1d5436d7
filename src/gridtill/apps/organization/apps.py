from django.apps import AppConfig


class OrganizationConfig(AppConfig):
    name = "gridtill.apps.organization"
    label = "organization"
