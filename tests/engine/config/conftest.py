"""Owns what the tests of the configuration share: files written in a folder of their own, and the contract's text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

CONTRACT = """\
instance: home                    # in topics
timezone: Europe/Amsterdam
cameras:
  front_door:                     # the one at the street
    source: rtsp://user:pass@10.0.0.5:554/sub
    name: Front door
    location: {latitude: 52.1, longitude: 4.3}
    detection: {mode: threshold, threshold: 0.8, per_class: {fighting: 0.7}, profile: home, frame_skip: null, \
sequence_length: null, votes: 3, window: 5, cooldown: 60s}
    schedule: [{days: mon-fri, from: "22:00", to: "06:00"}]
    masks: [[[0, 0], [0.2, 0], [0.2, 0.3]]]          # polygons, relative

  yard:
    source: !secret yard_source
mqtt: {host: core-mosquitto, port: 1883, username: null, password: ~, tls: false, prefix: crime_detect, \
ha_discovery: false, media: auto, commands: auto}
model: {name: default, device: auto}
severity: {fighting: critical}                       # class → alert | critical
alerts:
  sms: {account_sid: !secret sid, auth_token: hemmelig-1, from: +31600000000, to: [+31600000001]}
  email: {}
  webhook:
    - {url: "https://hooks.example.org/T0/hemmelig-2", name: guard, secret: hemmelig-3}
    - {url: "https://other.example.org/hemmelig-4", name: log}
  push: []
retention: {incidents: 30d, below_threshold: 7d, per_class: {fighting: 90d}, media_quota: 20GB}
privacy: {blur_faces: false, encrypt_originals: false}
database: sqlite                                     # the only one so far
"""
SECRETS = "yard_source: rtsp://owner:hemmelig-5@10.0.0.6/sub\nsid: AC-hemmelig-6\ndigits: 0123\nport: 1884\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """`write(text)` puts crime_detect.yaml beside a secrets.yaml and gives its path."""

    def put(text: str, secrets: str | None = SECRETS) -> Path:
        path = tmp_path / "crime_detect.yaml"
        path.write_text(text)
        if secrets is not None:
            (tmp_path / "secrets.yaml").write_text(secrets)
        return path

    return put


@pytest.fixture
def contract() -> str:
    """The configuration file of the contract, as far as this version goes; every secret holds `hemmelig`."""
    return CONTRACT
