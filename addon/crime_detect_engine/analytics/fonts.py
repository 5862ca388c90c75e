"""Owns which letters a PDF can show: a font of the machine where one is found, else the one that comes along."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

REGULAR, BOLD = "Report", "Report-Bold"
UNKNOWN = "?"
_PLACES = (
    ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"),
    ("/usr/share/fonts/TTF/DejaVuSans.ttf", "/usr/share/fonts/TTF/DejaVuSans-Bold.ttf"),
    ("/usr/share/fonts/dejavu/DejaVuSans.ttf", "/usr/share/fonts/dejavu/DejaVuSans-Bold.ttf"),
)
"""DejaVu has Latin, Greek and Cyrillic; Vera, which comes with the library, Western European letters only."""
_BUNDLED = ("Vera.ttf", "VeraBd.ttf")


@cache
def letters() -> frozenset[int]:
    """Registers the two fonts once; the code points that both have."""
    for regular, bold in (*_PLACES, _BUNDLED):
        if regular != _BUNDLED[0] and not (Path(regular).is_file() and Path(bold).is_file()):
            continue
        try:
            fonts = TTFont(REGULAR, regular), TTFont(BOLD, bold)
        except (TTFError, OSError):
            continue
        for font in fonts:
            pdfmetrics.registerFont(font)
        pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
        return frozenset(fonts[0].face.charToGlyph) & frozenset(fonts[1].face.charToGlyph)
    raise OSError("the PDF library has lost its own font; install it anew")


_JOINED = 0x0590
"""From here on come Hebrew, Arabic, Devanagari and others, which are written right to left or joined."""


def printable(text: str) -> tuple[str, bool]:
    """The text with `?` for each letter that cannot be shown, and whether there was one."""
    known = letters()
    shown = "".join(
        letter if ord(letter) in known and (ord(letter) < _JOINED or 0x2000 <= ord(letter) < 0x2300) else UNKNOWN
        for letter in text
    )
    return shown, shown != text
