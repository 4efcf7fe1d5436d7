from django.urls import path
from django.views.i18n import set_language

from gridtill.web.styleguide.views import styleguide

urlpatterns = [
    path("language/", set_language, name="set_language"),
    path("styleguide/", styleguide, name="styleguide"),
]
