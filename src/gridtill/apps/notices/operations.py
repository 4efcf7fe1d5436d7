"""Writing notices for the staff of a unit and all below it, and taking them back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from gridtill.apps.audit.operations import record_write, snapshot
from gridtill.apps.notices.models import Notice
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal

EDIT = "notice.edit"
_YEARS = range(2000, 3000)


class NoticeChanged(Refusal):
    """Somebody else changed the notice meanwhile."""

    code = "changed_meanwhile"
    remedy = "Load the page again and repeat your change."


@dataclass(frozen=True, slots=True)
class NoticeDraft:
    """What a notice says, to whom, and from when until before when; no end means until it is withdrawn."""

    title: str
    body: str
    unit_id: int
    active_from: datetime
    active_to: datetime | None = None
    is_pinned: bool = False


def _apply(notice: Notice, draft: NoticeDraft, actor: Actor) -> None:
    title, body = draft.title.strip(), draft.body.strip()
    if not 1 <= len(title) <= 120:
        raise InvalidValue("A title has 1 to 120 characters.", field="title")
    if not 1 <= len(body) <= 2000:
        raise InvalidValue("A notice has 1 to 2000 characters.", field="body")
    for field in ("active_from", "active_to"):
        moment = getattr(draft, field)
        if moment is not None and moment.year not in _YEARS:
            raise InvalidValue("This moment is too far away.", field=field)
    if draft.active_to is not None and draft.active_to <= draft.active_from:
        raise InvalidValue("The end has to be after the beginning.", field="active_to")
    unit = OrganizationUnit.objects.filter(pk=draft.unit_id, path__startswith=actor.unit_path).first()
    if unit is None:
        raise InvalidValue("There is no such unit within yours.", field="unit")
    notice.title, notice.body, notice.unit, notice.is_pinned = title, body, unit, draft.is_pinned
    notice.active_from, notice.active_to = draft.active_from, draft.active_to


@transaction.atomic
def create_notice(*, draft: NoticeDraft, actor: Actor, at: datetime) -> Notice:
    """
    Write a notice for the staff of a unit within the actor's reach.

    :raises InvalidValue: naming the field that is wrong
    """
    actor.require(EDIT)
    notice = Notice(author_name=actor.name)
    _apply(notice, draft, actor)
    notice.save()
    record_write(
        actor=actor,
        at=at,
        action="notices.notice.added",
        subject=notice,
        unit_path=notice.unit.path,
        after=snapshot(notice),
    )
    return notice


def _locked_notice(notice_id: int, version: int, actor: Actor) -> Notice:
    notice = Notice.objects.select_for_update(of=("self",)).select_related("unit").get(pk=notice_id)
    actor.require(EDIT, notice.unit.path)
    if notice.version != version:
        raise NoticeChanged("The notice was changed by somebody else meanwhile. Nothing was saved.")
    return notice


@transaction.atomic
def modify_notice(*, notice_id: int, version: int, draft: NoticeDraft, actor: Actor, at: datetime) -> Notice:
    """
    Change what a notice says, whom it reaches or when it is shown.

    :raises NoticeChanged: if the version is not the one that was looked at
    :raises InvalidValue: naming the field that is wrong
    """
    notice = _locked_notice(notice_id, version, actor)
    before = snapshot(notice)
    _apply(notice, draft, actor)
    notice.version += 1
    notice.save()
    record_write(
        actor=actor,
        at=at,
        action="notices.notice.modified",
        subject=notice,
        unit_path=notice.unit.path,
        before=before,
        after=snapshot(notice),
    )
    return notice


@transaction.atomic
def withdraw_notice(*, notice_id: int, version: int, actor: Actor, at: datetime) -> Notice:
    """
    Show a notice no longer from this moment on; one that has ended stays as it was.

    :raises NoticeChanged: if the version is not the one that was looked at
    """
    notice = _locked_notice(notice_id, version, actor)
    if notice.active_to is not None and notice.active_to <= at:
        return notice
    before = snapshot(notice)
    notice.active_to = at
    notice.version += 1
    notice.save(update_fields=["active_to", "version"])
    record_write(
        actor=actor,
        at=at,
        action="notices.notice.withdrawn",
        subject=notice,
        unit_path=notice.unit.path,
        before=before,
        after=snapshot(notice),
    )
    return notice
