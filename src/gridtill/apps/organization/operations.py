"""Making and changing the company tree and the utility's settings."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction

from gridtill.apps.audit.operations import delete_unused, record_write, snapshot
from gridtill.apps.organization.choices import UnitKind
from gridtill.apps.organization.models import OrganizationUnit, UtilitySettings
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal

UNIT_FIELDS = {
    "name": 120, "short_name": 40, "address": 200, "phone": 40, "person_in_charge": 80, "bank_details": 200,
    "tax_number": 40, "supply_group_code": 6, "voltage_kv": 20,
}  # fmt: skip
# Far above any purchase, and far below what a database integer holds.
MOST_MINOR = 10**14
MOST_COIN_MINOR = 10**6
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#<>\"']+[^\s?#<>\"']*")


class AlreadyInitialised(Refusal):
    """There is a utility already."""

    code = "already_initialised"


class UnitChanged(Refusal):
    """Somebody else changed the unit meanwhile."""

    code = "changed_meanwhile"
    remedy = "Look at what they changed, then make your change again."


class SettingsChanged(Refusal):
    """Somebody else changed the settings meanwhile."""

    code = "changed_meanwhile"
    remedy = "Load the page again and repeat your change."


@dataclass(frozen=True, slots=True)
class NewUtility:
    """What a utility needs to begin: names, codes, an ISO 4217 currency and an IANA time zone."""

    name: str
    bureau_name: str
    currency: str
    time_zone: str
    code: str = "U"
    bureau_code: str = "B1"
    language: str = "en"
    is_demo: bool = False


@transaction.atomic
def create_utility(*, new: NewUtility, actor: Actor, at: datetime) -> OrganizationUnit:
    """
    Make the utility, its settings and its bureau, and return the bureau.

    :raises AlreadyInitialised: if there is a utility
    :raises InvalidValue: if the currency or the time zone cannot be
    """
    if UtilitySettings.objects.exists():
        raise AlreadyInitialised("This database holds a utility already. Nothing was changed.")
    _require_zone(new.time_zone)
    if len(new.currency) != 3 or not new.currency.isalpha() or not new.currency.isupper():
        raise InvalidValue("A currency has three capital letters, such as KES.", field="currency")
    utility = _add(None, UnitKind.UTILITY, new.code, {"name": new.name}, actor, at)
    UtilitySettings.objects.create(
        utility=utility,
        currency=new.currency,
        time_zone=new.time_zone,
        language=new.language,
        receipt_secret=secrets.token_hex(32),
        is_demo=new.is_demo,
    )
    return _add(utility, UnitKind.BUREAU, new.bureau_code, {"name": new.bureau_name}, actor, at)


@transaction.atomic
def add_supply_office(
    *, bureau_id: int, code: str, fields: Mapping[str, str], actor: Actor, at: datetime
) -> OrganizationUnit:
    """
    Add a supply office ("substation") under a bureau.

    :raises InvalidValue: if a field is wrong or the code is taken
    """
    bureau = OrganizationUnit.objects.get(pk=bureau_id, kind=UnitKind.BUREAU)
    actor.require("bureau.edit", bureau.path)
    return _add(bureau, UnitKind.SUPPLY_OFFICE, code, fields, actor, at)


def _require_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue(f"There is no time zone {name!r}.", field="time_zone") from None


def _add(
    parent: OrganizationUnit | None, kind: UnitKind, code: str, fields: Mapping[str, str], actor: Actor, at: datetime
) -> OrganizationUnit:
    code = code.strip()
    if not 1 <= len(code) <= 20:
        raise InvalidValue("A code has 1 to 20 characters.", field="code")
    if OrganizationUnit.objects.filter(code=code).exists():
        raise InvalidValue(f"{code} is the code of another unit.", field="code")
    # The path needs the row's own id, so it is written twice; nobody sees the first form.
    unit = OrganizationUnit.objects.create(parent=parent, kind=kind, code=code, path=f"new {code}", **checked(fields))
    unit.path = f"{parent.path if parent else ''}{unit.pk}/"
    unit.save(update_fields=["path"])
    record_write(
        actor=actor, at=at, action="organization.unit.added", subject=unit, unit_path=unit.path, after=snapshot(unit)
    )
    return unit


def checked(fields: Mapping[str, str]) -> dict[str, str]:
    """
    Return the fields of a unit, stripped, after checking them.

    :raises InvalidValue: naming the field that is unknown, empty or too long
    """
    values = {}
    for name, text in fields.items():
        if name not in UNIT_FIELDS:
            raise InvalidValue(f"A unit has no field {name}.", field=name)
        value = text.strip()
        if len(value) > UNIT_FIELDS[name] or (name == "name" and not value):
            raise InvalidValue(f"Enter 1 to {UNIT_FIELDS[name]} characters.", field=name)
        values[name] = value
    if values.get("supply_group_code") and not (
        len(values["supply_group_code"]) == 6
        and values["supply_group_code"].isascii()
        and values["supply_group_code"].isdecimal()
    ):
        raise InvalidValue("A supply group code has six digits.", field="supply_group_code")
    return values


@transaction.atomic
def modify_unit(
    *, unit_id: int, version: int, fields: Mapping[str, str], actor: Actor, at: datetime
) -> OrganizationUnit:
    """
    Change the information of a bureau or a supply office.

    :raises UnitChanged: if the version is not the one that was looked at
    :raises InvalidValue: naming the field that is wrong
    """
    unit = OrganizationUnit.objects.select_for_update().get(pk=unit_id)
    actor.require("bureau.edit", unit.path)
    if unit.version != version:
        raise UnitChanged(f"{unit.name} was changed by somebody else meanwhile. Nothing was saved.")
    before = snapshot(unit)
    for name, value in checked(fields).items():
        setattr(unit, name, value)
    unit.version += 1
    unit.save()
    record_write(
        actor=actor,
        at=at,
        action="organization.unit.modified",
        subject=unit,
        unit_path=unit.path,
        before=before,
        after=snapshot(unit),
    )
    return unit


@transaction.atomic
def delete_supply_office(*, unit_id: int, actor: Actor, at: datetime) -> None:
    """
    Delete a supply office that nothing belongs to; a bureau and the utility cannot be deleted at all.

    :raises InvalidValue: if it is not a supply office
    :raises StillUsed: naming the transformers, operators, halls or whatever belongs to it
    """
    unit = OrganizationUnit.objects.select_for_update().get(pk=unit_id)
    actor.require("bureau.edit", unit.path)
    if unit.kind != UnitKind.SUPPLY_OFFICE:
        raise InvalidValue("Only a supply office can be deleted. Nothing was deleted.")
    record_write(
        actor=actor,
        at=at,
        action="organization.unit.deleted",
        subject=unit,
        unit_path=unit.path,
        before=snapshot(unit),
    )
    delete_unused(unit)


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What a utility may decide anew; ``*_minor`` in minor units of its currency, which itself stays."""

    time_zone: str
    language: str
    sale_maximum_minor: int
    reversal_approval_minor: int
    cash_rounding_minor: int
    receipt_header: str = ""
    receipt_footer: str = ""
    public_url: str = ""


def _checked_settings(change: SettingsChange) -> dict[str, str | int]:
    values: dict[str, str | int] = {
        name: value.strip() if isinstance(value, str) else value for name, value in asdict(change).items()
    }
    _require_zone(str(values["time_zone"]))
    if not 1 <= len(str(values["language"])) <= 10:
        raise InvalidValue("Choose a language.", field="language")
    bounds = {
        "sale_maximum_minor": (1, MOST_MINOR),
        "reversal_approval_minor": (0, MOST_MINOR),
        "cash_rounding_minor": (1, MOST_COIN_MINOR),
    }
    for field, (least, most) in bounds.items():
        if not least <= int(values[field]) <= most:
            raise InvalidValue("This amount is too small or too large.", field=field)
    for field in ("receipt_header", "receipt_footer", "public_url"):
        if len(str(values[field])) > 200:
            raise InvalidValue("Enter at most 200 characters.", field=field)
    if values["public_url"] and not _WEB_ADDRESS.fullmatch(str(values["public_url"])):
        raise InvalidValue("An address begins with http:// or https:// and has no blanks.", field="public_url")
    values["public_url"] = str(values["public_url"]).rstrip("/")
    return values


@transaction.atomic
def modify_settings(*, version: int, change: SettingsChange, actor: Actor, at: datetime) -> UtilitySettings:
    """
    Change what the utility decides for itself; its currency and its receipts' secret stay as they were made.

    :raises SettingsChanged: if the version is not the one that was looked at
    :raises InvalidValue: naming the field that is wrong
    """
    row = UtilitySettings.objects.select_for_update(of=("self",)).select_related("utility").get()
    actor.require("settings.edit", row.utility.path)
    if row.version != version:
        raise SettingsChanged("The settings were changed by somebody else meanwhile. Nothing was saved.")
    before = snapshot(row)
    for name, value in _checked_settings(change).items():
        setattr(row, name, value)
    row.version += 1
    row.save()
    record_write(
        actor=actor,
        at=at,
        action="organization.settings.modified",
        subject=row,
        unit_path=row.utility.path,
        before=before,
        after=snapshot(row),
    )
    return row
