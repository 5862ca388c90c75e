"""Tests the validators that outputs share: what is refused, and that a refusal repeats no secret."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import voluptuous as vol
from crime_detect_engine.outputs.schema import (
    PORT,
    e164,
    host_name,
    http_url,
    list_of,
    mail_address,
    not_in_this_version,
    text,
)


@pytest.mark.parametrize("value", [None, False, [], {}, "off"])
def test_an_empty_key_of_a_missing_feature_is_fine(value: object) -> None:
    not_in_this_version(value)


@pytest.mark.parametrize("value", [True, ["x"], {"a": 1}, "on"])
def test_a_missing_feature_is_refused_and_never_ignored(value: object) -> None:
    with pytest.raises(vol.Invalid, match="not in this version"):
        not_in_this_version(value)


@pytest.mark.parametrize(
    ("validator", "secret"),
    [(text, 123456789), (http_url, "gopher://u:hunter2@h"), (http_url, "http://[hunter2"), (e164, "hunter2")],
)
def test_a_refusal_does_not_repeat_the_value(validator: Callable[[object], str], secret: object) -> None:
    with pytest.raises(vol.Invalid) as refusal:
        validator(secret)
    assert str(secret) not in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("host", ["", "a b", "http://a", "a/b", "u@h", "x" * 300, None, "a..b"])
def test_hosts_that_no_resolver_takes_are_refused(host: object) -> None:
    with pytest.raises(vol.Invalid):
        host_name(host)


def test_a_list_may_be_one_value_and_names_nobody_twice() -> None:
    assert list_of(mail_address)("a@b.c") == ("a@b.c",)
    assert list_of(mail_address)(["a@b.c", "d@e.f", "a@b.c"]) == ("a@b.c", "d@e.f")
    assert list_of(mail_address)(None) == ()


@pytest.mark.parametrize("port", [0, 65536, "1883", 1.5])
def test_ports_are_numbers_in_their_range(port: object) -> None:
    with pytest.raises(vol.Invalid):
        vol.Schema(PORT)(port)
