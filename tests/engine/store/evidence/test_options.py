"""Owns the tests of the section `evidence`: what is not there yet is refused by name, never accepted and ignored."""

from __future__ import annotations

import pytest
import voluptuous as vol
from crime_detect_engine.config import parse_config
from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.store.evidence.options import SCHEMA, EvidenceOptions


def test_the_broker_is_told_unless_somebody_says_no():
    assert vol.Schema(SCHEMA)({}) == vol.Schema(SCHEMA)({"anchor": None}) == EvidenceOptions(anchor_mqtt=True)
    assert vol.Schema(SCHEMA)({"anchor": {"mqtt": False}}) == EvidenceOptions(anchor_mqtt=False)


def test_who_gets_the_head_by_mail_is_one_or_several():
    assert vol.Schema(SCHEMA)({"anchor": {"email": "a@example.org"}}).anchor_email == ("a@example.org",)
    assert len(vol.Schema(SCHEMA)({"anchor": {"email": ["a@example.org", "b@example.org"]}}).anchor_email) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("evidence: {anchor: {email: [a@example.org]}}", "needs `alerts.email`"),
        ("evidence: {anchor: {email: [nobody]}}", "expected mail addresses"),
        ("evidence: {anchor: {rfc3161: {url: ftp://tsa.example.org, ca: x.pem}}}", "time-stamping authority"),
        ("evidence: {anchor: {rfc3161: {url: http://tsa.example.org}}}", "ca"),
        ("evidence: {anchor: {mqtt: sometimes}}", "expected true or false"),
        ("evidence: {anker: {}}", "anker"),
    ],
)
def test_what_is_not_there_is_refused_by_name(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said) as caught:
        parse_config(f"{text}\n", tmp_path / "c.yaml", {})
    assert "c.yaml:1" in str(caught.value)
