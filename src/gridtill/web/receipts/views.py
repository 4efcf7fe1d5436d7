"""Receipts as PDF and on the receipt printer; each time is counted, and every one after the first is a copy."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _

from gridtill.apps.vending.operations.deliver import reveal_token
from gridtill.apps.vending.operations.receipts import count_print
from gridtill.apps.vending.queries import counter as reads
from gridtill.drivers.printer.port import PrinterUnreachable, PrintOutcome, open_printer
from gridtill.kernel.clock import now
from gridtill.reports.receipt.document import Face, ReceiptDocument, read_receipt
from gridtill.reports.receipt.pdf import Paper, receipt_pdf
from gridtill.reports.receipt.strip import receipt_bytes
from gridtill.web.check_links import check_url
from gridtill.web.session import needs
from gridtill.web.templatetags.gridtill import line_words

logger = logging.getLogger(__name__)
# What each way of drawing has letters for; other languages are printed in English.
_PDF_LANGUAGES = ("en", "fr", "zh-hans")
_PRINTER_LANGUAGES = ("en", "fr")


@needs("vend.sell", "vend.reprint")
def pdf(request: Any, vend_id: UUID) -> HttpResponse:
    """Give a receipt as PDF; asked by POST, for it counts as a print."""
    if request.method != "POST":
        return redirect("counter_sold", vend_id=vend_id)
    try:
        paper = Paper(request.GET.get("paper", Paper.STRIP.value))
    except ValueError:
        raise Http404 from None
    found = _printable(request, vend_id)
    copy = count_print(document_id=found.document_id, form=f"pdf {paper.value}", actor=request.actor, at=now())
    with translation.override(_paper_language(_PDF_LANGUAGES)):
        content = receipt_pdf(_receipt(request, found, copy), paper)
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{found.vend.number}.pdf"'
    answer["Cache-Control"] = "private, no-store"
    return answer


@needs("vend.sell", "vend.reprint")
def print_out(request: Any, vend_id: UUID) -> HttpResponse:
    """Send a receipt to the receipt printer; what was not reached is not counted."""
    if request.method == "POST":
        found = _printable(request, vend_id)
        try:
            _tell(request, _sent(request, found))
        except PrinterUnreachable as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}")
    return redirect("counter_sold", vend_id=vend_id)


def _sent(request: Any, found: reads.Sold) -> PrintOutcome:
    with open_printer(settings.PRINTER_URL) as printer:
        # Counted once the printer was reached and before the first byte: paper that may exist has its number.
        copy = count_print(document_id=found.document_id, form="printer", actor=request.actor, at=now())
        with translation.override(_paper_language(_PRINTER_LANGUAGES)):
            content = receipt_bytes(_receipt(request, found, copy))
        return printer.send(content)


def _tell(request: Any, outcome: PrintOutcome) -> None:
    if outcome is PrintOutcome.SENT:
        messages.success(request, _("The receipt was sent to the printer."))
        return
    logger.warning("the receipt printer stopped answering; whether the receipt was printed is not known")
    messages.warning(
        request,
        _("The printer stopped answering, so the receipt may be on paper or not. Look; the next one is a copy."),
    )


def _printable(request: Any, vend_id: UUID) -> reads.Sold:
    try:
        found = reads.sold(vend_id, unit_path=request.actor.unit_path)
    except ObjectDoesNotExist:
        raise Http404 from None
    return found


def _receipt(request: Any, found: reads.Sold, copy: int) -> ReceiptDocument:
    utility = request.utility
    is_sold = found.vend.state == "SOLD"
    # Who only reads the books does not see the digits: a token once shown may be used.
    shown = is_sold and not found.is_settled and request.actor.may("vend.sell")
    face = Face(
        utility_name=utility.utility_name,
        header=utility.receipt_header,
        footer=utility.receipt_footer,
        tokens=tuple(reveal_token(delivery=found.delivery, at=now()).split()) if shown else (),
        first_tokens=found.first_tokens if shown else (),
        copy=copy,
        is_reversed=not is_sold,
        check_url=check_url(request, found.document_id, utility),
    )
    receipt = read_receipt(found.document, face)
    return replace(receipt, lines=tuple(replace(line, label=line_words(line.label)) for line in receipt.lines))


def _paper_language(able: tuple[str, ...]) -> str:
    language = translation.get_language() or "en"
    return language if language in able else "en"
