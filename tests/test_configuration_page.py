"""Owns that docs/configuration.md names every setting there is, no other, and the defaults that hold."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
import yaml
from crime_detect_engine.config import Config, parse_config
from crime_detect_engine.config.schema import SECTIONS
from crime_detect_engine.decision.profiles import PROFILES
from crime_detect_engine.outputs import webhook

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
KEYS = re.compile(r"^<!-- keys:(.*?)-->\n\n\| key \| default \| \|\n\|--\|--\|--\|\n((?:\|.*\|\n)+)", re.MULTILINE)
HIDDEN = {
    ("alerts", "webhook"): webhook.SCHEMA.validators[0],
    ("mqtt", "tls"): vol.Schema(dict.fromkeys(("ca", "cert", "key", "insecure"))),
    ("cameras", "*", "zones", "*", "returns"): vol.Schema(dict.fromkeys(("times", "within"))),
}
"""What only a function knows, which a mapping is given to."""
SMALLEST: dict[str, Any] = {
    "url": "https://crime.example.org",
    "cameras": {
        "yard": {
            "source": "rtsp://10.0.0.5/sub", "location": {"latitude": 1, "longitude": 2}, "schedule": [{}],
            "detection": {}, "tamper": {}, "anomaly": {}, "privacy": {},
            "zones": {"drive": {"polygon": [[0, 0], [1, 0], [1, 1]], "returns": {}}},
            "lines": {"gate": {"from": [0, 0], "to": [1, 1]}},
        }
    },
    "frigate": {"url": "http://frigate:5000"}, "model": {}, "detector": {}, "fusion": {}, "patterns": {},
    "mqtt": {"host": "broker", "tls": {}},
    "alerts": {
        "sms": {"account_sid": "AC", "auth_token": "t", "from": "+15005550006", "to": ["+31612345678"]},
        "email": {"host": "mail.example.org", "from": "me@example.org", "to": ["me@example.org"]},
        "webhook": [{"url": "https://hooks.example.org/crime"}],
    },
    "reports": {
        **{kind: {"to": ["me@example.org"]} for kind in ("daily", "weekly", "monthly")},
        "public": {"to": ["me@example.org"]},
    },
    "retention": {"archive": {"path": "/mnt/archive"}}, "privacy": {},
    "evidence": {"anchor": {"rfc3161": {"url": "http://tsa.example.org/tsr", "ca": "/etc/tsa.pem"}}},
    "access": {
        "oidc": {"issuer": "https://login.example.org", "client_id": "crime", "roles": {"guards": "operator"}},
        "ingress": {},
    },
    "tls": {"certificate": "/etc/chain.pem", "key": "/etc/key.pem"},
}  # fmt: skip
BESIDE = {("mqtt", "port"): {"tls": False}, ("reports", "public", "to"): {"serve": True}}
"""Defaults that hold with another setting."""


def rows() -> Iterator[tuple[tuple[str, ...], str]]:
    """(path, what stands for its default) of every row."""
    for prefixes, table in KEYS.findall(PAGE.read_text(encoding="utf-8")):
        for prefix in prefixes.split() or [""]:
            for key, default in re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE):
                yield (*filter(None, prefix.split(".")), key), default


def paths(schema: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Of every setting that a schema of voluptuous knows, names that people choose as `*`."""
    if isinstance(schema, vol.Schema):
        yield from paths(schema.schema, at)
    elif isinstance(schema, Mapping):
        for key, value in schema.items():
            named = key.schema if isinstance(key, vol.Marker) else key
            below = (*at, named if isinstance(named, str) else "*")
            if below[-1] != "*":
                yield below
            yield from paths(value, below)
    elif isinstance(schema, list | tuple):
        for one in schema:
            yield from paths(one, at)
    elif hasattr(schema, "validators"):
        yield from paths(tuple(schema.validators), at)
    elif at in HIDDEN:
        yield from paths(HIDDEN[at], at)
    else:
        for cell in getattr(schema, "__closure__", None) or ():
            if isinstance(cell.cell_contents, vol.Schema | vol.All):
                yield from paths(cell.cell_contents, at)


def config(values: Mapping[str, Any]) -> Config:
    return parse_config(yaml.safe_dump(dict(values)), Path("crime_detect.yaml"), {"TZ": "UTC"})


def place(values: Any, path: tuple[str, ...]) -> Any:
    """The mapping that holds the last of `path`."""
    for name in path[:-1]:
        values = next(iter(values.values())) if name == "*" else values[name]
        values = values[0] if isinstance(values, list) else values
    return values


def test_every_setting_is_described_and_none_besides() -> None:
    described = [path for path, _ in rows()]
    assert len(described) == len(set(described))
    known = set(paths(SECTIONS))
    assert known - set(described) == set()
    assert set(described) - known == set()


@pytest.mark.parametrize(
    ("path", "default"),
    [(path, default) for path, default in rows() if re.fullmatch(r"`[^`]+`", default)],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else value,
)
def test_the_defaults_are_those_that_hold(path: tuple[str, ...], default: str) -> None:
    if path == ("privacy", "key_file"):
        pytest.skip("lies in the data folder, which the configuration does not know")
    plain = copy.deepcopy(SMALLEST)
    place(plain, path).update(BESIDE.get(path, {}))
    place(plain, path).pop(path[-1], None)
    said = copy.deepcopy(plain)
    place(said, path)[path[-1]] = yaml.safe_load(default.strip("`"))
    assert config(said) == config(plain)


def test_the_profiles_are_told_as_they_are() -> None:
    for name, rules in PROFILES.items():
        row = re.search(
            rf"^\| `{name}` \| (\.\d+)[^|]*\| (\d+) of (\d+) \| (\d+) (s|min) \|", PAGE.read_text(), re.MULTILINE
        )
        assert row is not None, name
        assert float(row[1]) == rules.threshold
        assert (int(row[2]), int(row[3])) == (rules.votes, rules.window)
        assert int(row[4]) * (60 if row[5] == "min" else 1) == rules.cooldown_s
