"""What an engineering token tells a meter, in words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from gridtill.apps.vending.choices import EngineeringKind
from gridtill.web.templatetags.gridtill import grouped
from gridtill.web.tokens.forms import TEST_BITS


def value_words(row: Any) -> str:
    """Say what a token carries: watts, what is cleared or shown, or what changes in the key."""
    if row.kind in (EngineeringKind.POWER_LIMIT, EngineeringKind.UNBALANCE):
        return f"{grouped(str(row.value if row.carried_value is None else row.carried_value))} W"
    if row.kind == EngineeringKind.CLEAR_CREDIT:
        return _("All registers") if row.value else _("Electricity credit")
    if row.kind == EngineeringKind.TEST:
        return ", ".join(str(words) for bit, words in TEST_BITS if row.value >> bit & 1)
    return key_words(row.new_security) if row.new_security else ""


def key_words(security: dict[str, Any]) -> str:
    """Name a key: supply group, revision, tariff index, expiry, base date."""
    return (
        f"{security['supply_group_code']} · {security['key_revision']} · {security['tariff_index']}"
        f" · {security['key_expiry']} · {security['base_date']}"
    )
