"""What every request must keep to, and every answer says about itself."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        # Tabler draws check marks and carets with data: images.
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# A browser's own PDF viewer is a page with styles of its own.
_DOCUMENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'"
_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class NoNulls:
    """Answer 400 to a request with a null character in an address or a form, which no database takes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent = [request.GET]
        if request.method == "POST":
            sent.append(request.POST)
        if "\x00" in request.path or any(
            "\x00" in text for given in sent for _, texts in given.lists() for text in texts
        ):
            raise BadRequest("a null character in the address or the form")
        return self.get_response(request)


class ContentSecurityPolicy:
    """
    Say which sources a page may load from: this site alone, and nothing inline.

    Pages are also kept out of shared and disk caches, since they show money and names.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        policy = _DOCUMENT_POLICY if kind == "application/pdf" else POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if kind == "text/html":
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response
