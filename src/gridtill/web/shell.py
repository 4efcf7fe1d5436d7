"""What the frame around every page shows: menu, theme, language, till and alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, get_language_bidi

from gridtill.web.menu import MENU, MenuGroup, MenuItem, Text

if TYPE_CHECKING:
    from gridtill.kernel.actors import Actor

THEMES = ("light", "dark")
THEME_COOKIE = "gridtill_theme"
_SEARCH_RIGHTS = ("archives.view", "vend.sell", "vend.view", "assets.view")


@dataclass(frozen=True, slots=True)
class Entry:
    """A menu entry as it is drawn."""

    url: str
    icon: str
    label: Text
    keys: str
    badge: int
    current: bool


@dataclass(frozen=True, slots=True)
class TillChip:
    """The operator's open till; never what its drawer should hold, for the count at the end is blind."""

    name: str
    sales: int


@dataclass(slots=True)
class Sources:
    """
    Where the frame gets its figures; areas put their own query here when they load.

    Each is asked at most once a page, and only on pages that draw the frame.
    """

    till: Callable[[HttpRequest], TillChip | None] | None = None
    alert_count: Callable[[HttpRequest], int] | None = None


sources = Sources()


class Shell:
    """The frame of one request; every figure is worked out when a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.actor: Actor | None = getattr(request, "actor", None)

    @cached_property
    def theme(self) -> str:
        chosen = self._request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else THEMES[0]

    @property
    def language(self) -> str:
        return get_language() or settings.LANGUAGE_CODE

    @property
    def direction(self) -> str:
        return "rtl" if get_language_bidi() else "ltr"

    @property
    def languages(self) -> list[tuple[str, str]]:
        return list(settings.LANGUAGES)

    @cached_property
    def search_url(self) -> str:
        may = self.actor is not None and any(self.actor.may(right) for right in _SEARCH_RIGHTS)
        return url_of("search") if may else ""

    @cached_property
    def till(self) -> TillChip | None:
        return sources.till(self._request) if sources.till and self.actor else None

    @cached_property
    def alert_count(self) -> int:
        return sources.alert_count(self._request) if sources.alert_count and self.actor else 0

    @cached_property
    def utility_name(self) -> str:
        # The session sets it along with the zone, so that no page reads the settings twice.
        return getattr(getattr(self._request, "utility", None), "utility_name", "")

    @cached_property
    def menu(self) -> list[tuple[Text, list[Entry]]]:
        """The groups that have something in them for this operator."""
        urls = {item: url_of(item.url_name, *item.args) for group in MENU for item in group.items}
        current = self._current(url for item, url in urls.items() if self._may(item))
        drawn = [(group.label, self._entries(group, urls, current)) for group in MENU]
        return [(label, entries) for label, entries in drawn if entries]

    @cached_property
    def shortcuts(self) -> list[Entry]:
        """Entries that a key reaches, for the help."""
        return [entry for _label, entries in self.menu for entry in entries if entry.keys]

    def _may(self, item: MenuItem) -> bool:
        if self.actor is None:
            return False
        return not item.permissions or any(self.actor.may(permission) for permission in item.permissions)

    def _current(self, urls: Iterable[str]) -> str:
        path = self._request.path
        here = [url for url in urls if url and (path == url or (url != "/" and path.startswith(url)))]
        return max(here, key=len, default="")

    def _entries(self, group: MenuGroup, urls: dict[MenuItem, str], current: str) -> list[Entry]:
        return [
            Entry(
                url=urls[item],
                icon=item.icon,
                label=item.label,
                keys=item.keys,
                badge=self.alert_count if item.badge == "alerts" else 0,
                current=urls[item] == current,
            )
            for item in group.items
            if urls[item] and self._may(item)
        ]


def url_of(name: str, *args: str) -> str:
    """Return the path of a named page, or nothing while there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Context processor: puts the frame into every template as ``shell``."""
    return {"shell": Shell(request)}
