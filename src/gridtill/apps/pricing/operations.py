"""Writing tariff drafts and putting them into force by a second person."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from gridtill.apps.audit.operations import record_write
from gridtill.apps.organization.queries import utility_settings, widest_bound
from gridtill.apps.pricing.choices import TariffStatus
from gridtill.apps.pricing.models import PricingStructure, TariffVersion
from gridtill.kernel.actors import Actor
from gridtill.kernel.canonical import sha256_hex
from gridtill.kernel.clock import business_day
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.tariff.document import Tariff, TariffInvalid, load_tariff
from gridtill.tariff.vectors import check_vectors

DOCUMENT_MAXIMUM = 256 * 1024
REASON_MAXIMUM = 500
COLUMNS = {"code": 30, "title": 120, "price_class": 30}


class TariffNotActivated(Refusal):
    """A draft cannot be put into force as it is, by this person, or at that moment."""

    code = "tariff_not_activated"


def read_document(document: str) -> Tariff:
    """
    Read a document that is to be kept, with the bounds that a price list sets besides the language's own.

    :raises TariffInvalid: naming the place in the document that cannot be read
    :raises InvalidValue: if the document is too large
    """
    if len(document.encode()) > DOCUMENT_MAXIMUM:
        raise InvalidValue("The document is larger than 256 KiB.", field="document")
    tariff = load_tariff(document)
    for key, most in COLUMNS.items():
        text = getattr(tariff, key)
        if len(text) > most or not text.isprintable():
            raise TariffInvalid(f"{key} must be plain text of at most {most} characters.", field="document")
    return tariff


@transaction.atomic
def draft_tariff(*, document: str, actor: Actor, at: datetime) -> TariffVersion:
    """
    Keep a tariff document as the next draft of its price list, which is made if it is new.

    A failing vector is kept too, so that the author can see and mend it; it bars activation.

    :raises TariffInvalid: naming the place in the document that cannot be read
    :raises InvalidValue: if the document is too large, or moves a price list to another class
    """
    # Prices hold for everybody, so who writes them has to reach everybody.
    bound = widest_bound()
    actor.require("tariff.edit", bound)
    tariff = read_document(document)
    # Locked, so that two drafts written at once take two numbers.
    structure, _made = PricingStructure.objects.select_for_update().get_or_create(
        code=tariff.code, defaults={"name": tariff.title, "price_class": tariff.price_class}
    )
    if structure.price_class != tariff.price_class:
        raise InvalidValue(
            f"{tariff.code} is booked under {structure.price_class}; a new version cannot change that.",
            remedy="Give the tariff another code.",
            field="document",
        )
    latest = TariffVersion.objects.filter(structure=structure).aggregate(latest=Max("number"))["latest"] or 0
    version = TariffVersion.objects.create(
        structure=structure,
        number=latest + 1,
        document=document,
        digest=sha256_hex(document),
        author_id=actor.id or 0,
        author_name=actor.name,
        created_at=at,
    )
    record_write(
        actor=actor,
        at=at,
        action="pricing.version.drafted",
        subject=version,
        unit_path=bound,
        after={"code": tariff.code, "number": version.number, "digest": version.digest},
    )
    return version


@transaction.atomic
def activate_tariff(*, version_id: int, active_from: datetime, actor: Actor, at: datetime) -> TariffVersion:
    """
    Put a draft into force from a moment on; it never changes afterwards.

    :raises TariffNotActivated: if a vector fails, the author activates, it is no draft, or the
        moment lies before now or before a version that is in force from later on, the tariff's
        own first day has not come by then, or it is in another currency than the utility
    """
    bound = widest_bound()
    actor.require("tariff.activate", bound)
    version = TariffVersion.objects.select_for_update().get(pk=version_id)
    if version.status != TariffStatus.DRAFT:
        raise TariffNotActivated("Only a draft can be put into force.")
    if actor.id is not None and version.author_id == actor.id:
        raise TariffNotActivated("Nobody puts their own tariff into force.", remedy="Ask a second person.")
    tariff = load_tariff(version.document)
    failures = check_vectors(tariff)
    if failures or not tariff.vectors:
        first = str(failures[0]) if failures else "it has none"
        raise TariffNotActivated(f"The tariff fails its own test vectors: {first}.", remedy="Mend it in a new draft.")
    settings = utility_settings()
    if tariff.currency != settings.currency:
        raise TariffNotActivated(
            f"The tariff is in {tariff.currency}, and the utility sells in {settings.currency}.",
            remedy="Write a draft in the utility's currency.",
        )
    if business_day(active_from, settings.zone) < tariff.valid_from:
        raise TariffNotActivated(
            f"The document says that it applies from {tariff.valid_from:%d %b %Y}.",
            remedy="Begin on that day or later.",
            field="active_from",
        )
    if active_from < at and actor.id is not None:
        raise TariffNotActivated("A tariff cannot begin in the past.", field="active_from")
    later = TariffVersion.objects.filter(
        structure_id=version.structure_id, status=TariffStatus.ACTIVE, active_from__gte=active_from
    )
    if later.exists():
        raise TariffNotActivated("Another version begins at that moment or later.", remedy="Withdraw that one first.")
    version.status, version.active_from = TariffStatus.ACTIVE, active_from
    version.activated_by, version.activated_at = actor.name, at
    version.save()
    record_write(
        actor=actor,
        at=at,
        action="pricing.version.activated",
        subject=version,
        unit_path=bound,
        after={"active_from": active_from.isoformat(), "digest": version.digest},
    )
    return version


@transaction.atomic
def withdraw_tariff(*, version_id: int, reason: str, actor: Actor, at: datetime) -> TariffVersion:
    """
    Take back a version that has not begun yet, or a draft.

    :raises TariffNotActivated: if it is in force, or was withdrawn already
    :raises InvalidValue: if no reason is given
    """
    bound = widest_bound()
    actor.require("tariff.activate", bound)
    if not 3 <= len(reason.strip()) <= REASON_MAXIMUM:
        raise InvalidValue("Give a reason of 3 to 500 characters.", field="reason")
    version = TariffVersion.objects.select_for_update().get(pk=version_id)
    if version.status == TariffStatus.WITHDRAWN:
        raise TariffNotActivated("It was withdrawn already.")
    if version.status == TariffStatus.ACTIVE and version.active_from is not None and version.active_from <= at:
        raise TariffNotActivated(
            "This version is in force; purchases were made on it.", remedy="Put a new version into force instead."
        )
    version.status = TariffStatus.WITHDRAWN
    version.save(update_fields=["status"])
    record_write(
        actor=actor,
        at=at,
        action="pricing.version.withdrawn",
        subject=version,
        unit_path=bound,
        reason=reason.strip(),
    )
    return version
