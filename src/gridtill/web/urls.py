"""Every page of the site, by area; an area's own urls.py holds the rest."""

from __future__ import annotations

from importlib.util import find_spec

from django.conf import settings
from django.urls import include, path

from gridtill.web import health

AREAS = (
    "gridtill.web.shell_urls",
    "gridtill.web.sign_in.urls",
    "gridtill.web.desktop.urls",
    "gridtill.web.archives.urls",
    "gridtill.web.assets.urls",
    "gridtill.web.staff.urls",
    "gridtill.web.setup.urls",
    "gridtill.web.counter.urls",
    "gridtill.web.receipts.urls",
    "gridtill.web.records.urls",
    "gridtill.web.till.urls",
    "gridtill.web.balance.urls",
    "gridtill.web.banking.urls",
    "gridtill.web.tariffs.urls",
    "gridtill.web.debts.urls",
    "gridtill.web.accounts.urls",
    "gridtill.web.tokens.urls",
    "gridtill.web.search.urls",
    *(("gridtill.web.practice.urls",) if settings.PRACTICE_FOLDER else ()),
)


def _exists(name: str) -> bool:
    package, _, _module = name.rpartition(".")
    return find_spec(package) is not None and find_spec(name) is not None


urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    *(path("", include(area)) for area in AREAS if _exists(area)),
]
