"""Having an engineering token made, once, and letting the archive know a meter's new key."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from gridtill.apps.keystore.operations import token_issuer
from gridtill.apps.vending.choices import EngineeringKind, EngineeringState
from gridtill.apps.vending.models import EngineeringToken
from gridtill.apps.vending.operations.engineering import (
    NotWaiting,
    require_either,
    set_token,
    write_key,
)
from gridtill.apps.vending.operations.standing import lock_identifiers
from gridtill.apps.vending.queries.key_changes import has_unmade_purchase, key_data_of, latest_identifier
from gridtill.apps.vending.rules import identifier_after
from gridtill.drivers.security.base import (
    IssuedSet,
    IssueRefused,
    IssueUnknown,
    KeyChangeRequest,
    ManagementRequest,
    MeterSecurity,
    RequestConflict,
    TokenIssuer,
)
from gridtill.kernel.actors import Actor
from gridtill.sts.errors import StsError
from gridtill.sts.keys import STA
from gridtill.sts.tokens import ManagementSubclass, encode_test

# Longer than any issuer is waited for.
_IN_FLIGHT = timedelta(seconds=60)
_SUBCLASSES = {
    EngineeringKind.POWER_LIMIT: ManagementSubclass.SET_MAXIMUM_POWER_LIMIT,
    EngineeringKind.CLEAR_CREDIT: ManagementSubclass.CLEAR_CREDIT,
    EngineeringKind.CLEAR_TAMPER: ManagementSubclass.CLEAR_TAMPER_CONDITION,
    EngineeringKind.UNBALANCE: ManagementSubclass.SET_MAXIMUM_PHASE_UNBALANCE,
}
_TO_MAKE = (EngineeringState.APPROVED, EngineeringState.FAILED)
_ASKED = (EngineeringState.DISPATCHED, EngineeringState.UNKNOWN)


def issue_engineering(
    *, token_id: UUID, actor: Actor, at: datetime, issuer: TokenIssuer | None = None
) -> EngineeringToken:
    """
    Have a token made that was agreed to, or settle one whose answer was lost; one that was made comes back.

    A refusal ends in FAILED and may be asked again, no answer in UNKNOWN, which is looked up by
    its request id and never asked for blindly. A key change moves the archive's key data with it.

    :raises NotWaiting: if it is not agreed to, was given up, or waits for a purchase
    :raises NotAllowed: if the right is missing, or the meter lies out of reach
    """
    row = EngineeringToken.objects.select_related("meter__store").get(pk=token_id)
    require_either(actor, row)
    return make_engineering(row=row, actor=actor, at=at, issuer=issuer)


def make_engineering(
    *, row: EngineeringToken, actor: Actor, at: datetime, issuer: TokenIssuer | None = None
) -> EngineeringToken:
    """
    Have a token made for whoever may have it made; a purchase makes its key change like this.

    :raises NotWaiting: if it is not to be made
    """
    if row.state == EngineeringState.ISSUED:
        return row
    if row.kind == EngineeringKind.TEST:
        return _make_test(row, actor, at)
    issuer = issuer or token_issuer()
    if row.state in _TO_MAKE:
        row = _reserve(row, actor, at)
        return _ask(row, issuer, actor, at) if row.state == EngineeringState.DISPATCHED else row
    if row.state not in _ASKED:
        raise NotWaiting("This is not to be made now. Nothing was made.")
    if row.state == EngineeringState.DISPATCHED and not issuer.repeatable and at - row.changed_at < _IN_FLIGHT:
        # Somebody is asking right now; looking up before the answer can be there would ask for a second one.
        return row
    try:
        # None is evidence too: the issuer never made it, so asking now makes the first one.
        found = issuer.fetch_set(row.pk)
    except IssueUnknown:
        return _move(row, EngineeringState.UNKNOWN, actor, at, "no answer")
    return _keep(row, found, actor, at) if found else _ask(row, issuer, actor, at)


@transaction.atomic
def _make_test(row: EngineeringToken, actor: Actor, at: datetime) -> EngineeringToken:
    """Write a test token, which is not encrypted and the same for every meter."""
    row = _locked(row)
    if row.state not in _TO_MAKE:
        return row
    digits = encode_test(0, row.value)
    return set_token(row, actor, at, "issue", state=EngineeringState.ISSUED, digits=digits, carried_value=row.value)


@transaction.atomic
def _reserve(row: EngineeringToken, actor: Actor, at: datetime) -> EngineeringToken:
    """Fix the key data and the token identifier that are about to be asked for."""
    meter = lock_identifiers(row.meter_id)
    row = _locked(row)
    if row.state not in _TO_MAKE:
        return row
    if row.vend_id is None:
        row.meter_security = key_data_of(meter)
        if row.kind == EngineeringKind.KEY_CHANGE and has_unmade_purchase(meter.pk):
            # Its token would be made for a key that the meter has not, or has no more.
            detail = "A purchase for this meter has no token yet. Settle it first, then ask again."
            return set_token(row, actor, at, "refuse", state=EngineeringState.FAILED, detail=detail)
        if row.meter_security == row.new_security:
            return set_token(
                row, actor, at, "refuse", state=EngineeringState.FAILED, detail="The meter has this key already."
            )
    if row.kind != EngineeringKind.KEY_CHANGE and row.base_date != meter.base_date:
        try:
            row.token_identifier = identifier_after(at, meter.base_date, latest_identifier(meter.pk, meter.base_date))
        except StsError as error:
            return set_token(row, actor, at, "refuse", state=EngineeringState.FAILED, detail=str(error)[:300])
        row.base_date = meter.base_date
    row.state, row.changed_at = EngineeringState.DISPATCHED, at
    row.save()
    return row


def _locked(row: EngineeringToken) -> EngineeringToken:
    found: EngineeringToken = (
        EngineeringToken.objects.select_related("meter__store").select_for_update(of=("self",)).get(pk=row.pk)
    )
    return found


def _ask(row: EngineeringToken, issuer: TokenIssuer, actor: Actor, at: datetime) -> EngineeringToken:
    try:
        made = _made_by(issuer, row)
    except (RequestConflict, IssueUnknown) as unclear:
        # It knows the request, or may: a token may exist, and that is no refusal.
        return _move(row, EngineeringState.UNKNOWN, actor, at, str(unclear))
    except IssueRefused as refusal:
        return _move(row, EngineeringState.FAILED, actor, at, f"{refusal.code}: {refusal}")
    return _keep(row, made, actor, at)


def _made_by(issuer: TokenIssuer, row: EngineeringToken) -> IssuedSet:
    old = MeterSecurity(**(row.meter_security or {}))
    if row.kind == EngineeringKind.KEY_CHANGE:
        new = MeterSecurity(**(row.new_security or {}))
        # Two tokens alone would leave a meter of algorithm 07 without the group that it reports.
        third = old.encryption_algorithm == STA and old.supply_group_code != new.supply_group_code
        return issuer.issue_key_change(KeyChangeRequest(row.pk, old, new, with_supply_group=third))
    return issuer.issue_management(
        ManagementRequest(
            request_id=row.pk,
            meter=old,
            subclass=_SUBCLASSES[EngineeringKind(row.kind)],
            value=row.value,
            token_identifier=row.token_identifier or 0,
            random_nibble=row.random,
        )
    )


@transaction.atomic
def _move(row: EngineeringToken, state: EngineeringState, actor: Actor, at: datetime, detail: str) -> EngineeringToken:
    row = _locked(row)
    if row.state not in _ASKED or row.state == state:
        return row
    act = "refuse" if state == EngineeringState.FAILED else "time_out"
    return set_token(row, actor, at, act, state=state, detail=detail[:300])


@transaction.atomic
def _keep(row: EngineeringToken, made: IssuedSet, actor: Actor, at: datetime) -> EngineeringToken:
    meter = lock_identifiers(row.meter_id)
    row = _locked(row)
    if row.state not in _ASKED:
        return row
    if row.kind == EngineeringKind.KEY_CHANGE and row.vend_id is None:
        if key_data_of(meter) != row.meter_security:
            # For good: asked again, the issuer would give these same tokens for what is another key by now.
            detail = "The meter's key data were changed meanwhile; the tokens were thrown away. Ask for it anew."
            return set_token(row, actor, at, "refuse", state=EngineeringState.CANCELLED, detail=detail)
        write_key(meter, row.new_security or {}, actor, at)
        # It takes an identifier, though its tokens carry none, so that what comes after it can be told.
        row.base_date = meter.base_date
        row.since_identifier = row.token_identifier = latest_identifier(meter.pk, meter.base_date) + 1
    return set_token(
        row,
        actor,
        at,
        "issue",
        state=EngineeringState.ISSUED,
        digits=" ".join(made.digits),
        carried_value=made.value,
        check_value=made.vending_key_check_value,
        detail="",
    )
