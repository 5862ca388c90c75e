"""Owns the check that a person always finds words: every step, field, error and abort of a flow has its texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.config_entries import ConfigEntriesFlowManager, ConfigSubentryFlowManager, OptionsFlowManager
from homeassistant.data_entry_flow import FlowHandler, FlowManager, FlowResultType, section

import custom_components.crime_detect

_TEXTS = json.loads((Path(custom_components.crime_detect.__file__).parent / "translations" / "en.json").read_text())
_STEP = FlowManager._async_handle_step


@pytest.fixture(autouse=True)
def flow_texts() -> Iterator[list[str]]:
    """Fails a test whose flow showed something without words; import it to use it."""
    missing: list[str] = []

    async def handle(self: FlowManager, flow: FlowHandler, step_id: str, user_input: Any) -> Any:
        result = await _STEP(self, flow, step_id, user_input)
        if (texts := _texts_of(self, flow)) is not None:
            missing.extend(_missing(texts, result))
        return result

    with patch.object(FlowManager, "_async_handle_step", handle):
        yield missing
    assert not missing, ", ".join(missing)


def _texts_of(manager: FlowManager, flow: FlowHandler) -> Mapping[str, Any] | None:
    match manager:
        case ConfigSubentryFlowManager():
            return _TEXTS["config_subentries"][flow.handler[1]]
        case OptionsFlowManager():
            return _TEXTS["options"]
        case ConfigEntriesFlowManager() if flow.handler == "crime_detect":
            return _TEXTS["config"]
    return None


def _missing(texts: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    given = set(result.get("description_placeholders") or ())
    if result["type"] is FlowResultType.ABORT:
        if result.get("translation_domain") or result["reason"] in ("reconfigure_successful", "reauth_successful"):
            return []
        return _check(texts["abort"], result["reason"], f"abort.{result['reason']}", given)
    if result["type"] not in (FlowResultType.FORM, FlowResultType.MENU):
        return []
    step = result["step_id"]
    if step not in texts["step"]:
        return [f"step.{step}"]
    said = texts["step"][step]
    found = _check(said, "title", f"step.{step}.title", given)
    if "description" in said:
        found += _check(said, "description", f"step.{step}.description", given)
    for option in result.get("menu_options") or ():
        found += _check(said["menu_options"], option, f"step.{step}.menu_options.{option}", given)
    for error in (result.get("errors") or {}).values():
        found += _check(texts["error"], error, f"error.{error}", given)
    if result["type"] is FlowResultType.FORM:
        found += _fields(said, result.get("data_schema"), f"step.{step}", given)
    return found


def _fields(said: Mapping[str, Any], schema: Any, where: str, given: set[str]) -> list[str]:
    found: list[str] = []
    for key, value in (schema.schema if schema else {}).items():
        name = str(key)
        if isinstance(value, section):
            inner = said.get("sections", {}).get(name, {})
            found += _check(inner, "name", f"{where}.sections.{name}", given)
            found += _fields(inner, value.schema, f"{where}.sections.{name}", given)
        else:
            for kind in ("data", "data_description"):
                found += _check(said.get(kind, {}), name, f"{where}.{kind}.{name}", given)
    return found


def _check(texts: Mapping[str, Any], key: str, where: str, given: set[str]) -> list[str]:
    if not texts.get(key):
        return [f"{where}: no text"]
    return [f"{where}: no value for {name}" for name in re.findall(r"{(\w+)}", texts[key]) if name not in given]
