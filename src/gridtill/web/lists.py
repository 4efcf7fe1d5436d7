"""
One list for every screen: find, filter, choose columns, sort, page, export, act on rows.

A screen describes its list once as a ``ListSpec`` and answers with ``list_page``; a page
that holds more than a list builds it with ``build_list``, answers ``view.response`` when
there is one, and includes ``components/list.html`` with ``list=view``. The address always
carries what is shown, so that it can be sent to somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import django_filters
import django_tables2
from django import forms
from django.core.paginator import PageNotAnInteger, Paginator
from django.db.models import QuerySet
from django.forms import BoundField
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gridtill.kernel.errors import Refusal
from gridtill.reports.exporters import CSV_TYPE, XLSX_TYPE, write_csv, write_xlsx
from gridtill.web.menu import Text

MAX_EXPORT_ROWS = 100_000
MAX_SEARCH_CHARS = 80
PAGE_SIZES = (25, 50, 100)
_EXPORT_CHUNK = 1000
_PAGES_MAXIMUM = 1_000_000
_OWN_PARAMETERS = frozenset({"q", "sort", "page", "per_page", "export", "columns", "pick"})

Rows = QuerySet[Any] | Sequence[Any]


class TooManyRows(Refusal):
    """An export would be larger than one file should be."""

    code = "too_many_rows"
    remedy = "Narrow the list with a filter, for example by date, and export it in parts."


@dataclass(frozen=True, slots=True)
class Empty:
    """What an empty list says, and the one thing to do about it."""

    title: Text
    text: Text = ""
    url: str = ""
    action: Text = ""
    icon: str = "list"


@dataclass(frozen=True, slots=True)
class Action:
    """A button at the head of a page."""

    label: Text
    url: str
    icon: str = ""
    primary: bool = False


@dataclass(frozen=True, slots=True)
class BulkAction:
    """What may be done with the chosen rows; their ids are posted as ``chosen``."""

    label: Text
    url: str
    confirm: Text = ""
    danger: bool = False


@dataclass(frozen=True, slots=True)
class ListSpec:
    """
    A list, described once.

    ``search`` narrows the rows by typed text. ``hidden`` columns show only when picked,
    ``fixed`` ones cannot be hidden. ``chips`` names a choice filter that is drawn as
    chips. ``counted`` says whether the rows are counted, which a very long list cannot
    afford; then it only knows whether there is a next page. ``totals`` adds up all rows
    as narrowed and answers labels with what to show.
    """

    name: str
    table: type[django_tables2.Table]
    filters: type[django_filters.FilterSet] | None = None
    search: Callable[[Any, str], Any] | None = None
    search_hint: Text = ""
    hidden: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    chips: str = ""
    empty: Empty | None = None
    bulk: tuple[BulkAction, ...] = ()
    per_page: int = 25
    counted: bool = True
    exported: bool = True
    totals: Callable[[HttpRequest, Any], Sequence[tuple[Text, str]]] | None = None


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A column as the picker offers it."""

    name: str
    label: str
    shown: bool


_NOTHING = Empty(_("Nothing here yet"))
_SEARCH_HINT = _("Find in this list")


class UncountedPaginator(django_tables2.LazyPaginator):
    """Pages of a list that is too long to count; it knows only whether there is a next one."""

    # The library raises here, while a template asks before it writes the total.
    count = None

    def validate_number(self, number: Any) -> int:
        """
        Return a page's number.

        :raises PageNotAnInteger: for one that no list ever reaches, and no database could skip to
        """
        found: int = super().validate_number(number)
        if found > _PAGES_MAXIMUM:
            raise PageNotAnInteger
        return found


class ListView:
    """A list as asked for by one request; the template reads it."""

    def __init__(self, request: HttpRequest, spec: ListSpec, rows: Rows, options: Mapping[str, Any]) -> None:
        self.request = request
        self.spec = spec
        self.id = f"list-{spec.name}"
        self.q = request.GET.get("q", "").strip()[:MAX_SEARCH_CHARS]
        self.filterset = spec.filters(request.GET, queryset=rows, request=request) if spec.filters else None
        self._options = options
        # Given the request, a table would count its rows at once; RequestConfig below gives it the request.
        self.table = spec.table(self._narrowed(rows), order_by_field="sort", **options)
        self.columns = self._choose_columns()
        self.response: HttpResponseBase | None = None
        self.refusal: Refusal | None = None
        paginator: type[Paginator] = Paginator if spec.counted else UncountedPaginator
        django_tables2.RequestConfig(
            request, paginate={"per_page": self.per_page, "paginator_class": paginator}
        ).configure(self.table)

    @property
    def per_page(self) -> int:
        asked = self.request.GET.get("per_page", "")
        return int(asked) if asked in {str(size) for size in PAGE_SIZES} else self.spec.per_page

    @property
    def filters(self) -> list[BoundField]:
        """The filter's fields, without the one that is drawn as chips."""
        if self.filterset is None:
            return []
        return [field for field in self.filterset.form if field.name != self.spec.chips]

    @property
    def chips(self) -> BoundField | None:
        if self.filterset is None or not self.spec.chips:
            return None
        field = self.filterset.form[self.spec.chips]
        if not isinstance(field.field.widget, forms.RadioSelect):
            raise TypeError(f"the filter {self.spec.chips} is drawn as chips, so its widget must be RadioSelect")
        return field

    @property
    def active_filters(self) -> int:
        """How many filters behind the button narrow the list now."""
        if self.filterset is None or not self.filterset.form.is_valid():
            return 0
        given = self.filterset.form.cleaned_data
        return sum(1 for field in self.filters if given.get(field.name) not in (None, "", []))

    @property
    def narrowed(self) -> bool:
        return bool(self.q or self.active_filters or (self.chips is not None and self.chips.data))

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Parameters of the page around the list, which the list's own forms must carry along."""
        own = _OWN_PARAMETERS | set(self.filterset.form.fields if self.filterset is not None else ())
        return [(name, value) for name, values in self.request.GET.lists() if name not in own for value in values]

    @property
    def all_parameters(self) -> list[tuple[str, str]]:
        """What the address says now, which picking columns must not change."""
        left_out = {"page", "pick", "columns", "export"}
        return [
            (name, value)
            for name, values in self.request.GET.lists()
            if name not in left_out
            for value in values
            if value
        ]

    @property
    def searchable(self) -> bool:
        # Asked as a flag, since a template would call the function itself.
        return self.spec.search is not None

    @property
    def totals(self) -> Sequence[tuple[Text, str]]:
        return self.spec.totals(self.request, self.table.data.data) if self.spec.totals else ()

    @property
    def empty(self) -> Empty:
        return self.spec.empty or _NOTHING

    @property
    def search_hint(self) -> Text:
        return self.spec.search_hint or _SEARCH_HINT

    @property
    def sort(self) -> str:
        return self.request.GET.get("sort", "")

    @property
    def clear_url(self) -> str:
        return f"{self.request.path}?{urlencode(self.kept)}"

    def _narrowed(self, rows: Rows) -> Rows:
        found: Any = rows
        if self.filterset is not None:
            found = self.filterset.qs if self.filterset.is_valid() else self.filterset.queryset.none()
        if self.q and self.spec.search is not None:
            found = self.spec.search(found, self.q)
        return found

    def _choose_columns(self) -> list[ColumnChoice]:
        # Tick boxes and buttons are no data: they are neither picked nor exported.
        names = [
            column.name
            for column in self.table.columns
            if not column.column.exclude_from_export and column.name not in self.spec.fixed
        ]
        chosen = self.request.session.get(f"columns:{self.spec.name}")
        shown = set(names) - set(self.spec.hidden) if chosen is None else set(chosen)
        choices = [ColumnChoice(name, str(self.table.columns[name].header), name in shown) for name in names]
        for choice in choices:
            if not choice.shown:
                self.table.columns.hide(choice.name)
        return choices

    def _export_rows(self) -> Iterator[list[object]]:
        """Yield the header and then every row, as many at a time as memory is worth."""
        hidden = [column.name for column in self.table.columns.iterall() if not column.visible]
        hidden += [column.name for column in self.table.columns.iterall() if column.column.exclude_from_export]
        data: Any = self.table.data.data
        source = data.iterator(chunk_size=_EXPORT_CHUNK) if isinstance(data, QuerySet) else iter(data)
        header_sent = False
        while (chunk := list(islice(source, _EXPORT_CHUNK))) or not header_sent:
            values = self.spec.table(chunk, request=self.request, **self._options).as_values(exclude_columns=hidden)
            header = next(values)
            if not header_sent:
                yield header
                header_sent = True
            yield from values

    def export(self, form: str) -> HttpResponseBase:
        """
        Answer with the whole list as a file, in the order and with the columns on screen.

        :raises TooManyRows: if it is longer than one file should be
        """
        if len(self.table.data.data[MAX_EXPORT_ROWS : MAX_EXPORT_ROWS + 1]):
            raise TooManyRows(str(_("The list has more than {most:,} rows.")).format(most=MAX_EXPORT_ROWS))
        zone = timezone.get_current_timezone()
        name = f"{self.spec.name}-{timezone.localtime():%Y-%m-%d}"
        rows = self._export_rows()
        header = next(rows)
        if form == "xlsx":
            book = write_xlsx(header, rows, zone=zone)
            return FileResponse(book, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX_TYPE)
        answer = StreamingHttpResponse(write_csv(header, rows, zone=zone), content_type=CSV_TYPE)
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        return answer


def build_list(request: HttpRequest, spec: ListSpec, rows: Rows, **table_options: Any) -> ListView:
    """
    Work out what a request wants of a list.

    ``view.response`` is set when the answer is not a page: a file, a redirect after
    columns were picked, or only the rows. The page around it must answer that.
    """
    if "pick" in request.GET:
        return _remember_columns(request, spec, rows, table_options)
    view = ListView(request, spec, rows, table_options)
    form = request.GET.get("export", "")
    if spec.exported and form in {"csv", "xlsx"}:
        try:
            view.response = view.export(form)
        except TooManyRows as refusal:
            view.refusal = refusal
    elif request.headers.get("HX-Target") == view.id:
        view.response = render(request, "components/list.html#rows", {"list": view})
    return view


def _remember_columns(request: HttpRequest, spec: ListSpec, rows: Rows, options: Mapping[str, Any]) -> ListView:
    # Only names are kept that the table knows, so that an address cannot fill the session.
    known = set(spec.table.base_columns)
    request.session[f"columns:{spec.name}"] = [name for name in request.GET.getlist("columns") if name in known]
    remaining = request.GET.copy()
    for name in ("pick", "columns"):
        remaining.pop(name, None)
    view = ListView(request, spec, rows, options)
    view.response = HttpResponseRedirect(f"{request.path}?{remaining.urlencode()}")
    return view


def list_page(
    request: HttpRequest,
    spec: ListSpec,
    rows: Rows,
    *,
    title: Text,
    subtitle: Text = "",
    actions: Sequence[Action] = (),
    template: str = "components/list_page.html",
    context: Mapping[str, Any] | None = None,
    **table_options: Any,
) -> HttpResponseBase:
    """Answer a request for a page that is one list."""
    view = build_list(request, spec, rows, **table_options)
    if view.response is not None:
        return view.response
    page = {"list": view, "title": title, "subtitle": subtitle, "actions": actions, **(context or {})}
    answer: HttpResponse = render(request, template, page, status=422 if view.refusal else 200)
    return answer
