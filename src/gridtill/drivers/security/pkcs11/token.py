"""
A PKCS#11 token as this process holds it: one session, opened again when it was lost.

What is asked of a token changes nothing in it or can be repeated, so a call that fails is made once
more on a fresh session before it is refused. A wrong PIN is not given twice: tokens lock themselves.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import pkcs11
from pkcs11.exceptions import (
    MultipleTokensReturned,
    NoSuchToken,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
    UserPinNotInitialized,
)
from pkcs11.mechanisms import GCMParams

from gridtill.drivers.security.pkcs11.access import Pkcs11Refused, SecretMissing, TokenAccess
from gridtill.drivers.security.wrapping import NONCE_BYTES, TAG_BYTES, WrapBroken

# SoftHSM, like others, takes no shorter key for HMAC-SHA-256. HMAC itself fills a key up with zeros to a
# block of 64 bytes, so filling it up to fewer before changes no answer; decision 8.
HMAC_KEY_LEAST = 32
# Said, for what a token takes as the default is its own affair.
_STAYS = {pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}
_PIN_ERRORS = (PinIncorrect, PinInvalid, PinLenRange, PinLocked, PinExpired, UserPinNotInitialized)
_Answer = TypeVar("_Answer")
# python-pkcs11 initializes libraries as such that one thread calls at a time, and calls them without Python's own lock.
_one_at_a_time = threading.RLock()
# How often each library was started; sessions and keys of an earlier start are void and their numbers used again.
_starts: dict[str, int] = {}


class KeyToken:
    """
    A token whose keys work without leaving it; any thread may ask.

    :raises Pkcs11Refused: from every method, if the library, the token or the PIN is wrong, or it does not answer
    """

    def __init__(self, access: TokenAccess) -> None:
        self._access = access
        self._session: Any = None
        self._opened_in: tuple[int, int] = (0, 0)
        self._found: dict[str, Any] = {}
        self._refused_pin = ""

    def __repr__(self) -> str:
        return f"<KeyToken {self._access.token!r}>"

    def make_wrapping_key(self, name: str) -> bool:
        """Make an AES-256 key that never leaves the token; False if one of that name is there already."""

        def make() -> bool:
            try:
                self._key(name, "encrypt", "decrypt")
            except SecretMissing:
                self._session.generate_key(
                    pkcs11.KeyType.AES,
                    256,
                    label=name,
                    store=True,
                    capabilities=pkcs11.MechanismFlag.ENCRYPT | pkcs11.MechanismFlag.DECRYPT,
                    template=_STAYS,
                )
                self._key(name, "encrypt", "decrypt")
                return True
            return False

        return self._call(make)

    def wrap(self, name: str, octets: bytes | bytearray, bound_to: bytes) -> bytes:
        """
        Encrypt octets by AES-256-GCM inside the token.

        :raises SecretMissing: if there is no key of that name
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._call(lambda: self._encrypt(name, nonce, bytes(octets), bound_to))

    def unwrap(self, name: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """
        Decrypt what ``wrap`` gave, inside the token.

        :raises SecretMissing: if there is no key of that name
        :raises WrapBroken: if it does not open
        """
        if len(wrapped) < NONCE_BYTES + TAG_BYTES:
            raise WrapBroken
        nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        return self._call(lambda: self._decrypt(name, nonce, sealed, bound_to))

    def keep_secret(self, name: str, octets: bytes | bytearray) -> None:
        """
        Keep a key for HMAC that never leaves the token; the same key again is taken as done.

        :raises Pkcs11Refused: if the token has another one of that name, or keeps something else than it was given
        """
        filled = bytes(octets).ljust(HMAC_KEY_LEAST, b"\0")
        challenge = secrets.token_bytes(32)

        def keep() -> None:
            try:
                self._key(name)
            except SecretMissing:
                self._session.create_object(_secret(name, filled))
            if not hmac.compare_digest(self._mac(name, challenge), hmac.digest(filled, challenge, "sha256")):
                raise Pkcs11Refused(f"The token {self._access.token} holds another key named {name}.", remedy="")

        self._call(keep)

    def authenticate(self, name: str, message: bytes) -> bytes:
        """
        Return HMAC-SHA-256 over a message under a kept key, made inside the token.

        :raises SecretMissing: if there is no key of that name
        """
        return self._call(lambda: self._mac(name, message))

    def _mac(self, name: str, message: bytes) -> bytes:
        return bytes(self._key(name, "sign").sign(message, mechanism=pkcs11.Mechanism.SHA256_HMAC))

    def _encrypt(self, name: str, nonce: bytes, octets: bytes, bound_to: bytes) -> bytes:
        params = GCMParams(nonce, bound_to, TAG_BYTES * 8)
        return bytes(
            self._key(name, "encrypt").encrypt(octets, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=params)
        )

    def _decrypt(self, name: str, nonce: bytes, sealed: bytes, bound_to: bytes) -> bytes:
        key, params = self._key(name, "decrypt", "encrypt"), GCMParams(nonce, bound_to, TAG_BYTES * 8)
        try:
            return bytes(key.decrypt(sealed, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=params))
        except PKCS11Error:
            # Tokens name a wrong tag by many codes, the general error among them; one that still encrypts is well.
            self._encrypt(name, secrets.token_bytes(NONCE_BYTES), b"well?", bound_to)
            raise WrapBroken from None

    def _key(self, name: str, *uses: str) -> Any:
        """Find a key by its label, once a session, and make sure that it cannot be taken out and does what is asked."""
        if name not in self._found:
            wanted = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY, pkcs11.Attribute.LABEL: name}
            # Read to its end: a search that is left open blocks the session.
            keys = list(self._session.get_objects(wanted))
            if not keys:
                raise SecretMissing(f"The token {self._access.token} holds no key named {name}.")
            if len(keys) > 1:
                raise Pkcs11Refused(
                    f"The token {self._access.token} holds more than one key named {name}.",
                    remedy="Remove the wrong one with the token's own tools.",
                )
            if keys[0][pkcs11.Attribute.EXTRACTABLE] or not keys[0][pkcs11.Attribute.SENSITIVE]:
                raise Pkcs11Refused(
                    f"The key {name} could be taken out of the token {self._access.token}, so it is not used.",
                    remedy="Make it anew, sensitive and not extractable.",
                )
            self._found[name] = keys[0]
        # python-pkcs11 gives a key the methods only that its attributes allow.
        if not all(hasattr(self._found[name], use) for use in uses):
            raise Pkcs11Refused(
                f"The key {name} of the token {self._access.token} is not one to {' and '.join(uses)} with.",
                remedy="Correct the name, or make the key anew with Gridtill's own command.",
            )
        return self._found[name]

    def _call(self, act: Callable[[], _Answer]) -> _Answer:
        with _one_at_a_time:
            try:
                self._ready()
                return act()
            except PKCS11Error:
                self._start_again()
            try:
                self._ready()
                return act()
            except PKCS11Error as error:
                self._session = None
                raise self._refusal(error) from error

    def _ready(self) -> None:
        now_in = (os.getpid(), _starts.get(self._access.library, 0))
        if self._session is not None and self._opened_in == now_in:
            return
        if self._opened_in[0] not in (0, now_in[0]):
            # A process forked off this one's parent: the library has to be started in it anew.
            self._start_again()
        self._found.clear()
        self._session = self._open()
        self._opened_in = (os.getpid(), _starts.get(self._access.library, 0))

    def _start_again(self) -> None:
        """Let the library forget all its sessions; whoever held one opens another at the next call."""
        self._session, self._opened_in = None, (0, 0)
        _starts[self._access.library] = _starts.get(self._access.library, 0) + 1
        with contextlib.suppress(PKCS11Error):
            pkcs11.lib(self._access.library).finalize()

    def _open(self) -> Any:
        if self._refused_pin:
            raise self._pin_refused()
        try:
            library = pkcs11.lib(self._access.library)
        except PKCS11Error as error:
            raise Pkcs11Refused(
                f"The PKCS#11 library {self._access.library} cannot be loaded.",
                remedy="Install the token's library, or correct GRIDTILL_PKCS11_LIBRARY.",
            ) from error
        token = library.get_token(token_label=self._access.token)
        try:
            return self._log_in(token)
        except _PIN_ERRORS as error:
            self._refused_pin = type(error).__name__
            raise self._pin_refused() from error

    def _log_in(self, token: Any) -> Any:
        try:
            return token.open(rw=True, user_pin=self._access.pin)
        except UserAlreadyLoggedIn:
            # The whole process is logged in or none of it.
            return token.open(rw=True)

    def _refusal(self, error: PKCS11Error) -> Pkcs11Refused:
        if isinstance(error, NoSuchToken | MultipleTokensReturned):
            there = "no token" if isinstance(error, NoSuchToken) else "more than one token"
            return Pkcs11Refused(
                f"There is {there} with the label {self._access.token}.",
                remedy="Connect it, or correct GRIDTILL_PKCS11_TOKEN.",
            )
        return Pkcs11Refused(f"The token {self._access.token} did not do what it was asked: {type(error).__name__}.")

    def _pin_refused(self) -> Pkcs11Refused:
        return Pkcs11Refused(
            f"The token {self._access.token} did not take the PIN ({self._refused_pin}). It is not given again.",
            remedy="Correct GRIDTILL_PKCS11_PIN and start again; a locked token is unlocked by its security officer.",
        )


def _secret(name: str, octets: bytes) -> dict[pkcs11.Attribute, object]:
    """Say what a key for HMAC is and that it does nothing else, least of all leave."""
    forbidden = ("ENCRYPT", "DECRYPT", "WRAP", "UNWRAP", "DERIVE", "VERIFY", "MODIFIABLE")
    return {
        pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
        pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.GENERIC_SECRET,
        pkcs11.Attribute.LABEL: name,
        pkcs11.Attribute.VALUE: octets,
        pkcs11.Attribute.TOKEN: True,
        pkcs11.Attribute.PRIVATE: True,
        pkcs11.Attribute.SIGN: True,
        **_STAYS,
        **{pkcs11.Attribute[what]: False for what in forbidden},
    }
