from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "gridtill.web"
    label = "web"
