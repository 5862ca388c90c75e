"""That the integration keeps what its quality scale says, where a program can tell: no hassfest, no HACS here."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from homeassistant.const import Platform

from custom_components.crime_detect.const import DOMAIN, PLATFORMS

ROOT = Path(__file__).resolve().parents[2]
INTEGRATION = ROOT / "custom_components" / DOMAIN
RULES = {
    "bronze": "action-setup appropriate-polling brands common-modules config-flow config-flow-test-coverage "
    "dependency-transparency docs-actions docs-conditions docs-high-level-description docs-installation-instructions "
    "docs-removal-instructions docs-triggers entity-event-setup entity-unique-id has-entity-name runtime-data "
    "test-before-configure test-before-setup unique-config-entry",
    "silver": "action-exceptions config-entry-unloading docs-configuration-parameters docs-installation-parameters "
    "entity-unavailable integration-owner log-when-unavailable parallel-updates reauthentication-flow test-coverage",
    "gold": "devices diagnostics discovery discovery-update-info docs-data-update docs-examples "
    "docs-known-limitations docs-supported-devices docs-supported-functions docs-troubleshooting docs-use-cases "
    "dynamic-devices entity-category entity-device-class entity-disabled-by-default entity-translations "
    "exception-translations icon-translations reconfiguration-flow repair-issues stale-devices",
    "platinum": "async-dependency inject-websession strict-typing",
}
MANIFEST = {
    "after_dependencies", "codeowners", "config_flow", "dependencies", "documentation", "domain", "homekit",
    "integration_type", "iot_class", "issue_tracker", "loggers", "mqtt", "name", "quality_scale", "requirements",
    "single_config_entry", "version", "zeroconf",
}  # fmt: skip
HACS = {
    "content_in_root", "country", "filename", "hacs", "hide_default_branch", "homeassistant", "name",
    "persistent_directory", "zip_release",
}  # fmt: skip


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _modules() -> list[Path]:
    return sorted(INTEGRATION.rglob("*.py"))


def test_every_rule_is_done_or_has_its_reason() -> None:
    rules = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    assert set(rules) == {rule for tier in RULES.values() for rule in tier.split()}
    for rule, state in rules.items():
        if state != "done":
            assert state["status"] == "exempt", rule
            assert len(state["comment"]) > 20, rule


def test_the_manifest_is_complete_and_in_order() -> None:
    manifest = _json(INTEGRATION / "manifest.json")
    assert list(manifest) == ["domain", "name", *sorted(manifest.keys() - {"domain", "name"})]
    assert manifest.keys() <= MANIFEST
    for key in ("codeowners", "documentation", "integration_type", "iot_class", "issue_tracker", "version"):
        assert manifest[key], key
    assert manifest["domain"] == DOMAIN
    assert manifest["integration_type"] == "hub"
    assert manifest["quality_scale"] == "platinum"
    assert manifest["requirements"] == []


def test_hacs_knows_every_key() -> None:
    hacs = _json(ROOT / "hacs.json")
    assert hacs.keys() <= HACS
    assert hacs["name"] == _json(INTEGRATION / "manifest.json")["name"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_platforms_say_how_many_updates_run_at_once(platform: Platform) -> None:
    tree = ast.parse((INTEGRATION / f"{platform}.py").read_text())
    names = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
             if isinstance(target, ast.Name)}  # fmt: skip
    assert "PARALLEL_UPDATES" in names


def test_the_engines_client_knows_nothing_of_home_assistant() -> None:
    for module in (INTEGRATION / "engine").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and node.level == 0
                else []
            )
            assert not [name for name in names if name.startswith("homeassistant")], module.name


@pytest.mark.parametrize("module", _modules(), ids=lambda path: str(path.relative_to(INTEGRATION)))
def test_modules_are_short_and_say_what_they_own(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= 350
    if module != INTEGRATION / "__init__.py" or text.strip():
        assert (ast.get_docstring(ast.parse(text)) or "").startswith("Owns ")


def test_the_documentation_has_what_repairs_lead_to() -> None:
    from custom_components.crime_detect import issues

    text = (ROOT / "docs" / "home-assistant.md").read_text()
    for key in issues._SEVERITIES:
        assert f'id="{key.replace("_", "-")}"' in text, key
