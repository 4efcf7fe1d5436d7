"""What can be wrong with a token, an identity or a key: one family, told apart by class and code."""

from __future__ import annotations

from gridtill.kernel.errors import Refusal


class StsError(Refusal):
    """Anything that the token standard does not allow; the message says what was expected."""

    code = "sts_error"


class WrongLength(StsError):
    """A number or key that has too few or too many digits or bytes for what it should be."""

    code = "sts_wrong_length"


class WrongDigit(StsError):
    """A character where only decimal (or, for keys, hexadecimal) digits may stand."""

    code = "sts_wrong_digit"


class WrongCheckDigit(StsError):
    """A meter number whose last digit does not follow from the digits before it."""

    code = "sts_wrong_check_digit"


class WrongCrc(StsError):
    """A token that does not check after decryption: a mistyped digit, or another meter's key."""

    code = "sts_wrong_crc"


class WrongClass(StsError):
    """A token class or subclass that cannot be read or written here."""

    code = "sts_wrong_class"


class WrongKey(StsError):
    """A key that does not fit its algorithm, or an algorithm that is not offered."""

    code = "sts_wrong_key"


class OutOfRange(StsError):
    """A number that the token has no room for."""

    code = "sts_out_of_range"
