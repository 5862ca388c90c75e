"""Addresses without their secrets."""

from __future__ import annotations

import pytest
from crime_detect_engine.config.secrecy import is_secret_key, redact


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://user:pass@10.0.0.5:554/sub", "rtsp://***@10.0.0.5:554/sub"),
        ("rtsp://user:p@ss/w#rd?@h/s", "rtsp://***@h/s"),
        ("http://h/a.cgi?user=a&pwd=b&ch=1", "http://h/a.cgi?user=***&pwd=***&ch=***"),
        ("cannot open rtsp://u:p@h/s: no route", "cannot open rtsp://***@h/s: no route"),
        ("rtsp://h/s", "rtsp://h/s"),
        ("clips/a.mp4", "clips/a.mp4"),
    ],
)
def test_redact(address: str, shown: str) -> None:
    assert redact(address) == shown
    assert redact(shown) == shown


def test_secret_keys() -> None:
    assert is_secret_key("password")
    assert is_secret_key("Auth_Token")
    assert not is_secret_key("username")
    assert not is_secret_key(3)
