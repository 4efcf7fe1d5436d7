"""Table columns that every list shares: a tick box, money, energy, moments, days and states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import django_tables2
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from gridtill.kernel.energy import WH_PER_KWH
from gridtill.kernel.money import format_minor
from gridtill.web.templatetags.gridtill import amount, day, kwh, moment, status

_NUMERIC = {"th": {"class": "num"}, "td": {"class": "num"}}
_ROW_LINK = {"data-row": ""}


class ChooseColumn(django_tables2.CheckBoxColumn):
    """The tick box of a row; its id is posted as ``chosen``."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("accessor", "pk")
        kwargs.setdefault("attrs", {"th": {"class": "ck"}, "td": {"class": "ck"}})
        super().__init__(verbose_name="", orderable=False, exclude_from_export=True, **kwargs)

    @property
    def header(self) -> SafeString:
        return format_html('<input type="checkbox" data-choose-all aria-label="{}">', _("Choose all"))

    def render(self, value: Any, bound_column: Any, record: Any) -> SafeString:  # noqa: ARG002  the names are the library's
        return format_html(
            '<input type="checkbox" name="chosen" value="{}" aria-label="{} {}">', value, _("Choose"), record
        )


class NameColumn(django_tables2.Column):
    """The first thing of a row: bold, a link that the arrow keys walk along."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("attrs", {"a": _ROW_LINK})
        super().__init__(*args, **kwargs)

    def render(self, value: Any) -> SafeString:
        return format_html("<b><bdi>{}</bdi></b>", value)

    def value(self, value: Any) -> str:
        return str(value)


class CodeColumn(django_tables2.Column):
    """A number or code that is read digit by digit."""

    def render(self, value: Any) -> SafeString:
        return format_html('<bdi class="mono">{}</bdi>', value)

    def value(self, value: Any) -> str:
        return str(value)


class MoneyColumn(django_tables2.Column):
    """Minor units; ``currency`` is a code or finds the code of a record, and else it is the utility's."""

    def __init__(self, *args: Any, currency: str | Callable[[Any], str] = "", **kwargs: Any) -> None:
        self._currency = currency
        kwargs.setdefault("attrs", _NUMERIC)
        super().__init__(*args, **kwargs)

    def _code(self, record: Any, table: Any) -> str:
        if not self._currency:
            return str(table.request.utility.currency)
        return self._currency if isinstance(self._currency, str) else self._currency(record)

    def render(self, value: int, record: Any, table: Any) -> str:
        return amount(value, self._code(record, table))

    def value(self, value: int | None, record: Any, table: Any) -> Decimal | None:
        return None if value is None else Decimal(format_minor(value, self._code(record, table)))


class EnergyColumn(django_tables2.Column):
    """Watt-hours, shown as kWh."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("attrs", _NUMERIC)
        super().__init__(*args, **kwargs)

    def render(self, value: int) -> str:
        return kwh(value)

    def value(self, value: int | None) -> Decimal | None:
        return None if value is None else Decimal(value) / WH_PER_KWH


class MomentColumn(django_tables2.Column):
    """A moment, in the utility's zone."""

    def render(self, value: datetime) -> SafeString | str:
        return moment(value)

    def value(self, value: datetime | None) -> datetime | None:
        return value


class DayColumn(django_tables2.Column):
    """A calendar day."""

    def render(self, value: date) -> SafeString | str:
        return day(value)

    def value(self, value: date | None) -> date | None:
        return value


class StateColumn(django_tables2.Column):
    """A state as a pill; a model's choice shows its own words, a plain code those of ``labels``."""

    def __init__(self, *args: Any, labels: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        self._labels = dict(labels or {})
        super().__init__(*args, **kwargs)

    def render(self, value: Any, record: Any, bound_column: Any) -> SafeString:
        return status(self._state(record, bound_column), self._labels.get(value, value))

    def value(self, value: Any) -> str:
        return str(self._labels.get(value, value))

    @staticmethod
    def _state(record: Any, bound_column: Any) -> object:
        # The library hands over the words of a choice; the colour goes by its code.
        return bound_column.accessor.resolve(record, quiet=True)
