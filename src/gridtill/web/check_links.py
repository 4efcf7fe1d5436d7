"""Where the code on a receipt leads; every page that shows a receipt may need it."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from gridtill.apps.organization.queries import Settings
from gridtill.reports.receipt.code import make_code


def check_url(request: HttpRequest, document_id: int, utility: Settings) -> str:
    """Return the address that a receipt's code opens, at the utility's public address if it has one."""
    path = reverse("receipt_check", args=[make_code(document_id, utility.receipt_secret)])
    return f"{utility.public_url}{path}" if utility.public_url else request.build_absolute_uri(path)
