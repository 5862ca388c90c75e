"""That Home Assistant and the app find the product's face, in the sizes that they want."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from custom_components.crime_detect.const import DOMAIN

ROOT = Path(__file__).resolve().parents[2]
BRAND = ROOT / "custom_components" / DOMAIN / "brand"


def size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:26]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert head[25] == 6, "with transparency"
    width, height = struct.unpack(">II", head[16:24])
    return int(width), int(height)


@pytest.mark.parametrize("theme", ["", "dark_"])
def test_icons_are_square(theme: str) -> None:
    assert size(BRAND / f"{theme}icon.png") == (256, 256)
    assert size(BRAND / f"{theme}icon@2x.png") == (512, 512)


@pytest.mark.parametrize("theme", ["", "dark_"])
def test_logos_are_wide(theme: str) -> None:
    width, height = size(BRAND / f"{theme}logo.png")
    assert height == 128
    assert width > 2 * height
    assert size(BRAND / f"{theme}logo@2x.png") == (2 * width, 2 * height)


def test_the_app_has_the_same_face() -> None:
    assert size(ROOT / "addon" / "icon.png") == (128, 128)
    assert size(ROOT / "addon" / "logo.png") == size(BRAND / "logo.png")
