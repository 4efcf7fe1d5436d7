from django.apps import AppConfig


class KeystoreConfig(AppConfig):
    name = "gridtill.apps.keystore"
    label = "keystore"
