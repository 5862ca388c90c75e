from __future__ import annotations

import pytest
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.sources.address import allowed_targets, is_inner, redact, scheme_of, split_url


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://admin:s3cret@10.0.0.5:554/sub",
        "rtsp://admin:s3c/ret@10.0.0.5/sub",
        "rtsp://admin:p@s3cret@10.0.0.5/sub",
        "http://cam/video?user=admin&pwd=s3cret&x=1",
        "http://cam/v?x=1&token=s3cret",
        "srt://h:9000?passphrase=s3cret",
        "[Errno 5] I/O error: 'rtsp://admin:s3cret@cam/1' at rtsp://admin:s3cret@cam/2",
    ],
)
def test_no_secret_is_left_in_a_message(text: str) -> None:
    assert "s3c" not in redact(text)
    assert "ret@" not in redact(text)


def test_what_is_no_secret_stays() -> None:
    assert redact("rtsp://admin:x@10.0.0.5:554/sub?channel=1") == "rtsp://***@10.0.0.5:554/sub?channel=1"


def test_a_path_has_no_scheme() -> None:
    assert scheme_of("/media/clip.mp4") is None
    assert scheme_of("RTSP://h/x") == "rtsp"


@pytest.mark.parametrize(
    "url", ["rtsp://", "rtsp:///x", "rtsp://h:99999/", "rtsp://h/a|b", "rtsp://h/a b", "rtsp://h/\n"]
)
def test_unusable_urls_are_refused_for_good(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        split_url(url, 554)
    assert caught.value.permanent


@pytest.mark.parametrize(
    "ip",
    ["127.0.0.1", "127.9.9.9", "::1", "169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:127.0.0.1", "100.100.100.200"],
)
def test_inner_addresses_are_known(ip: str) -> None:
    assert is_inner(ip)


@pytest.mark.parametrize("ip", ["10.0.0.5", "192.168.1.9", "93.184.216.34", "fd12::5"])
def test_cameras_in_the_home_are_not_inner(ip: str) -> None:
    assert not is_inner(ip)


def test_a_redirect_to_loopback_needs_a_configured_loopback_host() -> None:
    with pytest.raises(SourceError, match="refused"):
        allowed_targets("127.0.0.1", 80, "192.0.2.1")
    assert allowed_targets("127.0.0.1", 80, "127.0.0.2") == ["127.0.0.1"]
    assert allowed_targets("192.0.2.9", 80, "192.0.2.1") == ["192.0.2.9"]
