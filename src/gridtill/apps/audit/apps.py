from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "gridtill.apps.audit"
    label = "audit"
