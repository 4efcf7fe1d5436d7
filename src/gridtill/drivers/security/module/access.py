"""Where the security modules are, how long they are waited for, and how they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gridtill.drivers.security.base import (
    InvalidRequest,
    IssueRefused,
    KeyChangeForbidden,
    KeyExpired,
    KeyMissing,
    KeyTypeForbidden,
    RequestConflict,
)


@dataclass(frozen=True, slots=True)
class ModuleAccess:
    """
    The modules by host and port, the secret that both sides know, and how many links each is given.

    ``ca`` names a file of certificates that the modules' own must be signed by; with it the links use TLS.
    """

    endpoints: tuple[tuple[str, int], ...]
    secret: str = field(repr=False)
    links: int = 4
    ca: str = ""


@dataclass(frozen=True, slots=True)
class ModuleWaits:
    """
    How long a module is waited for, in seconds.

    One token takes at most ``link_s`` and ``answer_s`` together; a delivery that was being asked for is
    looked up after a minute.
    """

    connect_s: float = 3.0
    link_s: float = 8.0
    answer_s: float = 8.0
    state_s: float = 5.0


def endpoint_name(address: tuple[str, int]) -> str:
    """
    Return an endpoint as a person writes it.

    >>> endpoint_name(("::1", 7400))
    '[::1]:7400'
    """
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class ModuleRefused(IssueRefused):
    """The module declined for a reason of its own; nothing was made."""

    code = "module_refused"
    remedy = "Ask whoever looks after the security module."


class ModuleUnreachable(ModuleRefused):
    """No module could be asked, so nothing was made."""

    code = "module_unreachable"
    remedy = "Make sure that the security module runs and can be reached, then try again."


class ModuleBusy(ModuleUnreachable):
    """All links to a module were busy for as long as one may wait."""

    code = "module_busy"
    remedy = "Try again in a moment; if it stays like this, more links or another module are needed."


class SignInRefused(ModuleUnreachable):
    """The module and this server do not know the same secret."""

    code = "module_sign_in_refused"
    remedy = "Give the server and the security module the same secret."


class VendingInhibited(ModuleRefused):
    """Somebody stopped the module from making tokens."""

    code = "vending_inhibited"
    remedy = "Allow vending at the security module again."


class LimitExceeded(ModuleRefused):
    """The request is beyond a limit that was set in the module."""

    code = "limit_exceeded"
    remedy = "Sell less at a time, or have the module's limit raised."


class LicenceUsedUp(ModuleRefused):
    """The module made as many tokens as its licence allows."""

    code = "licence_used_up"
    remedy = "Load a new licence into the security module."


class ClockNotSet(ModuleRefused):
    """The module's clock is not set, or too far from the token identifier."""

    code = "clock_not_set"
    remedy = "Set the clock of the security module."


class NotPermitted(ModuleRefused):
    """This server may not have that made."""

    code = "not_permitted"
    remedy = "Have the right given to this server at the security module."


class AskedTooLate(ModuleRefused):
    """The module read the request after the server had stopped waiting, and so made nothing."""

    code = "asked_too_late"
    remedy = "Try again; if it stays like this, more links or another module are needed."


REFUSALS: Mapping[str, type[IssueRefused]] = {
    kind.code: kind
    for kind in (
        KeyMissing,
        KeyExpired,
        KeyTypeForbidden,
        KeyChangeForbidden,
        InvalidRequest,
        RequestConflict,
        VendingInhibited,
        LimitExceeded,
        LicenceUsedUp,
        ClockNotSet,
        NotPermitted,
        AskedTooLate,
    )
}
