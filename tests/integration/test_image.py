"""The image entity: the last incident's picture, and never that of another."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from custom_components.crime_detect.pictures import Pictures
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.entities import assert_as_in_snapshot, attribute, only, record, value
from tests.integration.fake_engine import FakeEngine

IMAGE = "image.front_door_last_incident"
EVENT = "event.front_door_incident"


def _now(**ago: float) -> str:
    return (dt_util.utcnow() - timedelta(**ago)).isoformat()


@pytest.fixture
async def served(hass: HomeAssistant, hass_client: ClientSessionGenerator, setup_entry: SetupEntry):
    """What a dashboard gets: status and bytes."""
    await setup_entry()
    client = await hass_client()

    async def get(entity_id: str = IMAGE) -> tuple[int, bytes]:
        response = await client.get(str(attribute(hass, entity_id, "entity_picture")))
        return response.status, await response.read()

    return get


async def test_all_of_them(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, snapshot: SnapshotAssertion
) -> None:
    with only(Platform.IMAGE):
        assert_as_in_snapshot(hass, await setup_entry(), snapshot)


async def test_serves_the_picture_of_the_newest_incident(
    hass: HomeAssistant, engine: FakeEngine, served, eventually: Eventually
) -> None:
    assert (await served())[0] == HTTPStatus.INTERNAL_SERVER_ERROR  # as Home Assistant says that there is none
    assert value(hass, IMAGE) == STATE_UNKNOWN
    for number in (1, 2):
        incident = engine.incident(number, started_at=_now())
        await engine.push_incident(incident)
        incident_id = incident["incident_id"]
        await eventually(lambda wanted=incident_id: attribute(hass, EVENT, "incident_id") == wanted)
        assert await served() == (HTTPStatus.OK, engine.picture(incident_id, 1))
    assert value(hass, "image.yard_last_incident") == STATE_UNKNOWN


async def test_a_better_picture_takes_its_place(
    hass: HomeAssistant, engine: FakeEngine, served, eventually: Eventually
) -> None:
    incident = engine.incident(1, started_at=_now())
    await engine.push_incident(incident)
    await eventually(lambda: value(hass, IMAGE) != STATE_UNKNOWN)
    states = record(hass, IMAGE)
    await engine.push_incident(engine.incident(1, started_at=incident["started_at"], rev=2, confidence=0.97))
    await eventually(lambda: len(states) == 1)
    assert await served() == (HTTPStatus.OK, engine.picture(incident["incident_id"], 2))
    # Words without a new picture leave it as it is.
    await engine.push_incident(engine.incident(1, started_at=incident["started_at"], rev=2, verdict="confirmed"))
    await engine.push_incident(engine.incident(2, camera="yard", started_at=_now()))
    await eventually(lambda: value(hass, "image.yard_last_incident") != STATE_UNKNOWN)
    assert len(states) == 1


async def test_no_picture_rather_than_that_of_another(
    hass: HomeAssistant, engine: FakeEngine, served, eventually: Eventually
) -> None:
    await engine.push_incident(engine.incident(1, started_at=_now(seconds=20), ended_at=_now(seconds=10)))
    await eventually(lambda: value(hass, IMAGE) != STATE_UNKNOWN)
    second = engine.incident(2, started_at=_now(), rev=0)
    await engine.push_incident(second)
    await eventually(lambda: attribute(hass, EVENT, "incident_id") == second["incident_id"])
    assert value(hass, IMAGE) == STATE_UNKNOWN
    assert (await served())[0] == HTTPStatus.INTERNAL_SERVER_ERROR
    await engine.push_incident(engine.incident(2, started_at=second["started_at"], rev=1))
    await eventually(lambda: value(hass, IMAGE) != STATE_UNKNOWN)
    assert await served() == (HTTPStatus.OK, engine.picture(second["incident_id"], 1))


async def test_a_deleted_incident_is_not_shown_any_more(
    hass: HomeAssistant, engine: FakeEngine, served, eventually: Eventually
) -> None:
    first = engine.incident(1, started_at=_now(seconds=20), ended_at=_now(seconds=10))
    second = engine.incident(2, started_at=_now())
    for incident in (first, second):
        await engine.push_incident(incident)
        await eventually(lambda wanted=incident["incident_id"]: attribute(hass, EVENT, "incident_id") == wanted)
    states = record(hass, IMAGE)
    await engine.push_incident(None, before=second)
    await eventually(lambda: len(states) == 1)
    assert await served() == (HTTPStatus.OK, engine.picture(first["incident_id"], 1))
    await engine.push_incident(None, before=first)
    await eventually(lambda: value(hass, IMAGE) == STATE_UNKNOWN)


async def test_is_there_after_a_restart(
    hass: HomeAssistant, engine: FakeEngine, served, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    incident = engine.incident(1, started_at=_now())
    await engine.push_incident(incident)
    await eventually(lambda: value(hass, IMAGE) != STATE_UNKNOWN)
    (entry,) = hass.config_entries.async_entries("crime_detect")
    await hass.config_entries.async_unload(entry.entry_id)
    assert value(hass, IMAGE) == STATE_UNAVAILABLE
    await setup_entry()
    assert await served() == (HTTPStatus.OK, engine.picture(incident["incident_id"], 1))
    assert dt_util.parse_datetime(value(hass, IMAGE)) is not None


async def test_a_file_that_somebody_removed_is_no_picture(
    hass: HomeAssistant,
    engine: FakeEngine,
    served,
    setup_entry: SetupEntry,
    eventually: Eventually,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    incident = engine.incident(1, started_at=_now())
    await engine.push_incident(incident)
    await eventually(lambda: value(hass, IMAGE) != STATE_UNKNOWN)
    (media / "crime_detect" / "front_door" / f"{incident['incident_id']}.jpg").unlink()
    assert (await served())[0] == HTTPStatus.INTERNAL_SERVER_ERROR
    monkeypatch.setattr(Pictures, "reconcile", AsyncMock())  # it did not come to look yet
    (entry,) = hass.config_entries.async_entries("crime_detect")
    await hass.config_entries.async_unload(entry.entry_id)
    await setup_entry()
    assert value(hass, IMAGE) == STATE_UNKNOWN
