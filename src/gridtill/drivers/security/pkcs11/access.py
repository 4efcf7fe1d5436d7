"""Which PKCS#11 token is meant; python-pkcs11, which is an extra, is loaded only when one is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from gridtill.drivers.security.base import IssueRefused

if TYPE_CHECKING:
    from gridtill.drivers.security.pkcs11.token import KeyToken


class Pkcs11Refused(IssueRefused):
    """The token could not be opened, or did not do what it was asked; nothing was made."""

    code = "pkcs11_refused"
    remedy = "Make sure that the token is there and answers, then try again."


class SecretMissing(Pkcs11Refused):
    """The token has no key of the name that was asked for."""

    code = "pkcs11_secret_missing"
    remedy = "Connect the token that holds it, or put the key in again."


@dataclass(frozen=True, slots=True)
class TokenAccess:
    """The library that speaks to a token, the token's label, and its user PIN, which never prints."""

    library: str
    token: str
    pin: str = field(repr=False)


@lru_cache(maxsize=16)
def open_token(access: TokenAccess) -> KeyToken:
    """
    Return this process's hold on a token; the library is loaded and the PIN given at the first use.

    :raises Pkcs11Refused: if python-pkcs11 is not installed
    """
    try:
        # An extra that most installations do without.
        from gridtill.drivers.security.pkcs11.token import KeyToken  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Pkcs11Refused(
            "python-pkcs11 is not installed, so no token can be used.", remedy="Install gridtill[pkcs11]."
        ) from error
    return KeyToken(access)
