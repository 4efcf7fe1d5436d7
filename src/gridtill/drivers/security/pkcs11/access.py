"""Which PKCS#11 token is meant, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field

from gridtill.drivers.security.base import IssueRefused


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
