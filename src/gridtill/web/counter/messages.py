"""Sending a token to the customer again: which ways there are, and what is said in a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from gridtill.apps.vending.choices import MessageState, MessageWay
from gridtill.apps.vending.operations.messages import send_token
from gridtill.apps.vending.queries.counter import Sold
from gridtill.drivers.messaging.base import Messenger
from gridtill.drivers.messaging.carriers import open_messenger
from gridtill.kernel.clock import now
from gridtill.kernel.energy import format_kwh
from gridtill.kernel.errors import Refusal
from gridtill.kernel.ids import new_id
from gridtill.sts.assembly import group_token
from gridtill.web.session import needs


@dataclass(frozen=True, slots=True)
class Way:
    """A button that sends a token: its code and icon, where it goes, and the id of the one sending."""

    code: str
    icon: str
    address: str
    request_id: UUID


def ways_for(customer: Any) -> list[Way]:
    """Return the ways that both a carrier and an address are there for."""
    ways = []
    if settings.SMS_URL and (customer.phone or customer.phone_second):
        ways.append(Way(MessageWay.SMS.value, "message", customer.phone or customer.phone_second, new_id()))
    if settings.MAIL_URL_SECRET and customer.email:
        ways.append(Way(MessageWay.MAIL.value, "mail", customer.email, new_id()))
    return ways


def _carrier(way: str) -> Messenger:
    if way == MessageWay.MAIL:
        return open_messenger(settings.MAIL_URL_SECRET, sender=settings.MAIL_FROM)
    return open_messenger(settings.SMS_URL, secret=settings.SMS_SECRET)


def words(utility_name: str) -> Any:
    """Return what writes subject and text of a message, in the reader's language."""

    def write(found: Sold, digits: str) -> tuple[str, str]:
        tokens = [group_token(text) for text in (*found.first_tokens, *digits.split())]
        text = _("%(utility)s, receipt %(number)s: %(energy)s kWh for meter %(meter)s. Token: %(tokens)s") % {
            "utility": utility_name,
            "number": found.vend.number,
            "energy": format_kwh(found.vend.energy_wh),
            "meter": found.document["meter"]["drn"],
            "tokens": " + ".join(tokens),
        }
        if len(tokens) > 1:
            text += " " + _("Key them all in, in this order.")
        return _("Your electricity token"), text

    return write


@needs("vend.sell", "vend.reprint")
def send(request: Any, vend_id: UUID) -> HttpResponse:
    """Send the token of a purchase to its customer's own telephone or mailbox."""
    way = request.POST.get("way", "")
    if request.method == "POST":
        if way not in MessageWay.values:
            raise Http404
        try:
            row = send_token(
                request_id=UUID(request.POST.get("request_id", "")),
                vend_id=vend_id,
                way=way,
                messenger=_carrier(way),
                words=words(request.utility.utility_name),
                actor=request.actor,
                at=now(),
            )
        except (ObjectDoesNotExist, ValueError):
            raise Http404 from None
        except Refusal as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}".strip())
        else:
            _tell(request, row)
    return redirect("purchase" if request.POST.get("back") == "purchase" else "counter_sold", vend_id=vend_id)


def _tell(request: Any, row: Any) -> None:
    if row.state == MessageState.SENT:
        messages.success(request, _("Sent to %(address)s.") % {"address": row.recipient})
    elif row.state == MessageState.UNKNOWN:
        messages.warning(
            request,
            _("No answer came, so it may have been sent to %(address)s or not. Ask the customer before you send again.")
            % {"address": row.recipient},
        )
    else:
        messages.error(request, row.detail)
