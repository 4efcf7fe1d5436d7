"""
The side menu, declared once; the shell shows what exists and what the operator may use.

An item whose URL name is not registered is left out, as is one without the right.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True, slots=True)
class MenuItem:
    """
    One entry. ``permissions`` are alternatives; none means everybody who is signed in.

    ``keys`` is the letter pressed after ``g``; ``badge`` names a count in the shell.
    """

    url_name: str
    icon: str
    label: Text
    permissions: tuple[str, ...] = ()
    keys: str = ""
    badge: str = ""
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MenuGroup:
    """A heading and its entries; the first group has no heading."""

    label: Text
    items: tuple[MenuItem, ...]


MENU: tuple[MenuGroup, ...] = (
    MenuGroup("", (MenuItem("desktop", "layout-dashboard", _("Desktop"), keys="d"),)),
    MenuGroup(
        _("Sell"),
        (
            MenuItem("counter", "cash-register", _("Purchase counter"), ("vend.sell",), "v"),
            MenuItem("purchases", "history", _("Purchase records"), ("vend.view", "vend.sell"), "p"),
            MenuItem("till", "lock-open", _("Till and shifts"), ("vend.sell", "shift.sign"), "t"),
            MenuItem("daily_balance", "report-money", _("Daily balance"), ("reports.view", "day.close"), "b"),
            MenuItem("banking", "building-bank", _("Banking"), ("shift.banking",)),
        ),
    ),
    MenuGroup(
        _("Business"),
        (
            MenuItem("accounts", "contract", _("Open or cancel account"), ("account.open", "account.close"), "o"),
            MenuItem("debts", "receipt-refund", _("Debt recovery"), ("debt.edit",)),
            MenuItem("recoveries", "arrow-back-up", _("Recovered purchases"), ("vend.reverse", "vend.reverse_approve")),
        ),
    ),
    MenuGroup(
        _("Archives"),
        (
            MenuItem("archives", "address-book", _("Network, customers"), ("archives.view",), "a"),
            MenuItem("assets", "circuit-voltmeter", _("Meters and devices"), ("assets.view",), "m"),
        ),
    ),
    MenuGroup(
        _("Meters and tokens"),
        (
            MenuItem("engineering", "keyboard", _("Engineering tokens"), ("tokens.issue", "tokens.approve"), "e"),
            MenuItem(
                "token_check", "zoom-money", _("Check a token"), ("tokens.issue", "tokens.approve", "vend.view"), "k"
            ),
            MenuItem("practice", "gauge", _("Virtual meters"), ("vend.sell", "tokens.issue", "tokens.approve")),
        ),
    ),
    MenuGroup(
        _("Administration"),
        (
            MenuItem("tariffs", "receipt-tax", _("Tariffs"), ("tariff.view",)),
            MenuItem("operators", "users", _("Operators"), ("staff.view",)),
            MenuItem("roles", "shield-lock", _("Roles"), ("role.edit",)),
            MenuItem("notices", "speakerphone", _("Notices"), ("notice.edit",)),
            MenuItem("audit", "list-details", _("Log of writes"), ("audit.view",)),
            MenuItem("halls", "building-store", _("Halls and tills"), ("settings.edit",)),
            MenuItem("vending_keys", "key", _("Vending keys"), ("keys.edit",)),
            MenuItem("settings", "settings", _("Settings"), ("settings.edit",)),
        ),
    ),
)
