"""What Home Assistant's repairs show, and that it goes when its cause does."""

from __future__ import annotations

from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.crime_detect.const import DOMAIN
from tests.integration.broker_only import BrokerOnlyLink
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.fake_engine import FakeEngine


def issues(hass: HomeAssistant) -> dict[str, ir.IssueEntry]:
    """By what they are about."""
    found = ir.async_get(hass).issues.values()
    return {one.issue_id.split("/")[0]: one for one in found if one.domain == DOMAIN and one.active}


def problem(code: str, camera: str | None = None) -> dict[str, Any]:
    return {"code": code, "camera": camera, "detail": "This is wrong."}


@pytest.mark.parametrize(
    ("code", "camera", "fixable"),
    [
        ("gpu_absent", None, False),
        ("storage_low", None, False),
        ("frigate_not_admin", None, False),
        ("mqtt_duplicate_instance", None, False),
        ("camera_credentials", "yard", True),
    ],
)
async def test_a_problem_comes_and_goes(
    hass: HomeAssistant,
    engine: FakeEngine,
    setup_entry: SetupEntry,
    eventually: Eventually,
    code: str,
    camera: str | None,
    fixable: bool,
) -> None:
    engine.info["fallback"] = None
    await setup_entry()
    await engine.wait_connected()
    assert issues(hass) == {}
    await engine.push_info(problems=[problem(code, camera), problem("of_a_newer_engine")])
    await eventually(lambda: code in issues(hass))
    assert list(issues(hass)) == [code]
    issue = issues(hass)[code]
    assert issue.is_fixable is fixable
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["detail"] == "This is wrong."
    assert issue.translation_placeholders.get("camera") == ("Yard" if camera else None)
    assert issue.learn_more_url is not None
    await engine.push_info(problems=[])
    await eventually(lambda: issues(hass) == {})


async def test_an_older_engine_says_only_why_it_fell_back(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    engine.info["fallback"] = "cuda is not there: the cpu is used"
    await setup_entry()
    assert list(issues(hass)) == ["gpu_absent"]
    await engine.wait_connected()
    await engine.push_info(fallback=None)
    await eventually(lambda: issues(hass) == {})


async def test_cameras_that_are_there_twice(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    engine.info |= {"mqtt_discovery": True, "fallback": None}
    await setup_entry()
    assert issues(hass)["mqtt_discovery_duplicate"].is_fixable
    await engine.wait_connected()
    await engine.push_info(mqtt_discovery=False)
    await eventually(lambda: issues(hass) == {})


async def test_an_engine_that_is_too_old(hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry) -> None:
    engine.info |= {"version": "0.1.9", "fallback": None}
    await setup_entry()
    issue = issues(hass)["engine_too_old"]
    assert issue.translation_placeholders == {"name": "Home", "needed": "0.2.0"}


async def test_an_engine_that_is_too_new_is_told_of_while_nothing_works(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, entry: MockConfigEntry
) -> None:
    engine.info |= {"schema_version": 2, "fallback": None}
    message = engine._message
    engine._message = lambda *args: message(*args) | {"schema_version": 2}  # type: ignore[method-assign]
    await setup_entry()
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert list(issues(hass)) == ["engine_too_new"]
    engine.info["schema_version"] = 1
    engine._message = message  # type: ignore[method-assign]
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert issues(hass) == {}


async def test_an_entry_that_leaves_takes_its_issues_along(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, entry: MockConfigEntry
) -> None:
    engine.info["problems"] = [problem("storage_low")]
    ir.async_create_issue(
        hass, DOMAIN, "storage_low/another", is_fixable=False, severity=ir.IssueSeverity.ERROR,
        translation_key="storage_low",
    )  # fmt: skip
    await setup_entry()
    assert f"storage_low/{entry.entry_id}" in {issue_id for _, issue_id in ir.async_get(hass).issues}
    await hass.config_entries.async_unload(entry.entry_id)
    left = {issue_id for domain, issue_id in ir.async_get(hass).issues if domain == DOMAIN}
    assert left == {"storage_low/another"}


async def test_a_repair_that_did_not_help_leaves_the_issue(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, entry: MockConfigEntry
) -> None:
    engine.info["problems"] = [problem("storage_low")]
    await setup_entry()
    ir.async_delete_issue(hass, DOMAIN, f"storage_low/{entry.entry_id}")
    entry.runtime_data.async_update_listeners()
    assert "storage_low" in issues(hass)


async def test_over_a_broker_a_camera_is_mended_elsewhere(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, entry: MockConfigEntry, eventually: Eventually
) -> None:
    await setup_entry()
    entry.runtime_data.link = BrokerOnlyLink(entry.runtime_data.link)
    await engine.wait_connected()
    await engine.push_info(problems=[problem("camera_credentials", "yard")])
    await eventually(lambda: "camera_credentials" in issues(hass))
    assert issues(hass)["camera_credentials"].is_fixable is False
    assert issues(hass)["camera_credentials"].translation_key == "camera_credentials"
