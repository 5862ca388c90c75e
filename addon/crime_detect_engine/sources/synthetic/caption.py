"""Owns the words burned into the synthetic picture: what it is, and the time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .paint import Picture

TEXT = "DEMO – synthetic camera"

# Eight rows of five columns a glyph, from above; one row is five bits as a base-32 digit.
_GLYPHS = {
    " ": "00000000", "-": "000e0000", "–": "000v0000", ":": "00440440", ".": "00000660",
    "0": "ehjlphe0", "1": "4c4444e0", "2": "eh1248v0", "3": "v2421he0", "4": "26aiv220", "5": "vgu11he0",
    "6": "68guhhe0", "7": "v1248880", "8": "ehhehhe0", "9": "ehhf12c0",
    "C": "ehggghe0", "D": "sihhhis0", "E": "vgguggv0", "M": "hrllhhh0", "O": "ehhhhhe0", "T": "v4444440",
    "U": "hhhhhhe0", "a": "00e1fhf0", "c": "00eggge0", "e": "00ehvge0", "h": "ggmphhh0", "i": "40c444e0",
    "m": "00qllll0", "n": "00mphhh0", "r": "00mpggg0", "s": "00fge1u0", "t": "88s88960", "y": "00hhhf1e",
}  # fmt: skip


def _bits(character: str) -> NDArray[np.bool_]:
    rows = [int(digit, 32) for digit in _GLYPHS[character]]
    return np.array([[row >> shift & 1 for shift in (4, 3, 2, 1, 0)] for row in rows], bool)


@lru_cache(maxsize=64)
def stamp(text: str, scale: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks HxW of the letters and of the letters with a rim of one dot around."""
    spaced = [np.pad(_bits(character), ((1, 1), (1, 0))) for character in text]
    letters = np.pad(np.concatenate(spaced, axis=1), ((0, 0), (0, 1)))
    rim = letters.copy()
    for rows in (-1, 0, 1):
        for columns in (-1, 0, 1):
            rim |= np.roll(letters, (rows, columns), axis=(0, 1))
    return letters.repeat(scale, 0).repeat(scale, 1), rim.repeat(scale, 0).repeat(scale, 1)


def burn(image: Picture, text: str, left: int, top: int, scale: int) -> None:
    """Writes white letters with a dark rim; what does not fit into the picture is cut off."""
    letters, rim = stamp(text, scale)
    room = image[top : top + letters.shape[0], left : left + letters.shape[1]]
    rows, columns = room.shape[:2]
    room[rim[:rows, :columns]] //= 3
    room[letters[:rows, :columns]] = 240


def width_px(text: str, scale: int) -> int:
    return (6 * len(text) + 1) * scale
