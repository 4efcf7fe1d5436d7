"""What pages need to offer receipts: the code on one, and whether there is a printer."""

from __future__ import annotations

from typing import Any

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from gridtill.reports.receipt.code import code_image
from gridtill.web.check_links import check_url

register = template.Library()


@register.simple_tag(takes_context=True)
def check_code(context: dict[str, Any], document_id: int) -> SafeString:
    """Draw the QR code that opens a receipt's check page."""
    request = context["request"]
    image = code_image(check_url(request, document_id, request.utility))
    return format_html('<img class="qr" src="{}" alt="{}">', image, _("Code that opens the page to check this receipt"))


@register.simple_tag
def has_printer() -> bool:
    """Tell whether a receipt printer was set up here."""
    return bool(settings.PRINTER_URL)
