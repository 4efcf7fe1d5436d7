"""Tags and filters that every template has: icons, states, money, energy, moments, tokens."""

from __future__ import annotations

import json
import re
from datetime import date, datetime

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from gridtill.kernel.energy import format_kwh
from gridtill.kernel.money import format_minor

register = template.Library()

GROUP = ","
_BLOCK = re.compile(r"Energy, block (\d{1,3})")
MINUS = "−"
_TONES = {
    "good": "OK DONE OPEN OPENED ACTIVE SOLD ISSUED LOADED INSTALLED ARRIVED APPROVED SIGNED_IN IN_FORCE IN_USE GOOD",
    "warn": "WARN LOW UNKNOWN COUNTED PAUSED SUSPENDED LOCKED EXPIRING IN_TRANSIT REQUESTED WAITING DISPATCHED",
    "bad": "BAD FAILED REVERSED WRONG LOST FAULTY ARREARS DECLINED BOUNCED OVERDUE REFUSED CANCELLED",
    "info": "INFO NEW PENDING DRAFT PLANNED PROPOSED IN_STORE",
}
_TONE_OF = {word: tone for tone, words in _TONES.items() for word in words.split()}


def tone_of(state: object) -> str:
    """Return the colour family of a state: good, warn, bad, info, or off for what has ended."""
    return _TONE_OF.get(str(state).upper(), "off")


def grouped(number: str) -> str:
    """
    Group the thousands of a plain decimal string, the same way in every language.

    >>> grouped("1234567.50"), grouped("-1234"), grouped("999")
    ('1,234,567.50', '−1,234', '999')
    """
    sign, digits = (MINUS, number[1:]) if number.startswith("-") else ("", number)
    whole, point, part = digits.partition(".")
    return f"{sign}{int(whole):{GROUP}}{point}{part}"


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """Draw an icon of the sprite; it is decoration, so the words beside it must say it all."""
    return format_html(
        '<svg class="ico {}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        css,
        static("app/icons.svg"),
        name,
    )


@register.simple_tag
def status(state: object, label: object = "", tone: str = "") -> SafeString:
    """Draw a state as a pill: colour, dot and words."""
    return format_html(
        '<span class="st st-{}"><span class="st-dot" aria-hidden="true"></span>{}</span>',
        tone or tone_of(state),
        label or state,
    )


@register.filter
def amount(minor: int | None, currency: str) -> str:
    """Write minor units with grouped thousands and without the currency."""
    return "" if minor is None else grouped(format_minor(minor, currency))


@register.simple_tag
def money(minor: int | None, currency: str) -> SafeString | str:
    """Write an amount with its currency in front, kept together and left to right."""
    if minor is None:
        return "—"
    return format_html(
        '<bdi class="money">{}\N{NO-BREAK SPACE}{}</bdi>', currency, grouped(format_minor(minor, currency))
    )


@register.filter
def kwh(wh: int | None) -> str:
    """Write watt-hours as kWh with grouped thousands, without the unit."""
    return "" if wh is None else grouped(format_kwh(wh))


@register.simple_tag
def energy(wh: int | None) -> SafeString | str:
    """Write watt-hours as kWh with the unit."""
    return "—" if wh is None else format_html("<bdi>{}\N{NO-BREAK SPACE}kWh</bdi>", grouped(format_kwh(wh)))


@register.filter
def moment(at: datetime | None, how: str = "j M Y H:i") -> SafeString | str:
    """Write a moment in the utility's zone, which the session has activated."""
    if at is None:
        return "—"
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}"><bdi>{}</bdi></time>', local.isoformat(timespec="seconds"), date_format(local, how)
    )


@register.filter
def day(value: date | None, how: str = "j M Y") -> SafeString | str:
    """Write a calendar day."""
    if value is None:
        return "—"
    return format_html('<time datetime="{}"><bdi>{}</bdi></time>', value.isoformat(), date_format(value, how))


@register.filter
def token_groups(digits: str | None) -> list[str]:
    """Split a token into groups of four digits."""
    return [digits[start : start + 4] for start in range(0, len(digits or ""), 4)] if digits else []


@register.simple_tag
def token(digits: str, css: str = "mono") -> SafeString:
    """Draw a token large enough to be keyed in, four digits a group."""
    groups = format_html_join(" ", "<b>{}</b>", ((group,) for group in token_groups(digits)))
    return format_html('<p class="{}" dir="ltr">{}</p>', css, groups)


@register.filter
def line_words(label: str) -> str:
    """Name a line of a quote in the reader's language; what a tariff document named itself stays as it is."""
    if block := _BLOCK.fullmatch(label):
        return gettext("Energy, block {number}").format(number=block[1])
    return gettext(label) if label else ""


@register.filter
def initials(name: str | None) -> str:
    """Return up to two first letters of a name."""
    words = [word for word in (name or "").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.simple_tag
def load_bar(percent: int, level: str = "") -> SafeString:
    """Draw a small bar; an SVG, because a width in a style attribute is not allowed here."""
    bounded = max(0, min(100, percent))
    return format_html(
        '<svg class="lbar {}" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{} %">'
        '<rect class="t" width="100" height="8" rx="4"/><rect class="v" width="{}" height="8" rx="4"/></svg>',
        level,
        percent,
        bounded,
    )


@register.simple_tag
def spark(points: list[int]) -> SafeString | str:
    """Draw a trend line of whole numbers across the foot of a figure card."""
    if len(points) < 2:
        return ""
    low, high = min(points), max(points)
    span = max(high - low, 1)
    last = len(points) - 1
    line = " ".join(f"{index * 100 // last},{27 - (value - low) * 24 // span}" for index, value in enumerate(points))
    return format_html(
        '<svg class="spark" viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">'
        '<polygon points="0,30 {} 100,30"/><polyline points="{}"/></svg>',
        line,
        line,
    )


@register.filter
def json_attribute(value: object) -> str:
    """Write data as JSON for an attribute; the template escapes it, so it stays text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
