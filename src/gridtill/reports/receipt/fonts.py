"""
The letters of PDF receipts.

Latin, Greek and Cyrillic letters are embedded where the machine has DejaVu Sans,
else Latin ones from the face that the PDF library brings along. Chinese is set in a
standard face that is named but not embedded: a reader draws it with its own Chinese
font. Arabic is not joined into words and is therefore not written at all: it becomes
question marks, like every letter that no face has.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

PLAIN = "Receipt"
BOLD = "ReceiptBold"
CHINESE = "STSong-Light"
_FOLDERS = (Path("/usr/share/fonts/truetype/dejavu"), Path("/usr/share/fonts/dejavu"), Path("/usr/share/fonts/TTF"))
_BROUGHT = Path(reportlab.__file__).parent / "fonts"
_UNJOINED = ("ARABIC", "HEBREW", "SYRIAC", "DEVANAGARI", "BENGALI", "THAI")


@cache
def register_fonts() -> None:
    """Make the faces known to the PDF library, once a process."""
    for name, wide, narrow in ((PLAIN, "DejaVuSans.ttf", "Vera.ttf"), (BOLD, "DejaVuSans-Bold.ttf", "VeraBd.ttf")):
        pdfmetrics.registerFont(_face(name, [*(folder / wide for folder in _FOLDERS), _BROUGHT / narrow]))
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))


def _face(name: str, places: list[Path]) -> TTFont:
    for place in places:
        try:
            return TTFont(name, str(place))
        except (TTFError, OSError):
            continue
    raise FileNotFoundError("the PDF library has lost its own fonts")


def markup(text: str) -> str:
    """Return text safe for a paragraph, with Chinese set in its own face."""
    register_fonts()
    pieces = []
    for is_chinese, letters in groupby(_writable(text), key=_is_chinese):
        run = escape("".join(letters))
        pieces.append(f'<font name="{CHINESE}">{run}</font>' if is_chinese else run)
    return "".join(pieces)


def _writable(text: str) -> str:
    glyphs = pdfmetrics.getFont(PLAIN).face.charToGlyph
    plain = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(letter if _is_chinese(letter) or _has(letter, glyphs) else "?" for letter in plain)


def _has(letter: str, glyphs: dict[int, int]) -> bool:
    return ord(letter) in glyphs and not unicodedata.name(letter, "").startswith(_UNJOINED)


def _is_chinese(letter: str) -> bool:
    return "\u3000" <= letter <= "\u303f" or "\u4e00" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uffef"
