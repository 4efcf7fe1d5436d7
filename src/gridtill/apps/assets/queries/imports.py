"""What an import would do: each row of a batch held against the archive, nothing written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from gridtill.apps.assets.models import Collector, DataConcentrator, ImportBatch, Meter
from gridtill.apps.assets.queries.archive import model_of
from gridtill.apps.assets.rules import RULES, wrong_fields
from gridtill.apps.organization.models import OrganizationUnit
from gridtill.kernel.errors import InvalidValue, Refusal

STORE = "store"
VERDICTS = ("new", "changed", "same", "wrong")
_CHUNK = 500
_ALIASES: dict[str, tuple[str, ...]] = {
    "asset_number": ("asset no", "assets no", "asset"),
    "number": ("meter number", "meter no", "meter", "serial number", "drn"),
    "maker": ("manufacturer", "make"),
    "communication_address": ("address", "comm address"),
    "purchase_date": ("purchased", "date of purchase"),
    "phase_configuration": ("phase", "phases"),
    "rated_voltage_v": ("rated voltage", "voltage"),
    "rated_current": ("current",),
    "ct_ratio": ("ct",),
    "pt_ratio": ("pt", "vt"),
    "pulses_per_kwh": ("constant", "pulses"),
    "token_carrier": ("token type", "carrier"),
    "credit_maximum_wh": ("maximum credit", "max credit"),
    "supply_group_code": ("sgc", "supply group"),
    "tariff_index": ("ti",),
    "key_revision": ("krn", "key revision number"),
    "key_type": ("kt",),
    "key_expiry": ("ken", "key expiry number"),
    "encryption_algorithm": ("ea", "algorithm"),
    "sim_number": ("sim",),
    "network_address": ("ip", "ip address"),
    "meters_maximum": ("maximum meters", "max meters"),
    STORE: ("store code", "unit", "warehouse"),
}


class BatchNotFound(Refusal):
    """No such import, or somebody else's."""

    code = "import_not_found"
    remedy = "Upload the file again."


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """One row of an import: its line in the file, what it would do, and what is wrong with which field."""

    line: int
    verdict: str
    cells: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    asset_id: int | None = None
    store_id: int | None = None


def fields_of(kind: str) -> tuple[str, ...]:
    """Return the columns that an import of a kind may have, in the order of the template file."""
    model_of(kind)
    return (*RULES[kind], STORE)


def matched_columns(kind: str, headers: Iterable[str]) -> list[str]:
    """Return the field that each heading means, empty where none does or an earlier heading had it."""
    names: dict[str, str] = {}
    for name in fields_of(kind):
        for alias in (name, *_ALIASES.get(name, ())):
            names[_key(alias)] = name
    columns: list[str] = []
    for header in headers:
        name = names.get(_key(header), "")
        columns.append("" if name in columns else name)
    return columns


def batch_of(batch_id: UUID, operator_id: int | None, unit_path: str) -> ImportBatch:
    """
    Return an upload of the operator's own whose store lies within the path.

    :raises BatchNotFound: if there is none
    """
    rows = ImportBatch.objects.select_related("store")
    batch = rows.filter(pk=batch_id, operator_id=operator_id, store__path__startswith=unit_path).first()
    if batch is None:
        raise BatchNotFound("There is no such import of yours.")
    return batch


def checked_rows(batch: ImportBatch, unit_path: str) -> list[CheckedRow]:
    """
    Hold every row of a batch against the field rules, the archive and the rows before it.

    Costs two queries for every 500 rows and one for the stores.
    """
    stores = dict(OrganizationUnit.objects.filter(path__startswith=unit_path).values_list("code", "id"))
    seen: dict[str, dict[Any, int]] = {"asset_number": {}, "number": {}}
    checked: list[CheckedRow] = []
    for start in range(0, len(batch.rows), _CHUNK):
        part = batch.rows[start : start + _CHUNK]
        known = _Known(batch, part)
        for offset, cells in enumerate(part):
            checked.append(_check_row(batch, start + offset + 2, cells, known, stores, seen, unit_path))
    return checked


def counts_of(rows: Iterable[CheckedRow]) -> dict[str, int]:
    """Return how many rows there are of each verdict."""
    counts = dict.fromkeys(VERDICTS, 0)
    for row in rows:
        counts[row.verdict] += 1
    return counts


_KEY_DATA = frozenset(
    (
        "supply_group_code",
        "tariff_index",
        "key_revision",
        "key_type",
        "key_expiry",
        "base_date",
        "encryption_algorithm",
    )
)


class _Known:
    """The assets that a part of the rows speaks of, read at once."""

    def __init__(self, batch: ImportBatch, part: Sequence[Sequence[str]]) -> None:
        model = model_of(batch.kind)
        found = model.objects.select_related("store").filter(asset_number__in=_column(batch, part, "asset_number"))
        self.by_asset: dict[str, Meter | DataConcentrator | Collector] = {row.asset_number: row for row in found}
        # The asset number and the store's path of whoever has a meter number.
        self.holder: dict[str, tuple[str, str]] = {}
        if batch.kind == "meter":
            numbers = {text.replace(" ", "").replace("-", "") for text in _column(batch, part, "number")}
            held = Meter.objects.filter(number__in=numbers).values_list("number", "asset_number", "store__path")
            self.holder = {number: (asset, path) for number, asset, path in held}


def _column(batch: ImportBatch, part: Sequence[Sequence[str]], name: str) -> set[str]:
    if name not in batch.columns:
        return set()
    index = batch.columns.index(name)
    return {cells[index] for cells in part}


def _check_row(
    batch: ImportBatch,
    line: int,
    cells: Sequence[str],
    known: _Known,
    stores: Mapping[str, int],
    seen: dict[str, dict[Any, int]],
    unit_path: str,
) -> CheckedRow:
    given = {name: cell for name, cell in zip(batch.columns, cells, strict=True) if name}
    store_code = given.pop(STORE, "")
    row = known.by_asset.get(given.get("asset_number", ""))
    # An empty cell says nothing: a new asset gets the field's default, another keeps what it has.
    given = {name: cell for name, cell in given.items() if cell or name == "asset_number"}
    if row is None:
        given = {"asset_number": ""} | ({"number": ""} if batch.kind == "meter" else {}) | given
    elif "token_carrier" in given:
        given.setdefault("number", getattr(row, "number", ""))
    values, refusals = wrong_fields(batch.kind, given, getattr(row, "token_carrier", "KEYPAD"))
    refusals |= _formulas(given) | _clashes(values, line, known, seen, unit_path)
    if store_code and store_code not in stores:
        refusals[STORE] = InvalidValue(f"There is no store {store_code[:20]} within your unit.", field=STORE)
    if row is not None:
        refusals |= _out_of_bounds(row, values, stores.get(store_code), unit_path)
    checked = CheckedRow(line=line, verdict="same", cells=tuple(cells), asset_id=row.pk if row else None)
    if refusals:
        wrong = {name: f"{refusal.message} {refusal.remedy}".strip() for name, refusal in refusals.items()}
        return replace(checked, verdict="wrong", wrong=wrong)
    if row is None:
        store_id = stores[store_code] if store_code else batch.store_id
        return replace(checked, verdict="new", values=values, store_id=store_id)
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    before = {name: getattr(row, name) for name in changed}
    verdict = "changed" if changed else "same"
    return replace(checked, verdict=verdict, values=changed, before=before, store_id=row.store_id)


def _formulas(given: Mapping[str, str]) -> dict[str, Refusal]:
    return {
        name: InvalidValue("This is a formula.", remedy="Write its value.", field=name)
        for name, cell in given.items()
        if cell.startswith(("=", "@"))
    }


def _clashes(
    values: Mapping[str, Any], line: int, known: _Known, seen: dict[str, dict[Any, int]], unit_path: str
) -> dict[str, Refusal]:
    wrong: dict[str, Refusal] = {}
    for name, lines in seen.items():
        value = values.get(name)
        if value is None:
            continue
        first = lines.setdefault(value, line)
        if first != line:
            wrong[name] = InvalidValue(f"Row {first} has this number too.", remedy="Keep one of them.", field=name)
    holder = known.holder.get(values.get("number", ""))
    if holder is not None and holder[0] != values.get("asset_number"):
        # Of an asset elsewhere not even the number is told.
        whose = f"Asset {holder[0]}" if holder[1].startswith(unit_path) else "An asset of another unit"
        wrong["number"] = InvalidValue(f"{whose} has this number already.", field="number")
    return wrong


def _out_of_bounds(
    row: Meter | DataConcentrator | Collector,
    values: Mapping[str, Any],
    store_id: int | None,
    unit_path: str,
) -> dict[str, Refusal]:
    if not row.store.path.startswith(unit_path):
        message = "Another unit has an asset with this number."
        return {"asset_number": InvalidValue(message, remedy="Compare it with the label.", field="asset_number")}
    wrong: dict[str, Refusal] = {}
    if store_id not in {None, row.store_id}:
        wrong[STORE] = InvalidValue("It is kept in another store.", remedy="Move it there first.", field=STORE)
    if "number" in values and row.status != "IN_STORE" and values["number"] != getattr(row, "number", None):
        wrong["number"] = InvalidValue("It is not in store, so its number stays.", field="number")
    if row.status != "IN_STORE":
        for name in _KEY_DATA & values.keys():
            if values[name] != getattr(row, name, None):
                # The meter on the wall has its key; changing the archive alone leaves its customer in the dark.
                message = "It is not in store, so its key stays."
                remedy = "Change the key by an engineering token, or correct the meter on its own page."
                wrong[name] = InvalidValue(message, remedy=remedy, field=name)
    return wrong


def _key(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
