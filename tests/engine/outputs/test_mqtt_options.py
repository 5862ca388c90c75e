"""Tests the `mqtt` section: defaults, what is refused, what a password switches on."""

from __future__ import annotations

from typing import Any

import pytest
import voluptuous as vol
from crime_detect_engine.outputs.mqtt_options import SCHEMA, MqttTls


def test_the_example_of_the_contract_is_accepted() -> None:
    options = SCHEMA(
        {
            "host": "core-mosquitto",
            "port": 1883,
            "username": None,
            "password": None,
            "tls": False,
            "prefix": "crime_detect",
            "ha_discovery": False,
            "media": "auto",
            "commands": "auto",
        }
    )  # fmt: skip
    assert (options.port, options.tls, options.media_on, options.commands_on) == (1883, None, False, False)


def test_a_password_or_a_client_certificate_switches_pictures_and_commands_on() -> None:
    password = SCHEMA({"host": "h", "username": "u", "password": "s3cret"})
    certificate = SCHEMA({"host": "h", "tls": {"cert": "c.pem", "key": "k.pem"}})
    assert (password.media_on, password.commands_on) == (certificate.media_on, certificate.commands_on) == (True, True)
    assert "s3cret" not in repr(password)
    explicit = SCHEMA({"host": "h", "media": True, "commands": "off", "username": "u", "password": "p"})
    assert (explicit.media_on, explicit.commands_on) == (True, False)


def test_discovery_is_asked_for_and_never_guessed() -> None:
    assert [SCHEMA({"host": "h", "ha_discovery": value}).ha_discovery for value in (True, "on", None, "off")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert SCHEMA({"host": "h"}).ha_discovery is False


def test_tls_moves_the_port() -> None:
    assert SCHEMA({"host": "h", "tls": True}).port == 8883
    assert SCHEMA({"host": "h", "tls": {"insecure": True}}).tls == MqttTls(insecure=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ha_discovery": "maybe"}, {"prefix": "a/#"}, {"prefix": "/a"}, {"prefix": ""}, {"media": "maybe"},
        {"protocol": "4"}, {"port": 0}, {"tls": "yes"}, {"tls": {"key": "k.pem"}}, {"password": "alone"},
        {"host": "mqtt://h"}, {"hots": "h"},
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(vol.Invalid):
        SCHEMA({"host": "h", **wrong})
