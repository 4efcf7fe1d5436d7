"""Every URL of the site."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("gridtill.web.urls"))]
handler400 = "gridtill.web.errors.bad_request"
handler403 = "gridtill.web.errors.forbidden"
handler404 = "gridtill.web.errors.not_found"
handler500 = "gridtill.web.errors.server_error"
