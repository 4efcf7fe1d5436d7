"""
Text, a QR code and a cut as bytes of ESC/POS, for printers of 80 mm paper.

Letters are those of Windows-1252, which covers western Europe; others lose their
accents where they can and become question marks where they cannot. Chinese and Arabic
letters are not supported.

Source: Epson, ESC/POS Command Reference for TM printers (ESC @, ESC t, ESC a, ESC E,
GS !, GS ( k, GS V).
"""

from __future__ import annotations

import textwrap
import unicodedata

COLUMNS = 42
_ENCODING = "cp1252"
_INITIALIZE = b"\x1b@"
_WINDOWS_1252 = b"\x1bt\x10"
_LINE_FEED = b"\n"
_CUT_AFTER_FEED = b"\x1dVB\x03"
_QR_MODEL_2 = b"\x1d(k\x04\x001A2\x00"
_QR_LEVEL_M = b"\x1d(k\x03\x001E1"
_QR_PRINT = b"\x1d(k\x03\x001Q0"
_ALIKE = str.maketrans({"\N{MINUS SIGN}": "-", "\N{RIGHTWARDS ARROW}": ">", "\N{NO-BREAK SPACE}": " "})


def encode(text: str) -> bytes:
    r"""
    Write text in the printer's letters; what could be a command is left out.

    >>> encode("Zoë Łuczak × 2\x1b@")
    b'Zo\xeb ?uczak \xd7 2@'
    """
    return b"".join(_letter(letter) for letter in text.translate(_ALIKE))


def _letter(letter: str) -> bytes:
    if unicodedata.category(letter).startswith("C"):
        return b""
    try:
        return letter.encode(_ENCODING)
    except UnicodeEncodeError:
        plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore")
        return plain if plain.strip() else b"?"


def wrapped(text: str, columns: int) -> list[str]:
    """
    Break text into lines of at most so many columns; a word that is too long is cut.

    >>> wrapped("Harbour Power", 8)
    ['Harbour', 'Power']
    """
    return textwrap.wrap(text, columns) or [""]


def paired(left: str, right: str, columns: int = COLUMNS) -> list[str]:
    """
    Set a label and a value to both edges, on more than one line where one is too short.

    >>> paired("VAT", "12.88", 12)
    ['VAT    12.88']
    >>> paired("Pass-through levy", "12.88", 12)
    ['Pass-through', 'levy   12.88']
    """
    if len(right) >= columns:
        return [*wrapped(left, columns), *wrapped(right, columns)]
    lines = wrapped(left, columns)
    room = columns - len(right)
    if len(lines[-1]) >= room:
        return [*lines, f"{right:>{columns}}"]
    return [*lines[:-1], f"{lines[-1]:<{room}}{right}"]


class Escpos:
    """
    Collects the bytes of one print, from the printer's reset on.

    >>> Escpos().line("Hi").content()
    b'\\x1b@\\x1bt\\x10\\x1ba\\x00\\x1bE\\x00\\x1d!\\x00Hi\\n'
    """

    def __init__(self) -> None:
        self._parts = bytearray(_INITIALIZE + _WINDOWS_1252)

    def line(self, text: str = "", *, middle: bool = False, bold: bool = False, size: int = 1) -> Escpos:
        """
        Add a line of text as it is; ``size`` is 1, or 2 for letters twice as wide and high.

        :raises ValueError: if the line is longer than the paper is wide
        """
        letters = encode(text)
        if len(letters) * size > COLUMNS:
            raise ValueError(f"a line of {len(letters)} letters of size {size} does not fit on {COLUMNS} columns")
        scale = (size - 1) * 0x11
        self._parts += b"\x1ba" + bytes([middle]) + b"\x1bE" + bytes([bold]) + b"\x1d!" + bytes([scale])
        self._parts += letters + _LINE_FEED
        return self

    def text(self, text: str, *, middle: bool = False, bold: bool = False, size: int = 1) -> Escpos:
        """Add text on as many lines as it needs."""
        for part in wrapped(encode(text).decode(_ENCODING), COLUMNS // size):
            self.line(part, middle=middle, bold=bold, size=size)
        return self

    def pair(self, left: str, right: str, *, bold: bool = False) -> Escpos:
        """Add a label and a value, at both edges of the paper."""
        for part in paired(encode(left).decode(_ENCODING), encode(right).decode(_ENCODING)):
            self.line(part, bold=bold)
        return self

    def rule(self) -> Escpos:
        """Add a dashed line across the paper."""
        return self.line("-" * COLUMNS)

    def code(self, text: str, *, dots: int = 5) -> Escpos:
        """Add a QR code in the middle; ``dots`` is the side of one of its squares."""
        data = text.encode()
        length = (len(data) + 3).to_bytes(2, "little")
        self._parts += b"\x1ba\x01" + _QR_MODEL_2 + b"\x1d(k\x03\x001C" + bytes([dots]) + _QR_LEVEL_M
        self._parts += b"\x1d(k" + length + b"1P0" + data + _QR_PRINT
        return self

    def cut(self) -> Escpos:
        """Feed the paper past the blade and cut it, leaving a corner."""
        self._parts += _CUT_AFTER_FEED
        return self

    def content(self) -> bytes:
        """Return what was collected so far."""
        return bytes(self._parts)
