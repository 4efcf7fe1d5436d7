"""Notices: what staff should know, from when until when."""

from __future__ import annotations

from typing import Any

import django_tables2
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.apps.notices import queries
from gridtill.apps.notices.choices import NoticeState
from gridtill.apps.notices.operations import NoticeDraft, create_notice, modify_notice, withdraw_notice
from gridtill.apps.staff.queries import units_within
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.web.columns import MomentColumn, NameColumn, StateColumn
from gridtill.web.form_pages import put_beside, status_of, unit_choices
from gridtill.web.lists import Action, Empty, ListSpec, list_page
from gridtill.web.session import needs
from gridtill.web.staff.forms import NoticeForm


class NoticeTable(django_tables2.Table):
    title = NameColumn(verbose_name=_("Title"), linkify=lambda record: reverse("notice_edit", args=[record.pk]))
    state = StateColumn(verbose_name=_("State"), labels=dict(NoticeState.choices))
    unit = django_tables2.Column(verbose_name=_("For the staff of"), accessor="unit__name")
    active_from = MomentColumn(verbose_name=_("From"))
    active_to = MomentColumn(verbose_name=_("Until"))
    author_name = django_tables2.Column(verbose_name=_("By"))
    body = django_tables2.Column(verbose_name=_("Text"), attrs={"td": {"class": "clip"}})


NOTICES = ListSpec(
    name="notices",
    table=NoticeTable,
    search=queries.find_notices,
    hidden=("body",),
    fixed=("title",),
    empty=Empty(
        _("No notices yet"),
        _("What you write here rolls over the desktop of everybody in the unit."),
        "/notices/add/",
        _("Write a notice"),
        "speakerphone",
    ),
)


@needs("notice.edit")
def notices(request: Any) -> HttpResponseBase:
    return list_page(
        request,
        NOTICES,
        queries.notices_within(request.actor.unit_path, now()),
        title=_("Notices"),
        subtitle=_("They are shown on the desktop of everybody in a unit and below it"),
        actions=[Action(_("Write a notice"), reverse("notice_add"), "plus", primary=True)],
    )


def _form(request: Any, initial: dict[str, Any]) -> NoticeForm:
    return NoticeForm(request.POST or None, initial=initial, units=unit_choices(units_within(request.actor.unit_path)))


def _draft(form: NoticeForm) -> NoticeDraft:
    data = form.cleaned_data
    return NoticeDraft(
        title=data["title"],
        body=data["body"],
        unit_id=int(data["unit"]),
        active_from=data["active_from"],
        active_to=data["active_to"],
        is_pinned=data["is_pinned"],
    )


@needs("notice.edit")
def add(request: Any) -> HttpResponse:
    form = _form(request, {"active_from": timezone.localtime(), "unit": request.user.unit_id})
    if request.method == "POST" and form.is_valid():
        try:
            create_notice(draft=_draft(form), actor=request.actor, at=now())
        except Refusal as refusal:
            put_beside(form, refusal)
        else:
            messages.success(request, _t("The notice is kept, and shown from its beginning on."))
            return redirect("notices")
    context = {
        "title": _("Write a notice"),
        "subtitle": _("Times are those of the utility"),
        "form": form,
        "cancel_url": reverse("notices"),
    }
    return render(request, "components/form_page.html", context, status=status_of(form))


def _found(request: Any, notice_id: int) -> Any:
    return get_object_or_404(queries.notices_within(request.actor.unit_path, now()), pk=notice_id)


@needs("notice.edit")
def edit(request: Any, notice_id: int) -> HttpResponse:
    notice = _found(request, notice_id)
    names = ("title", "body", "active_from", "active_to", "is_pinned", "version")
    form = _form(request, {name: getattr(notice, name) for name in names} | {"unit": notice.unit_id})
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            modify_notice(
                notice_id=notice.pk,
                version=form.cleaned_data["version"],
                draft=_draft(form),
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            refused = refusal
            put_beside(form, refusal)
        else:
            messages.success(request, _t("Saved."))
            return redirect("notices")
    context = {"title": notice.title, "notice": notice, "form": form, "cancel_url": reverse("notices")}
    return render(request, "staff/notice.html", context, status=status_of(form, refused))


@needs("notice.edit")
def withdraw(request: Any, notice_id: int) -> HttpResponse:
    notice = _found(request, notice_id)
    if request.method == "POST":
        text = request.POST.get("version", "")
        seen = int(text) if text.isdecimal() and len(text) < 10 else -1
        try:
            withdraw_notice(notice_id=notice.pk, version=seen, actor=request.actor, at=now())
        except Refusal as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}")
            return redirect("notice_edit", notice.pk)
        messages.success(request, _t("Withdrawn. Nobody sees it any more."))
    return redirect("notices")
