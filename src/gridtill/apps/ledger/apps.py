from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "gridtill.apps.ledger"
    label = "ledger"
