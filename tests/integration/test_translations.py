"""That everything a person reads is there, in every language, and that nothing is there for nobody."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from homeassistant.core import HomeAssistant
from homeassistant.helpers.service import async_get_all_descriptions

from custom_components.crime_detect.const import DOMAIN
from custom_components.crime_detect.issues import _SEVERITIES
from custom_components.crime_detect.services import async_setup_services

INTEGRATION = Path(__file__).resolve().parents[2] / "custom_components" / DOMAIN
LANGUAGES = sorted(path.stem for path in (INTEGRATION / "translations").glob("*.json"))
_PLACEHOLDER = re.compile(r"{([^{}]+)}")


def _texts(language: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((INTEGRATION / "translations" / f"{language}.json").read_text())
    return found


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


ENGLISH = _texts("en")
SERVICES = yaml.safe_load((INTEGRATION / "services.yaml").read_text())
ICONS = json.loads((INTEGRATION / "icons.json").read_text())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete(language: str) -> None:
    english, other = dict(_flat(ENGLISH)), dict(_flat(_texts(language)))
    assert other.keys() == english.keys()
    for key, text in other.items():
        assert text.strip(), key
        assert set(_PLACEHOLDER.findall(text)) == set(_PLACEHOLDER.findall(english[key])), key


def test_actions_have_names_descriptions_and_icons() -> None:
    assert set(ENGLISH["services"]) == set(SERVICES) == set(ICONS["services"])
    for action, described in SERVICES.items():
        texts = ENGLISH["services"][action]
        assert set(texts["fields"]) == set(described["fields"]), action
        for texts_of in (texts, *texts["fields"].values()):
            assert texts_of["name"]
            assert texts_of["description"]
        for field in described["fields"].values():
            selector = field["selector"].get("select")
            if selector:
                assert set(ENGLISH["selector"][selector["translation_key"]]["options"]) == set(selector["options"])


async def test_actions_are_registered_as_described(hass: HomeAssistant) -> None:
    async_setup_services(hass)
    assert set(hass.services.async_services_for_domain(DOMAIN)) == set(SERVICES)
    hass.config.components.add(DOMAIN)
    descriptions = (await async_get_all_descriptions(hass))[DOMAIN]
    for action, described in descriptions.items():
        schema = hass.services.async_services_for_domain(DOMAIN)[action].schema
        assert schema is not None
        assert set(described["fields"]) == set(SERVICES[action]["fields"])
        assert described["response"] is not None


def test_issues_have_texts() -> None:
    texts = ENGLISH["issues"]
    assert set(texts) == {*_SEVERITIES, "camera_credentials_fixable"}
    for key, text in texts.items():
        assert text["title"]
        assert ("fix_flow" in text) != ("description" in text), key


def _raised() -> Iterator[tuple[str, str, set[str] | None]]:
    """(where, key, placeholders if they can be read) of each translated error in the code."""
    for module in sorted(INTEGRATION.rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            if not isinstance(node, ast.Call):
                continue
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            domain, key = named.get("translation_domain"), named.get("translation_key")
            if isinstance(domain, ast.Name) and domain.id == "DOMAIN" and isinstance(key, ast.Constant):
                given = named.get("translation_placeholders")
                names = (
                    {str(one.value) for one in given.keys if isinstance(one, ast.Constant)}
                    if isinstance(given, ast.Dict)
                    else set()
                    if given is None
                    else None
                )
                yield f"{module.name}:{node.lineno}", str(key.value), names


def test_errors_have_texts() -> None:
    found = list(_raised())
    assert len(found) > 10
    for where, key, placeholders in found:
        assert key in ENGLISH["exceptions"], where
        needed = set(_PLACEHOLDER.findall(ENGLISH["exceptions"][key]["message"]))
        if placeholders is not None:
            assert needed <= placeholders, where


def test_no_error_has_a_text_in_vain() -> None:
    code = "\n".join(path.read_text() for path in INTEGRATION.rglob("*.py"))
    assert [key for key in ENGLISH["exceptions"] if f'"{key}"' not in code] == []


def test_texts_are_plain() -> None:
    for key, text in _flat(ENGLISH):
        assert text == text.strip(), key
        assert "  " not in text, key
        assert "<" not in text, key
        assert "://" not in text, key  # hassfest wants addresses as placeholders
        assert not re.search(r"'{[^{}]+}'", text), key
