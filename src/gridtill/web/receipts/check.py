"""The public page behind a receipt's code: is it genuine, and does it still stand?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridtill.apps.organization.queries import utility_settings
from gridtill.apps.vending.queries.receipt import checked_receipt
from gridtill.reports.receipt.code import read_code

CHECKS_A_MINUTE = 30


@require_safe
def check(request: HttpRequest, code: str) -> HttpResponse:
    if _is_too_often(request):
        refused = render(request, "receipts/check.html", {"often": True}, status=429)
        refused["Retry-After"] = "60"
        return refused
    utility = utility_settings()
    document_id = read_code(code, utility.receipt_secret)
    found = None if document_id is None else checked_receipt(document_id)
    context: dict[str, Any] = {"found": found, "utility": utility}
    with timezone.override(utility.zone):
        return render(request, "receipts/check.html", context, status=200 if found else 404)


def _is_too_often(request: HttpRequest) -> bool:
    key = f"receipt-check:{_caller(request)}"
    cache.add(key, 0, timeout=60)
    try:
        return cache.incr(key) > CHECKS_A_MINUTE
    except ValueError:
        # The minute ended between the two calls.
        return False


def _caller(request: HttpRequest) -> str:
    """Return who asks: behind a proxy the address that the proxy itself saw, which is the last one."""
    if settings.SECURE_PROXY_SSL_HEADER:
        forwarded = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
        if forwarded:
            return forwarded[:64]
    return str(request.META.get("REMOTE_ADDR", ""))
