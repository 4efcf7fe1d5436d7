"""Engineering tokens: asking for them, a second person's word, having them made, giving them out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import django_filters
import django_tables2
from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.apps.vending.choices import EngineeringKind, EngineeringState
from gridtill.apps.vending.operations.engineering import (
    FOUR_EYES,
    cancel_engineering,
    confirm_engineering,
    decide_engineering,
    request_engineering,
    undo_key_change,
)
from gridtill.apps.vending.operations.engineering_issue import issue_engineering
from gridtill.apps.vending.queries import engineering as reads
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.kernel.ids import new_id
from gridtill.reports.exporters import CSV_TYPE, write_csv
from gridtill.sts.assembly import group_token
from gridtill.web.columns import CodeColumn, MomentColumn, StateColumn
from gridtill.web.form_pages import put_beside, status_of
from gridtill.web.lists import Action, Empty, ListSpec, list_page
from gridtill.web.session import needs
from gridtill.web.tokens.forms import FORMS
from gridtill.web.tokens.words import key_words, value_words

# So many are made in one request; the page asks for the next ones by itself.
AT_ONCE = 40
_SEES = ("tokens.issue", "tokens.approve")
_KINDS = {
    "test": ("activity", _("The display walks through what is ticked. It changes nothing.")),
    "power-limit": ("bolt", _("The supply is cut while more power is drawn than this.")),
    "unbalance": ("scale", _("Three phases only: how far they may differ.")),
    "clear-tamper": ("shield-check", _("The meter forgets that its cover was opened.")),
    "clear-credit": ("trash", _("Credit in the meter is lost. For meters that move to another customer.")),
    "key-change": ("key", _("Another supply group, revision, tariff index, expiry or base date.")),
}


class EngineeringTable(django_tables2.Table):
    meter = CodeColumn(
        verbose_name=_("Meter"),
        accessor="meter__number",
        linkify=lambda record: reverse("engineering_batch", args=[record.batch]),
        attrs={"a": {"data-row": ""}},
    )
    kind = django_tables2.Column(verbose_name=_("Kind"))
    value = django_tables2.Column(verbose_name=_("What it says"), accessor="pk", orderable=False)
    state = StateColumn(verbose_name=_("State"))
    reason = django_tables2.Column(verbose_name=_("Reason"), orderable=False)
    requested_by = django_tables2.Column(verbose_name=_("Asked for by"), accessor="requested_by__full_name")
    requested_at = MomentColumn(verbose_name=_("Asked for"))
    decided_by = django_tables2.Column(verbose_name=_("Agreed to by"), accessor="decided_by__full_name", default="")
    confirmed_at = MomentColumn(verbose_name=_("In the meter"), default="")

    def render_value(self, record: Any) -> str:
        return value_words(record)

    def value_value(self, record: Any) -> str:
        return value_words(record)


class EngineeringFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(
        label=_("Kind"), choices=EngineeringKind.choices, empty_label=_("All"), widget=forms.RadioSelect
    )
    state = django_filters.ChoiceFilter(label=_("State"), choices=EngineeringState.choices)


ENGINEERING = ListSpec(
    name="engineering",
    table=EngineeringTable,
    filters=EngineeringFilter,
    search=reads.find_engineering_tokens,
    search_hint=_("Meter number, or a word of the reason"),
    hidden=("decided_by", "confirmed_at"),
    fixed=("meter",),
    chips="kind",
    empty=Empty(
        _("No engineering tokens yet"),
        _("Tests, limits, clearing and key changes for meters with a keypad. None of them moves money."),
        "/tokens/ask/",
        _("Ask for tokens"),
        "key",
    ),
)


@needs(*_SEES)
def tokens(request: Any) -> HttpResponseBase:
    actions = [Action(_("Check a token"), reverse("token_check"), "search")]
    if request.actor.may("tokens.issue"):
        actions.append(Action(_("Ask for tokens"), reverse("engineering_choose"), "plus", primary=True))
    return list_page(
        request,
        ENGINEERING,
        reads.engineering_tokens(unit_path=request.actor.unit_path),
        title=_("Engineering tokens"),
        subtitle=_("They test and set meters; none of them moves money"),
        actions=actions,
    )


@needs("tokens.issue")
def choose(request: Any) -> HttpResponse:
    kinds = [
        {
            "slug": slug,
            "icon": icon,
            "label": FORMS[slug].kind.label,
            "words": words,
            "four": FORMS[slug].kind in FOUR_EYES,
        }
        for slug, (icon, words) in _KINDS.items()
    ]
    return render(request, "tokens/choose.html", {"kinds": kinds})


@needs("tokens.issue")
def ask(request: Any, kind: str) -> HttpResponse:
    """Take a wish for one kind of token; what needs nobody else's word is made at once."""
    if kind not in FORMS:
        raise Http404
    initial = {"request_id": new_id(), "meters": request.GET.get("meter", "")}
    form = FORMS[kind](request.POST or None, initial=initial)
    problems: tuple[tuple[str, str], ...] = ()
    if request.method == "POST" and form.is_valid():
        try:
            rows = request_engineering(
                batch_id=form.cleaned_data["request_id"],
                order=form.order(),
                meter_numbers=form.meter_numbers,
                actor=request.actor,
                at=now(),
            )
            _make_some(request, rows)
            return redirect("engineering_batch", batch_id=rows[0].batch)
        except Refusal as refusal:
            problems = getattr(refusal, "problems", ())
            put_beside(form, refusal)
    four_eyes = form.kind in FOUR_EYES
    context = {
        "form": form,
        "problems": problems,
        "title": form.kind.label,
        "subtitle": _KINDS[kind][1],
        "submit_label": _("Ask for it") if four_eyes else _("Make it"),
        "four_eyes": four_eyes,
        "cancel_url": reverse("engineering_choose"),
    }
    return render(request, "tokens/ask.html", context, status=status_of(form))


def _make_some(request: Any, rows: list[Any]) -> int:
    """Have the first of a batch made that can be, and return how many were; what is refused is on its row."""
    pending = reads.to_make(rows)[:AT_ONCE]
    for row in pending:
        issue_engineering(token_id=row.pk, actor=request.actor, at=now())
    return len(pending)


def _rows(request: Any, batch_id: UUID) -> list[Any]:
    rows = reads.batch_of(batch_id, unit_path=request.actor.unit_path)
    if not rows:
        raise Http404
    return rows


@needs(*_SEES)
def batch(request: Any, batch_id: UUID) -> HttpResponse:
    return render(request, "tokens/batch.html", _context(request, _rows(request, batch_id)))


def _context(request: Any, rows: list[Any]) -> dict[str, Any]:
    first = rows[0]
    pending = reads.to_make(rows)
    fresh = [row for row in pending if row.state == EngineeringState.APPROVED]
    unused = reads.unused_purchases(rows)
    for row in rows:
        row.words = value_words(row)
        row.old_words = key_words(row.meter_security) if row.new_security and row.meter_security else ""
        row.has_unused = row.meter_id in unused and row.confirmed_at is None
    may_decide = (
        first.state == EngineeringState.REQUESTED
        and request.actor.may("tokens.approve")
        and first.requested_by_id != request.actor.id
    )
    return {
        "rows": rows,
        "first": first,
        "same": len({row.words for row in rows}) == 1,
        "pending": pending,
        "fresh": fresh,
        "issued": sum(row.state == EngineeringState.ISSUED for row in rows),
        "percent": 100 * (len(rows) - len(fresh)) // len(rows),
        "may_decide": may_decide,
        "own_wish": first.state == EngineeringState.REQUESTED and first.requested_by_id == request.actor.id,
    }


@needs("tokens.approve")
def decide(request: Any, batch_id: UUID) -> HttpResponse:
    rows = _rows(request, batch_id)
    if request.method == "POST":
        agreed = request.POST.get("answer") == "yes"
        try:
            rows = decide_engineering(
                batch_id=batch_id, agreed=agreed, note=request.POST.get("note", ""), actor=request.actor, at=now()
            )
            _make_some(request, rows)
        except Refusal as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}".strip())
    return redirect("engineering_batch", batch_id=rows[0].batch)


@needs(*_SEES)
def make(request: Any, batch_id: UUID) -> HttpResponse:
    """Have the next ones of a batch made; the page asks again until none is left."""
    rows = _rows(request, batch_id)
    if request.method == "POST":
        try:
            _make_some(request, rows)
        except Refusal as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}".strip())
            return redirect("engineering_batch", batch_id=batch_id)
    if request.htmx:
        return render(request, "tokens/batch.html#work", _context(request, _rows(request, batch_id)))
    return redirect("engineering_batch", batch_id=batch_id)


@needs(*_SEES)
def digits(request: Any, batch_id: UUID) -> HttpResponseBase:
    """Give the tokens of a batch as a file, for whoever walks from meter to meter."""
    rows = [row for row in _rows(request, batch_id) if row.state == EngineeringState.ISSUED]
    header = [_t("Meter"), _t("Kind"), _t("What it says"), *[f"{_t('Token')} {number}" for number in range(1, 5)]]
    lines = (
        [row.meter.number, row.get_kind_display(), value_words(row), *[group_token(text) for text in row.tokens]]
        for row in rows
    )
    answer = StreamingHttpResponse(write_csv(header, lines, zone=request.utility.zone), content_type=CSV_TYPE)
    answer.headers["Content-Disposition"] = f'attachment; filename="tokens-{str(batch_id)[-12:]}.csv"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


_ACTS: dict[str, tuple[Callable[..., Any], Any]] = {
    "make": (issue_engineering, ""),
    "cancel": (cancel_engineering, _("Given up. It will not be made.")),
    "confirm": (confirm_engineering, _("Noted: the meter took it.")),
    "undo": (undo_key_change, _("Undone: the archive has the meter's old key again.")),
}


@needs(*_SEES)
def act_on(request: Any, token_id: UUID, act: str) -> HttpResponse:
    row = reads.engineering_tokens(unit_path=request.actor.unit_path).filter(pk=token_id).first()
    if row is None or act not in _ACTS:
        raise Http404
    if request.method == "POST":
        operation, done = _ACTS[act]
        more = {"reason": request.POST.get("reason", "")} if act == "undo" else {}
        try:
            operation(token_id=token_id, actor=request.actor, at=now(), **more)
        except Refusal as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}".strip())
        else:
            if done:
                messages.success(request, done)
    return redirect("engineering_batch", batch_id=row.batch)
