"""
The sale's one data-modifying statement, for PostgreSQL and SQLite.

On PostgreSQL every part is a common table expression of a single statement; on
SQLite, which has no such thing, the parts run one after the other inside the
same transaction. Both take the same named parameters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from gridtill.apps.ledger.operations import SALE_FRAGMENTS
from gridtill.apps.vending.choices import TenderKind
from gridtill.apps.vending.queries.hot import run
from gridtill.kernel.actors import Actor

_VEND_COLUMNS = (
    "id, number, kind, state, channel, bureau_id, agreement_id, customer_id, meter_id, till_id, shift_id, cashier_id,"
    " tariff_version_id, sequence, at, business_day, calendar_day, total_minor, energy_wh, energy_minor,"
    " charges_minor, taxes_minor, debt_minor, carry_minor, content_digest, before"
)
_VEND_NAMES = (
    "id, number, #TOKEN_SALE, #SOLD, channel, bureau, agreement, customer, meter, till, shift, cashier,"
    " tariff_version, sequence, at, business_day, calendar_day, total, energy_wh, energy_minor,"
    " charges_minor, taxes_minor, debt_minor, carry_change, digest, before"
)
_DELIVERY_COLUMNS = (
    "id, vend_id, channel, state, meter_id, base_date, token_identifier, last_identifier, random, units,"
    " meter_security, token, check_value, changed_at, detail"
)
_DELIVERY_NAMES = (
    "delivery, id, channel, #PENDING, meter, base_date, token_identifier, last_identifier, random, units, security,"
    " #, #, at, #"
)
_DOCUMENT_COLUMNS = "till_id, sequence, number, kind, subject_id, shift_id, at, payload, previous_hash, hash"
_DOCUMENT_NAMES = "till, document_sequence, number, #VEND, id, shift, at, payload, previous_hash, hash"
_AUDIT_COLUMNS = (
    "at, actor_id, actor_name, action, subject_kind, subject_id, unit_path, request_id, reason, before, after"
)
_AUDIT_NAMES = "at, cashier, actor_name, #vending.vend.sold, #vending.vend, subject, unit_path, id, #, ~, audit_after"
_TENDER_COLUMNS = "vend_id, kind, amount_minor, received_minor, reference, bank, drawer_name, reference_key"

_CASTS = {
    "id": "uuid", "delivery": "uuid", "business_day": "date", "calendar_day": "date", "before": "jsonb",
    "security": "jsonb", "audit_after": "jsonb", "months": "jsonb", "year_start": "date", "charged_through": "date",
    "at": "timestamptz", "after": "jsonb",
}  # fmt: skip


def _values(names: str, vendor: str) -> str:
    return ", ".join(_value(name.strip(), vendor) for name in names.split(","))


def _value(name: str, vendor: str) -> str:
    if name == "~":
        return "NULL"
    if name.startswith("#"):
        return f"'{name[1:]}'"
    if vendor == "sqlite":
        return f":{name}"
    return f"%({name})s::{_CASTS[name]}" if name in _CASTS else f"%({name})s"


def _insert(table: str, columns: str, names: str, vendor: str) -> str:
    return f"INSERT INTO {table} ({columns}) VALUES ({_values(names, vendor)})"


def _standing(vendor: str) -> str:
    def value(name: str) -> str:
        return _value(name, vendor)

    return (
        "UPDATE vending_accountstanding SET version = version + 1, sequence = sequence + 1,"
        f" months_wh = {value('months')}, year_start = {value('year_start')}, year_wh = {value('year_wh')},"
        f" charged_through = {value('charged_through')}, carry_minor = {value('carry')},"
        f" total_wh = total_wh + {value('energy_wh')},"
        f" total_minor = total_minor + {value('total')}, latest_vend_at = {_later(value('at'), vendor)}"
        f" WHERE agreement_id = {value('agreement')}"
    )


def _later(at: str, vendor: str) -> str:
    """Moments are taken before the lock, so a sale may come after one that is later."""
    greatest = "GREATEST" if vendor == "postgresql" else "MAX"
    return f"{greatest}(COALESCE(latest_vend_at, {at}), {at})"


def _till(vendor: str) -> str:
    return (
        f"UPDATE vending_till SET document_sequence = {_value('document_sequence', vendor)},"
        f" head_hash = {_value('hash', vendor)} WHERE id = {_value('till', vendor)}"
    )


_POSTGRESQL_MANY = (
    (
        "tenders",
        f"INSERT INTO vending_tender ({_TENDER_COLUMNS})"
        " SELECT %(id)s::uuid, x ->> 0, (x ->> 1)::bigint, (x ->> 2)::bigint, x ->> 3, x ->> 4, x ->> 5, x ->> 6"
        " FROM jsonb_array_elements(%(tenders)s::jsonb) AS x",
    ),
    (
        "drawer",
        "UPDATE vending_shifttender SET sold_count = sold_count + 1, sold_minor = sold_minor + (x ->> 1)::bigint"
        " FROM jsonb_array_elements(%(tenders)s::jsonb) AS x WHERE shift_id = %(shift)s AND kind = x ->> 0",
    ),
)
_POSTGRESQL_DEBTS = (
    "UPDATE arrears_auxiliaryagreement d SET remaining_minor = d.remaining_minor - x.taken,"
    " status = CASE WHEN d.remaining_minor = x.taken THEN 'PAID' ELSE d.status END, version = d.version + 1"
    " FROM unnest(%(debt_ids)s::bigint[], %(debt_before)s::bigint[], %(debt_taken)s::bigint[]) AS x(id, seen, taken)"
    " WHERE d.id = x.id AND d.remaining_minor = x.seen AND d.status = 'OPEN' RETURNING d.id"
)
_SQLITE_MANY = (
    (
        "tenders",
        f"INSERT INTO vending_tender ({_TENDER_COLUMNS})"
        " SELECT :id, x.value ->> 0, x.value ->> 1, x.value ->> 2, x.value ->> 3, x.value ->> 4,"
        " x.value ->> 5, x.value ->> 6"
        " FROM json_each(:tenders) AS x",
    ),
    (
        "drawer",
        "UPDATE vending_shifttender SET sold_count = sold_count + 1,"
        " sold_minor = sold_minor + (SELECT x.value ->> 1 FROM json_each(:tenders) AS x WHERE x.value ->> 0 = kind)"
        " WHERE shift_id = :shift AND kind IN (SELECT x.value ->> 0 FROM json_each(:tenders) AS x)",
    ),
)
_SQLITE_DEBTS = (
    "UPDATE arrears_auxiliaryagreement AS d SET remaining_minor = d.remaining_minor - (x.value ->> 2),"
    " status = CASE WHEN d.remaining_minor = (x.value ->> 2) THEN 'PAID' ELSE d.status END, version = d.version + 1"
    " FROM json_each(:debts) AS x WHERE d.id = (x.value ->> 0)"
)


def _parts(vendor: str) -> list[tuple[str, str]]:
    return [
        ("sold", _insert("vending_vend", _VEND_COLUMNS, _VEND_NAMES, vendor)),
        *SALE_FRAGMENTS[vendor],
        ("delivery", _insert("vending_delivery", _DELIVERY_COLUMNS, _DELIVERY_NAMES, vendor)),
        ("document", _insert("vending_salesdocument", _DOCUMENT_COLUMNS, _DOCUMENT_NAMES, vendor)),
        ("audit", _insert("audit_auditrecord", _AUDIT_COLUMNS, _AUDIT_NAMES, vendor)),
        *(_POSTGRESQL_MANY if vendor == "postgresql" else _SQLITE_MANY),
        ("till", _till(vendor)),
        ("standing", _standing(vendor)),
    ]


def _postgresql(*, with_debts: bool) -> str:
    parts = _parts("postgresql")
    if with_debts:
        parts.append(("debts", _POSTGRESQL_DEBTS))
    ctes = ", ".join(f"w_{name} AS ({statement})" for name, statement in parts)
    counted = "(SELECT count(*) FROM w_debts)" if with_debts else "0"
    return f"WITH {ctes} SELECT {counted} AS debts_taken"


_POSTGRESQL = {with_debts: _postgresql(with_debts=with_debts) for with_debts in (False, True)}
_SQLITE = [statement for _name, statement in _parts("sqlite")]


@dataclass(frozen=True, slots=True)
class TenderRow:
    """A tender as it is stored; amounts in minor units."""

    kind: str
    amount_minor: int
    received_minor: int
    reference: str = ""
    bank: str = ""
    drawer_name: str = ""

    def values(self) -> tuple[str, int, int, str, str, str]:
        """Return the columns in the order of the statement."""
        return (self.kind, self.amount_minor, self.received_minor, self.reference, self.bank, self.drawer_name)

    def reference_key(self, day: date) -> str | None:
        """
        Return what names the payment among all, None for cash.

        Wallets number their payments for ever, cheques within their bank; a terminal's approval
        codes are short and come again, so they count for a day.
        """
        if self.kind == TenderKind.CASH:
            return None
        reference = "".join(self.reference.split()).upper()
        if self.kind == TenderKind.CHEQUE:
            return f"{self.kind}:{' '.join(self.bank.split()).upper()}:{reference}"
        return (
            f"{self.kind}:{day.isoformat()}:{reference}"
            if self.kind == TenderKind.BANK_CARD
            else f"{self.kind}:{reference}"
        )


def write_sale(
    *,
    params: Mapping[str, Any],
    tenders: Sequence[TenderRow],
    postings: Sequence[tuple[int, int]],
    debts: Sequence[tuple[int, int, int]],
) -> bool:
    """
    Write a whole sale; False if a debt changed since it was read, and then the caller rolls back.

    ``params`` are scalars by name, mappings for JSON columns; ``postings`` are (account id,
    minor units); ``debts`` are (id, remaining as read, taken).
    """
    if connection.vendor == "postgresql":
        return _write_postgresql(params, tenders, postings, debts)
    scalars = {name: _sqlite_value(value) for name, value in params.items()}
    scalars["tenders"] = json.dumps(_tender_rows(tenders, params))
    scalars["postings"] = json.dumps(list(postings))
    for statement in _SQLITE:
        run(statement, scalars, returns=False)
    if debts:
        # Nobody else can write between our read and here: SQLite gave us the only write lock at BEGIN.
        run(_SQLITE_DEBTS, {"debts": json.dumps(list(debts))}, returns=False)
    return True


def _write_postgresql(
    params: Mapping[str, Any],
    tenders: Sequence[TenderRow],
    postings: Sequence[tuple[int, int]],
    debts: Sequence[tuple[int, int, int]],
) -> bool:
    scalars = {name: _dumps(value) if isinstance(value, Mapping) else value for name, value in params.items()}
    # Lists go as text that the server reads: the driver takes longer over its own arrays than a round trip.
    scalars["tenders"] = json.dumps(_tender_rows(tenders, params))
    scalars["posting_accounts"] = _array(account for account, _amount in postings)
    scalars["posting_amounts"] = _array(amount for _account, amount in postings)
    if debts:
        ids, before, taken = zip(*debts, strict=True)
        scalars |= {"debt_ids": _array(ids), "debt_before": _array(before), "debt_taken": _array(taken)}
    rows = run(_POSTGRESQL[bool(debts)], scalars, returns=True)
    return bool(rows[0]["debts_taken"] == len(debts))


def _tender_rows(tenders: Sequence[TenderRow], params: Mapping[str, Any]) -> list[tuple[object, ...]]:
    return [(*tender.values(), tender.reference_key(params["calendar_day"])) for tender in tenders]


def _array(numbers: Iterable[int]) -> str:
    """Spell whole numbers as PostgreSQL reads an array."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _dumps(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _sqlite_value(value: Any) -> Any:
    """Spell a value as Django's SQLite backend stores it."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f").removesuffix(".000000")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return _dumps(value)
    return value


_ISSUE_UPDATE = (
    "UPDATE vending_delivery SET state = {new}, token = {token}, check_value = {check_value}, changed_at = {at},"
    " detail = '' WHERE id = {delivery} AND state = {old} RETURNING id"
)
_ISSUE_AUDIT = (
    f"INSERT INTO audit_auditrecord ({_AUDIT_COLUMNS}) SELECT {{at}}, {{actor}}, {{actor_name}},"
    " 'vending.delivery.issue', 'vending.delivery', {subject}, {unit_path}, NULL, '', {before}, {after}"
)


def _issue_parts(vendor: str) -> tuple[str, str]:
    names = [
        "new",
        "token",
        "check_value",
        "at",
        "delivery",
        "old",
        "actor",
        "actor_name",
        "subject",
        "unit_path",
        "before",
        "after",
    ]
    values = {name: _value(name, vendor) for name in names}
    if vendor == "postgresql":
        # In a select list nothing tells the server what a parameter is.
        values |= {name: f"{values[name]}::text" for name in ("actor_name", "subject", "unit_path")}
        values |= {"actor": f"{values['actor']}::bigint"}
    return _ISSUE_UPDATE.format(**values), _ISSUE_AUDIT.format(**values)


def _issue_postgresql(*, lazily: bool) -> str:
    update, audit = _issue_parts("postgresql")
    # A token that a crash loses is made again with the same digits, so its commit need not wait for the disk.
    # Never inside somebody else's transaction: that one may hold money.
    lazy = ", set_config('synchronous_commit', 'off', true)" if lazily else ""
    return f"WITH moved AS ({update}), noted AS ({audit} FROM moved) SELECT (SELECT count(*) FROM moved) AS moved{lazy}"


_ISSUE_POSTGRESQL = {lazily: _issue_postgresql(lazily=lazily) for lazily in (False, True)}
_ISSUE_SQLITE = _issue_parts("sqlite")


def write_token(
    *, delivery_id: UUID, old: str, new: str, token: str, check_value: str, actor: Actor, at: datetime
) -> bool:
    """Keep a token with a delivery that is still in its old state, audited; False if it is not, and nothing is kept."""
    params: dict[str, Any] = {
        "delivery": delivery_id,
        "old": old,
        "new": new,
        "token": token,
        "check_value": check_value,
        "at": at,
        "actor": actor.id,
        "actor_name": actor.name,
        "subject": str(delivery_id),
        "unit_path": actor.unit_path,
        "before": {"state": old},
        # The key by its check value: every use of it can be counted from the log alone.
        "after": {"state": new, "key": check_value},
    }
    if connection.vendor == "postgresql":
        scalars = {name: _dumps(value) if isinstance(value, Mapping) else value for name, value in params.items()}
        rows = run(_ISSUE_POSTGRESQL[not connection.in_atomic_block], scalars, returns=True)
        return bool(rows[0]["moved"])
    scalars = {name: _sqlite_value(value) for name, value in params.items()}
    with transaction.atomic():
        moved = bool(run(_ISSUE_SQLITE[0], scalars, returns=True))
        if moved:
            run(_ISSUE_SQLITE[1], scalars, returns=False)
    return moved
