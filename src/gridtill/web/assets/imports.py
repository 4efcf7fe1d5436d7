"""Importing assets from a file: choose it, match its columns, check every row, then write."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.apps.assets.choices import CreditUnit, PaymentMode, PhaseConfiguration, TokenCarrier
from gridtill.apps.assets.operations.imports import apply_import, match_columns, stage_import
from gridtill.apps.assets.queries.imports import (
    VERDICTS,
    BatchNotFound,
    CheckedRow,
    batch_of,
    checked_rows,
    counts_of,
    fields_of,
)
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.kernel.ids import new_id
from gridtill.reports.exporters import CSV_TYPE, XLSX_TYPE, write_csv, write_xlsx
from gridtill.reports.sheets import BYTES_MAXIMUM, SheetRefused, read_sheet
from gridtill.web.assets.forms import UploadForm
from gridtill.web.assets.kinds import Kind, kind_of
from gridtill.web.assets.views import stores_of
from gridtill.web.form_pages import put_beside
from gridtill.web.session import needs

_PAGE_ROWS = 50
_SAMPLES = 3
# What needs a person's eye comes first.
_ORDER = ("wrong", "changed", "new", "same")
_LABELS = {"new": _("New"), "changed": _("Changed"), "same": _("Same"), "wrong": _("Wrong")}
_STEPS = (_("Choose file"), _("Match columns"), _("Check"), _("Import"))
_REQUIRED = {"asset_number", "number"}
_HEADINGS = {
    "number": "Meter number",
    "rated_voltage_v": "Rated voltage",
    "ct_ratio": "CT ratio",
    "pt_ratio": "PT ratio",
    "pulses_per_kwh": "Pulses per kWh",
    "credit_maximum_wh": "Credit maximum, Wh",
    "sim_number": "SIM number",
}
_TEXT, _WHOLE = _("Text."), _("A whole number.")
_HOLDS = {
    "asset_number": _("Up to 30 characters; a number that is there already means a change."),
    "number": _("On the meter's face: 11 or 13 digits for a keypad meter."),
    "purchase_date": _("A day, as 2026-11-23."),
    "phase_configuration": ", ".join(PhaseConfiguration.values),
    "rated_voltage_v": _("Volts, a whole number."),
    "rated_current": _("Text, such as 5(60) A."),
    "ct_ratio": _("A whole number; 1 if empty."),
    "pt_ratio": _("A whole number; 1 if empty."),
    "pulses_per_kwh": _WHOLE,
    "payment_mode": ", ".join(PaymentMode.values),
    "token_carrier": ", ".join(TokenCarrier.values),
    "credit_unit": ", ".join(CreditUnit.values),
    "credit_maximum_wh": _("Watt-hours, a whole number."),
    "supply_group_code": _("6 digits; that of the store if empty."),
    "tariff_index": _("2 digits; 01 if empty."),
    "key_revision": _("1 to 9; 1 if empty."),
    "key_type": _("0 to 3; 2 if empty."),
    "key_expiry": _("0 to 255; 255 if empty."),
    "base_date": _("1993, 2014 or 2035; 2014 if empty."),
    "encryption_algorithm": _("07 or 11; 11 if empty."),
    "meters_maximum": _WHOLE,
    "channels": _WHOLE,
    "store": _("Code of the unit; the store chosen with the file if empty."),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the preview: what is shown, what it was before, and its colour."""

    text: str
    before: str = ""
    css: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the preview: its line in the file, its cells, and what comes of it."""

    number: int
    verdict: str
    label: Any
    cells: tuple[Cell, ...]
    result: tuple[str, ...]


def heading(field: str) -> str:
    """Write a field's name as the template file has it, which is matched again on the way back."""
    return _HEADINGS.get(field) or field.replace("_", " ").capitalize()


def _steps(now_at: int) -> list[dict[str, Any]]:
    return [
        {"number": number, "label": label, "done": number < now_at, "current": number == now_at}
        for number, label in enumerate(_STEPS, start=1)
    ]


def _batch(request: Any, kind: Kind, batch_id: Any) -> Any:
    try:
        batch = batch_of(batch_id, request.actor.id, request.actor.unit_path)
    except BatchNotFound:
        raise Http404 from None
    if batch.kind != kind.code:
        raise Http404
    return batch


def _content(upload: Any) -> bytes:
    if upload.size > BYTES_MAXIMUM:
        raise SheetRefused("The file is larger than 10 MB.", remedy="Split it into smaller files.")
    content: bytes = upload.read()
    return content


def _request_id(page_id: UUID, content: bytes, store: str) -> UUID:
    # A page that was gone back to keeps its id; another file chosen on it is another upload.
    return uuid5(page_id, f"{hashlib.sha256(content).hexdigest()} {store}")


@needs("assets.import")
def upload(request: Any, slug: str) -> HttpResponse:
    kind = kind_of(slug)
    initial = {"request_id": new_id(), "store": request.user.unit_id}
    form = UploadForm(request.POST or None, request.FILES or None, initial=initial, stores=stores_of(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            content = _content(data["file"])
            sheet = read_sheet(content)
            batch = stage_import(
                request_id=_request_id(data["request_id"], content, data["store"]),
                kind=kind.code,
                file_name=data["file"].name,
                table=(sheet.headers, sheet.rows),
                store_id=int(data["store"]),
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            put_beside(form, refusal)
        else:
            # When every heading was understood there is nothing to ask about the columns.
            page = "asset_import_check" if all(batch.columns) and _complete(kind, batch) else "asset_import_columns"
            return redirect(page, slug, batch.pk)
    context = {
        "kind": kind,
        "form": form,
        "steps": _steps(1),
        "fields": [(heading(name), name in _required(kind), _HOLDS.get(name, _TEXT)) for name in fields_of(kind.code)],
    }
    return render(request, "assets/import_upload.html", context, status=422 if form.errors else 200)


def _required(kind: Kind) -> set[str]:
    return _REQUIRED & set(fields_of(kind.code))


def _complete(kind: Kind, batch: Any) -> bool:
    return _required(kind) <= set(batch.columns)


@needs("assets.import")
def template(request: Any, slug: str, form: str) -> HttpResponseBase:  # noqa: ARG001  a view is given its request
    kind = kind_of(slug)
    headings = [heading(name) for name in fields_of(kind.code)]
    if form == "xlsx":
        book = write_xlsx(headings, ())
        return FileResponse(book, as_attachment=True, filename=f"{slug}-import.xlsx", content_type=XLSX_TYPE)
    if form != "csv":
        raise Http404
    return _csv(f"{slug}-import.csv", headings, ())


def _csv(name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(write_csv(headings, rows), content_type=CSV_TYPE)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@needs("assets.import")
def columns(request: Any, slug: str, batch_id: Any) -> HttpResponse:
    kind = kind_of(slug)
    batch = _batch(request, kind, batch_id)
    if batch.applied_at is not None:
        return redirect("asset_import_check", slug, batch.pk)
    refused, chosen = None, list(batch.columns)
    if request.method == "POST":
        chosen = [request.POST.get(f"column-{index}", "")[:60] for index in range(len(batch.headers))]
        try:
            match_columns(batch_id=batch.pk, columns=chosen, actor=request.actor, at=now())
        except Refusal as refusal:
            refused = refusal
        else:
            return redirect("asset_import_check", slug, batch.pk)
    shown = [
        {
            "name": f"column-{index}",
            "header": header or _t("Column %(number)d") % {"number": index + 1},
            "samples": [row[index] for row in batch.rows if row[index]][:_SAMPLES],
            "chosen": chosen[index],
        }
        for index, header in enumerate(batch.headers)
    ]
    context = {
        "kind": kind,
        "batch": batch,
        "steps": _steps(2),
        "columns": shown,
        "fields": [(name, heading(name)) for name in fields_of(kind.code)],
        "refusal": refused,
    }
    return render(request, "assets/import_columns.html", context, status=422 if refused else 200)


@needs("assets.import")
def check(request: Any, slug: str, batch_id: Any) -> HttpResponse:
    """Show what an import would do; posting does it."""
    kind = kind_of(slug)
    batch = _batch(request, kind, batch_id)
    refused = None
    if request.method == "POST":
        accept = request.POST.get("accept") == "1"
        try:
            batch = apply_import(batch_id=batch.pk, accept_good=accept, actor=request.actor, at=now())
        except Refusal as refusal:
            refused = refusal
        else:
            counts = batch.counts or {}
            done = counts.get("new", 0) + counts.get("changed", 0)
            messages.success(request, _t("%(count)d rows imported.") % {"count": done})
            return redirect("asset_import_check", slug, batch.pk)
    if batch.applied_at is not None:
        context = {"kind": kind, "batch": batch, "steps": _steps(5), "counts": _counts(batch.counts or {})}
        return render(request, "assets/import_done.html", context)
    return _preview(request, kind, batch, refused)


def _counts(counts: dict[str, int]) -> list[tuple[str, Any, int]]:
    return [(verdict, _LABELS[verdict], counts.get(verdict, 0)) for verdict in VERDICTS]


def _preview(request: Any, kind: Kind, batch: Any, refused: Refusal | None) -> HttpResponse:
    rows = checked_rows(batch, request.actor.unit_path)
    counts = counts_of(rows)
    show = request.GET.get("show", "")
    wanted = [row for row in rows if row.verdict == show] if show in VERDICTS else rows
    page = Paginator(sorted(wanted, key=_rank), _PAGE_ROWS).get_page(request.GET.get("page"))
    matched = [(index, name) for index, name in enumerate(batch.columns) if name]
    context = {
        "kind": kind,
        "batch": batch,
        "steps": _steps(3),
        "counts": _counts(counts),
        "wrong": counts["wrong"],
        "useful": counts["new"] + counts["changed"],
        "show": show,
        "headings": [heading(name) for _index, name in matched],
        "lines": [_line(row, matched) for row in page],
        "page": page,
        "refusal": refused,
        "back_url": reverse("asset_import_columns", args=[kind.slug, batch.pk]),
    }
    return render(request, "assets/import_check.html", context, status=422 if refused else 200)


def _rank(row: CheckedRow) -> tuple[int, int]:
    return _ORDER.index(row.verdict), row.line


def _line(row: CheckedRow, matched: Sequence[tuple[int, str]]) -> Line:
    cells = []
    for index, name in matched:
        text = row.cells[index]
        if name in row.wrong:
            cells.append(Cell(text, css="cell-bad"))
        elif row.verdict == "changed" and name in row.values:
            cells.append(Cell(text, before=_plain(row.before[name]), css="cell-chg"))
        else:
            cells.append(Cell(text, css="cell-new" if row.verdict == "new" and text else ""))
    return Line(row.line, row.verdict, _LABELS[row.verdict], tuple(cells), _reasons(row))


def _plain(value: object) -> str:
    return "—" if value in (None, "") else str(value)


def _reasons(row: CheckedRow) -> tuple[str, ...]:
    return tuple(f"{heading(name)}: {reason}" for name, reason in row.wrong.items())


@needs("assets.import")
def wrong_rows(request: Any, slug: str, batch_id: Any) -> HttpResponseBase:
    """Answer the rows that were left out as a file: their cells as they came, and why."""
    kind = kind_of(slug)
    batch = _batch(request, kind, batch_id)
    found = [row for row in checked_rows(batch, request.actor.unit_path) if row.verdict == "wrong"]
    headings = [*batch.headers, _t("Row"), _t("What is wrong")]
    rows = ([*row.cells, row.line, " ".join(_reasons(row))] for row in found)
    return _csv(f"{slug}-wrong-rows.csv", headings, rows)
