"""
The sale's locked read: everything a quote and its guards need, in one round trip.

It locks the agreement's standing and the till, in that order. A row that was
waited for comes back fresh, but the rows beside it are as old as the statement's
snapshot; the versions read through a second, unlocked reference tell when that
happened, and then the read is done again under the locks it already holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from gridtill.apps.vending.queries.hot import run

_COLUMNS = """
    s.version, s.sequence, s.months_wh, s.year_start, s.year_wh, s.charged_through, s.carry_minor,
    s.latest_vend_at, s.total_wh, s.total_minor, s.bureau_id,
    (SELECT s2.version FROM vending_accountstanding s2 WHERE s2.agreement_id = s.agreement_id) AS seen_version,
    a.id AS agreement_id, a.status AS agreement_status, a.opened_at, a.account_id, a.purchase_maximum_minor,
    a.energy_maximum_wh, a.pricing_structure_id,
    u.status AS point_status, u.number AS point_number, u.is_billable, u.purchase_mode, u.address AS point_address,
    c.id AS customer_id, c.number AS customer_number, c.name AS customer_name, c.status AS customer_status,
    c.is_tax_exempt, o.path AS unit_path, o.name AS office_name,
    m.id AS meter_id, m.number AS meter_number, m.status AS meter_status, m.supply_group_code, m.tariff_index,
    m.key_revision, m.key_type, m.key_expiry, m.base_date, m.encryption_algorithm, m.credit_maximum_wh,
    m.token_carrier, m.credit_unit, m.payment_mode,
    (SELECT MAX(d.last_identifier) FROM vending_delivery d WHERE d.meter_id = m.id AND d.base_date = m.base_date)
        AS latest_delivered,
    (SELECT MAX(e.token_identifier) FROM vending_engineeringtoken e
        WHERE e.meter_id = m.id AND e.base_date = m.base_date) AS latest_engineered,
    (SELECT e.id FROM vending_engineeringtoken e WHERE e.meter_id = m.id AND e.kind = 'KEY_CHANGE'
        AND e.state = 'WAITING' AND NOT EXISTS (SELECT 1 FROM vending_delivery d
            WHERE d.meter_id = m.id AND d.state IN ('PENDING', 'DISPATCHED', 'UNKNOWN', 'FAILED'))) AS key_change_id,
    (SELECT e.id FROM vending_engineeringtoken e WHERE e.meter_id = m.id AND e.kind = 'KEY_CHANGE'
        AND e.vend_id IS NOT NULL AND e.state IN ('APPROVED', 'DISPATCHED', 'UNKNOWN', 'FAILED')) AS unmade_change_id,
    k.key_expiry AS group_key_expiry, ku.path AS group_unit_path, hu.path AS hall_path,
    t.id AS till_id, t.code AS till_code, t.document_sequence, t.head_hash, t.is_active AS till_active,
    (SELECT t2.document_sequence FROM vending_till t2 WHERE t2.id = t.id) AS seen_sequence,
    t.bureau_id AS till_bureau_id, t.drawer_account_id,
    h.id AS shift_id, h.state AS shift_state, h.business_day, h.cashier_id,
    g.currency, g.time_zone, g.sale_maximum_minor, g.cash_rounding_minor,
    (SELECT v.id FROM pricing_tariffversion v WHERE v.structure_id = a.pricing_structure_id
        AND v.status = 'ACTIVE' AND v.active_from <= {at} ORDER BY v.active_from DESC, v.number DESC LIMIT 1)
        AS tariff_version_id,
    (SELECT v.content_digest FROM vending_vend v WHERE v.id = {id}) AS sold_digest,
    EXISTS (SELECT 1 FROM vending_withdrawnrequest w WHERE w.id = {id}) AS is_withdrawn,
    {debts} AS debts
"""
_TABLES = """
    FROM vending_accountstanding s
    JOIN customers_customeragreement a ON a.id = s.agreement_id
    JOIN customers_usagepoint u ON u.id = a.usage_point_id
    JOIN customers_customer c ON c.id = u.customer_id
    JOIN organization_organizationunit o ON o.id = c.office_id
    JOIN vending_cashiershift h ON h.id = {shift}
    JOIN vending_till t ON t.id = h.till_id
    CROSS JOIN organization_utilitysettings g
    JOIN vending_pointofsale p ON p.id = t.point_of_sale_id
    JOIN organization_organizationunit hu ON hu.id = p.unit_id
    {meter}
    LEFT JOIN keystore_vendingkey k ON k.supply_group_code = m.supply_group_code
        AND k.key_revision = m.key_revision AND k.key_type = m.key_type AND k.base_date = m.base_date
    LEFT JOIN organization_organizationunit ku ON ku.id = k.unit_id
    WHERE s.agreement_id = {agreement}
"""
_METER = {
    # Found from its point, one row: joined plainly, a plan made before the tables had statistics reads every meter.
    "postgresql": """LEFT JOIN LATERAL (
        SELECT x.* FROM customers_meterinstallation i JOIN assets_meter x ON x.id = i.meter_id
        WHERE i.usage_point_id = u.id AND i.removed_at IS NULL LIMIT 1
    ) m ON true""",
    # SQLite knows no LATERAL, and goes from row to row anyway.
    "sqlite": """LEFT JOIN customers_meterinstallation i ON i.usage_point_id = u.id AND i.removed_at IS NULL
    LEFT JOIN assets_meter m ON m.id = i.meter_id""",
}
_DEBT_ROWS = "d.id, d.kind, d.description, d.mode, d.percent_bp, d.fixed_minor, d.remaining_minor, d.priority"
_DEBTS_FROM = (
    "FROM (SELECT * FROM arrears_auxiliaryagreement WHERE account_id = a.account_id AND status = 'OPEN'"
    " ORDER BY priority, id) d"
)


def _statement(vendor: str) -> str:
    if vendor == "postgresql":
        debts = f"(SELECT json_agg(json_build_array({_DEBT_ROWS})) {_DEBTS_FROM})"
        names = {"at": "%(at)s", "id": "%(id)s", "shift": "%(shift)s", "agreement": "%(agreement)s"}
        return ("SELECT" + _COLUMNS + _TABLES).format(debts=debts, meter=_METER[vendor], **names)
    debts = f"(SELECT json_group_array(json_array({_DEBT_ROWS})) {_DEBTS_FROM})"
    names = {"at": ":at", "id": ":id", "shift": ":shift", "agreement": ":agreement"}
    return ("SELECT" + _COLUMNS + _TABLES).format(debts=debts, meter=_METER[vendor], **names)


_STATEMENTS = {vendor: _statement(vendor) for vendor in ("postgresql", "sqlite")}


@dataclass(frozen=True, slots=True)
class Debt:
    """A debt that is open, as the sale sees it."""

    id: int
    kind: str
    description: str
    mode: str
    percent_bp: int
    fixed_minor: int
    remaining_minor: int
    priority: int


class SaleBasis(SimpleNamespace):
    """What the locked read returned; attributes are named as their columns are."""

    debts: tuple[Debt, ...]
    months_wh: dict[str, int]
    zone: ZoneInfo

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def read_sale_basis(*, agreement_id: int, shift_id: int, at: datetime) -> SaleBasis | None:
    """Return what a quote depends on, locking nothing; None if the account or the shift is missing."""
    rows = run(_STATEMENTS[connection.vendor], _params(UUID(int=0), agreement_id, shift_id, at), returns=True)
    return _basis(rows[0]) if rows else None


def lock_sale_basis(*, request_id: UUID, agreement_id: int, shift_id: int, at: datetime) -> SaleBasis | None:
    """
    Lock the standing and the till, and return all that a sale depends on; None if either is missing.

    Must run inside a transaction. One query, two when another sale was waited for.
    """
    statement = _STATEMENTS[connection.vendor]
    if connection.vendor == "postgresql":
        statement += " FOR NO KEY UPDATE OF s, t"
    params = _params(request_id, agreement_id, shift_id, at)
    for _attempt in range(2):
        rows = run(statement, params, returns=True)
        if not rows:
            return None
        row = rows[0]
        if row["version"] == row["seen_version"] and row["document_sequence"] == row["seen_sequence"]:
            break
    return _basis(row)


def _params(request_id: UUID, agreement_id: int, shift_id: int, at: datetime) -> dict[str, object]:
    params: dict[str, object] = {"at": at, "id": request_id, "shift": shift_id, "agreement": agreement_id}
    if connection.vendor == "sqlite":
        params |= {"at": at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"), "id": request_id.hex}
    return params


def _basis(row: dict[str, Any]) -> SaleBasis:
    for name in ("charged_through", "year_start", "business_day"):
        if isinstance(row[name], str):
            row[name] = date.fromisoformat(row[name])
    row["opened_at"], row["latest_vend_at"] = _moment(row["opened_at"]), _moment(row["latest_vend_at"])
    months = row["months_wh"]
    debts = row["debts"]
    row["debts"] = tuple([Debt(*item) for item in (json.loads(debts) if isinstance(debts, str) else debts or ())])
    row["months_wh"] = json.loads(months) if isinstance(months, str) else months
    for name in ("key_change_id", "unmade_change_id"):
        if isinstance(row[name], str):
            row[name] = UUID(row[name])
    row["zone"] = ZoneInfo(row["time_zone"])
    row["latest_token_identifier"] = max(row.pop("latest_delivered") or 0, row.pop("latest_engineered") or 0)
    return SaleBasis(**row)


def _moment(value: datetime | str | None) -> datetime | None:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    # SQLite stores moments in UTC without saying so.
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
