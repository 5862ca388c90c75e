"""What automations get when they ask, and what reaches the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.crime_detect.const import DOMAIN
from tests.integration.broker_only import BrokerOnlyLink
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.fake_engine import FakeEngine

START = "2026-11-21T03:00:00.000Z"
END = "2026-11-21T03:00:20.000Z"


async def ask(hass: HomeAssistant, action: str, context: Context | None = None, **data: Any) -> dict[str, Any]:
    answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True, context=context)
    assert answer is not None
    return dict(answer)


def ids(answer: dict[str, Any]) -> list[str]:
    return [incident["incident_id"] for incident in answer["incidents"]]


def device(hass: HomeAssistant, engine: FakeEngine, camera: str | None = None) -> str:
    identifier = engine.uuid if camera is None else f"{engine.uuid}_{camera}"
    return next(one.id for one in dr.async_get(hass).devices if (DOMAIN, identifier) in one.identifiers)


def entity(hass: HomeAssistant, engine: FakeEngine, camera: str) -> str:
    entity_id = er.async_get(hass).async_get_entity_id("event", DOMAIN, f"{engine.uuid}_{camera}_incident")
    assert entity_id is not None
    return entity_id


@pytest.fixture
async def running(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> MockConfigEntry:
    """Three incidents: two of the front door (one is over), one of the yard."""
    entry = await setup_entry()
    await engine.wait_connected()
    first = engine.incident(1, started_at="2026-11-20T10:00:00.000Z", ended_at="2026-11-20T10:00:09.000Z")
    await engine.push_incident(first | {"verdict": "false_alarm"})
    await engine.push_incident(engine.incident(2, started_at=START, severity="critical"))
    await engine.push_incident(engine.incident(3, "yard", started_at="2026-11-21T02:00:00.000Z", label="vandalism"))
    known = entry.runtime_data.event_for
    await eventually(lambda: all(known(number(one)) is not None for one in (1, 2, 3)))
    await hass.async_block_till_done()
    return entry


def number(incident: int) -> str:
    return f"01KDW{incident:021d}"


# --- get_incidents ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broker", [False, True], ids=["http", "broker"])
async def test_incidents_are_found_by_what_is_asked(
    hass: HomeAssistant, running: MockConfigEntry, broker: bool
) -> None:
    if broker:
        running.runtime_data.link = BrokerOnlyLink(running.runtime_data.link)
    for asked, expected in (
        ({}, [2, 3, 1]),
        ({"label": "vandalism"}, [3]),
        ({"severity": "critical"}, [2]),
        ({"verdict": "false_alarm"}, [1]),
        ({"verdict": "none"}, [2, 3]),
        ({"since": "2026-11-21T02:30:00+00:00"}, [2]),
        ({"until": "2026-11-20T23:00:00+00:00"}, [1]),
        ({"limit": 1}, [2]),
        ({"incident_id": number(3)}, [3]),
    ):
        answer = await ask(hass, "get_incidents", **asked)
        assert ids(answer) == [number(one) for one in expected], asked


async def test_incidents_of_a_chosen_camera(hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry) -> None:
    assert ids(await ask(hass, "get_incidents", device_id=device(hass, engine, "yard"))) == [number(3)]
    assert ids(await ask(hass, "get_incidents", entity_id=entity(hass, engine, "yard"))) == [number(3)]
    assert len(ids(await ask(hass, "get_incidents", device_id=device(hass, engine)))) == 3


async def test_an_incident_leads_to_its_picture(
    hass: HomeAssistant, engine: FakeEngine, media: Path, running: MockConfigEntry
) -> None:
    incident = (await ask(hass, "get_incidents", incident_id=number(2)))["incidents"][0]
    assert incident["picture"] == f"/media/local/crime_detect/front_door/{number(2)}.jpg"
    assert (media / "crime_detect" / "front_door" / f"{number(2)}.jpg").exists()
    assert incident["config_entry_id"] == running.entry_id
    assert incident["probabilities"] == engine.incidents[number(2)]["probabilities"]


async def test_many_incidents_are_paged(hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry) -> None:
    for one in range(10, 130):
        engine.incidents[number(one)] = engine.incident(one, started_at=f"2026-11-19T03:{one % 60:02d}:00.000Z")
    assert len(ids(await ask(hass, "get_incidents", limit=110))) == 110
    assert len(ids(await ask(hass, "get_incidents", limit=500))) == 123


async def test_an_unknown_incident_is_said(hass: HomeAssistant, running: MockConfigEntry) -> None:
    with pytest.raises(HomeAssistantError) as raised:
        await ask(hass, "get_incidents", incident_id="01KDWUNKNOWN")
    assert raised.value.translation_key == "not_found"
    running.runtime_data.link = BrokerOnlyLink(running.runtime_data.link)
    with pytest.raises(ServiceValidationError, match="There is no incident 01KDWUNKNOWN"):
        await ask(hass, "get_incidents", incident_id="01KDWUNKNOWN")


# --- acknowledge, give_feedback, snooze -------------------------------------------------------------------------------


async def test_acknowledge_says_who(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, hass_read_only_user: MockUser
) -> None:
    anna = MockUser(name="Anna", groups=hass_read_only_user.groups)
    anna.mock_policy({"entities": True})
    anna.add_to_hass(hass)
    answer = await ask(hass, "acknowledge", Context(user_id=anna.id), incident_id=number(2))
    assert answer == {"incidents": [number(2)], "acknowledged": True}
    request = engine.requests[-1]
    assert (request.path, request.body) == (f"/incidents/{number(2)}/acknowledge", {"acknowledged": True})
    assert request.headers["X-On-Behalf-Of"] == "Anna"


async def test_acknowledge_of_a_camera_means_its_open_incident(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry
) -> None:
    answer = await ask(
        hass, "acknowledge", device_id=[device(hass, engine, "yard"), device(hass, engine, "front_door")]
    )
    assert sorted(answer["incidents"]) == [number(2), number(3)]
    assert engine.incidents[number(3)]["acknowledged"] is True


async def test_acknowledge_can_be_taken_back(hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry) -> None:
    await ask(hass, "acknowledge", incident_id=number(2), acknowledged=False)
    assert engine.sent("POST", f"/incidents/{number(2)}/acknowledge") == [{"acknowledged": False}]


async def test_feedback_reaches_the_engine(hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry) -> None:
    answer = await ask(hass, "give_feedback", incident_id=number(3), verdict="confirmed")
    assert answer == {"incidents": [number(3)], "verdict": "confirmed"}
    assert engine.incidents[number(3)]["verdict"] == "confirmed"
    assert engine.requests[-1].headers["X-On-Behalf-Of"] == "automation"


async def test_a_user_without_control_is_refused(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, hass_read_only_user: User
) -> None:
    context = Context(user_id=hass_read_only_user.id)
    for action, data in (
        ("give_feedback", {"incident_id": number(3), "verdict": "confirmed"}),
        ("snooze", {"minutes": 5}),
        ("send_test_alert", {}),
    ):
        with pytest.raises(Unauthorized):
            await ask(hass, action, context, **data)


async def test_something_must_be_chosen(hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "acknowledge")
    assert raised.value.translation_key == "no_incident_chosen"
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "snooze", minutes=5, entity_id="light.kitchen")
    assert raised.value.translation_key == "no_camera_chosen"
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "snooze", minutes=5, device_id="gone")
    assert raised.value.translation_key == "no_camera_chosen"


async def test_a_camera_without_incidents_has_none_to_acknowledge(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "acknowledge", device_id=device(hass, engine, "yard"))
    assert raised.value.translation_key == "no_incident_yet"


async def test_snooze_of_one_camera_and_of_all(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry
) -> None:
    answer = await ask(hass, "snooze", minutes=45, label="fighting", entity_id=entity(hass, engine, "yard"))
    assert answer["cameras"] == ["yard"]
    assert answer["until"] is not None
    assert engine.sent("POST", "/cameras/yard/snooze") == [{"minutes": 45.0, "label": "fighting"}]
    answer = await ask(hass, "snooze", minutes=0)
    assert (sorted(answer["cameras"]), answer["until"]) == (["front_door", "yard"], None)
    assert engine.sent("POST", "/cameras/front_door/snooze") == [{"minutes": 0.0, "label": None}]


@pytest.mark.parametrize("minutes", [-1, 10081])
async def test_snooze_is_bounded(hass: HomeAssistant, running: MockConfigEntry, minutes: int) -> None:
    with pytest.raises(Exception, match=r"value must be at (least|most)"):
        await ask(hass, "snooze", minutes=minutes)


async def test_the_engine_that_is_named_must_be_loaded(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError):
        await ask(hass, "snooze", minutes=5, config_entry_id="unknown")
    await hass.config_entries.async_unload(running.entry_id)
    with pytest.raises(ServiceValidationError):
        await ask(hass, "snooze", minutes=5)
    with pytest.raises(ServiceValidationError):
        await ask(hass, "snooze", minutes=5, device_id=device(hass, engine, "yard"))


async def test_with_several_engines_the_incident_tells_which(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry
) -> None:
    MockConfigEntry(domain=DOMAIN, unique_id="another").add_to_hass(hass)
    await ask(hass, "acknowledge", incident_id=number(2))
    assert engine.incidents[number(2)]["acknowledged"] is True
    with pytest.raises(ServiceValidationError):
        await ask(hass, "acknowledge", incident_id="01KDWUNKNOWN")
    await ask(hass, "snooze", minutes=5, device_id=device(hass, engine, "yard"))
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "snooze", minutes=5, device_id=device(hass, engine, "yard"), config_entry_id="another")
    assert raised.value.translation_key == "no_camera_chosen"


async def test_an_engine_that_is_away_is_said(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry
) -> None:
    await engine.stop()
    with pytest.raises(HomeAssistantError) as raised:
        await ask(hass, "snooze", minutes=5)
    assert raised.value.translation_key == "cannot_connect"


# --- for administrators -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["hold", "export_evidence"])
async def test_only_administrators_may(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, hass_read_only_user: User, action: str
) -> None:
    before = len(engine.requests)
    with pytest.raises(Unauthorized):
        await ask(hass, action, Context(user_id=hass_read_only_user.id), incident_id=number(2))
    assert len(engine.requests) == before


async def test_hold_says_who(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, hass_admin_user: User
) -> None:
    answer = await ask(hass, "hold", Context(user_id=hass_admin_user.id), incident_id=number(2))
    assert answer == {"incident_id": number(2), "hold": True}
    assert engine.requests[-1].headers["X-On-Behalf-Of"] == hass_admin_user.name
    await ask(hass, "hold", incident_id=number(2), hold=False)
    assert engine.incidents[number(2)]["hold"] is False
    assert engine.requests[-1].headers["X-On-Behalf-Of"] == "automation"


async def test_evidence_is_written_as_files(
    hass: HomeAssistant, engine: FakeEngine, media: Path, running: MockConfigEntry
) -> None:
    engine.info["features"] = [*engine.info["features"], "evidence"]
    await engine.push_info()
    await engine.push_incident(engine.incident(2, started_at=START, ended_at=END))
    await hass.async_block_till_done()
    answer = await ask(hass, "export_evidence", incident_id=number(2))
    folder = media / "crime_detect" / "exports" / number(2)
    assert answer == {
        "incident_id": number(2),
        "folder": str(folder),
        "files": ["clip.mp4", "evidence.zip", "incident.json", "snapshot.jpg"],
        "signed": True,
    }
    assert (folder / "clip.mp4").read_bytes() == engine.clip
    assert (folder / "snapshot.jpg").read_bytes() == engine.picture(number(2), 1)
    assert json.loads((folder / "incident.json").read_text()) == engine.incidents[number(2)]
    assert (folder / "evidence.zip").read_bytes() == b"PK evidence"
    signing = next(one for one in engine.requests if one.path.endswith("evidence.zip"))
    assert signing.headers["X-On-Behalf-Of"] == "automation"


async def test_evidence_of_an_incident_that_goes_on_is_what_there_is(
    hass: HomeAssistant, engine: FakeEngine, media: Path, running: MockConfigEntry
) -> None:
    answer = await ask(hass, "export_evidence", incident_id=number(2))
    assert (answer["files"], answer["signed"]) == (["incident.json", "snapshot.jpg"], False)


async def test_evidence_that_retention_took_is_left_out(
    hass: HomeAssistant, engine: FakeEngine, media: Path, running: MockConfigEntry
) -> None:
    await engine.push_incident(engine.incident(2, started_at=START, ended_at=END))
    await hass.async_block_till_done()
    engine.fail("clip.mp4", 404)
    engine.fail("snapshot.jpg", 404)
    answer = await ask(hass, "export_evidence", incident_id=number(2))
    assert answer["files"] == ["incident.json", "snapshot.jpg"]  # our own copy of the picture
    (media / "crime_detect" / "front_door" / f"{number(2)}.jpg").unlink()
    assert (await ask(hass, "export_evidence", incident_id=number(2)))["files"] == ["incident.json"]


async def test_evidence_over_a_broker_is_the_picture_and_the_facts(
    hass: HomeAssistant, engine: FakeEngine, media: Path, running: MockConfigEntry
) -> None:
    running.runtime_data.link = BrokerOnlyLink(running.runtime_data.link)
    answer = await ask(hass, "export_evidence", incident_id=number(2))
    assert (answer["files"], answer["signed"]) == (["incident.json", "snapshot.jpg"], False)
    with pytest.raises(HomeAssistantError) as raised:
        await ask(hass, "export_evidence", incident_id="01KDWUNKNOWN")
    assert raised.value.translation_key == "not_found"


async def test_a_media_folder_that_cannot_be_written_is_said(
    hass: HomeAssistant, media: Path, running: MockConfigEntry
) -> None:
    (media / "crime_detect" / "exports").write_text("a file where the folder should be")
    with pytest.raises(HomeAssistantError) as raised:
        await ask(hass, "export_evidence", incident_id=number(1))
    assert raised.value.translation_key == "file_error"


# --- analyze_media ----------------------------------------------------------------------------------------------------


async def test_media_is_analyzed(
    hass: HomeAssistant, engine: FakeEngine, media: Path, running: MockConfigEntry
) -> None:
    await async_setup_component(hass, "media_source", {})
    (media / "yard.mp4").write_bytes(b"a clip")
    result = engine.job["result"]
    by_id = await ask(hass, "analyze_media", media_content_id="media-source://media_source/local/yard.mp4")
    assert by_id == result
    assert engine.sent("POST", "/analyze") == [{"filename": "yard.mp4", "size": 6}]
    chosen = {"media_content_id": "media-source://media_source/local/yard.mp4", "media_content_type": "video/mp4"}
    assert await ask(hass, "analyze_media", media_content_id=chosen) == result
    hass.config.allowlist_external_dirs = {str(media)}
    assert await ask(hass, "analyze_media", path=str(media / "yard.mp4")) == result


async def test_files_that_may_not_be_read_are_not_sent(
    hass: HomeAssistant, engine: FakeEngine, media: Path, tmp_path: Path, running: MockConfigEntry
) -> None:
    await async_setup_component(hass, "media_source", {})
    secret = tmp_path / "secrets.yaml"
    secret.write_text("token: 1")
    hass.config.allowlist_external_dirs = {str(media)}
    (media / "link.yaml").symlink_to(secret)
    for path in (secret, media / "link.yaml"):
        with pytest.raises(ServiceValidationError) as raised:
            await ask(hass, "analyze_media", path=str(path))
        assert raised.value.translation_key == "path_not_allowed"
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "analyze_media", path=str(media / "absent.mp4"))
    assert raised.value.translation_key == "no_media"
    for media_id, key in (
        ("media-source://media_source/local/../secrets.yaml", "no_media"),
        ("media-source://nothing/x", "no_media"),
        (f"media-source://crime_detect/{running.entry_id}/front_door/2026-11-20/{number(1)}", "media_no_file"),
    ):
        with pytest.raises(ServiceValidationError) as raised:
            await ask(hass, "analyze_media", media_content_id=media_id)
        assert raised.value.translation_key == key
    assert engine.sent("POST", "/analyze") == []


async def test_analysis_needs_the_engines_address(hass: HomeAssistant, running: MockConfigEntry) -> None:
    running.runtime_data.link = BrokerOnlyLink(running.runtime_data.link)
    with pytest.raises(HomeAssistantError) as raised:
        await ask(hass, "analyze_media", path="/media/x.mp4")
    assert raised.value.translation_key == "not_over_mqtt"


# --- send_test_alert --------------------------------------------------------------------------------------------------


async def test_a_test_alert_goes_out_everywhere(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry
) -> None:
    assert await ask(hass, "send_test_alert") == {"recipients": [], "engine": {"mqtt": "sent"}}


async def test_a_test_alert_to_nobody_is_an_error(hass: HomeAssistant, running: MockConfigEntry) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "send_test_alert", recipient="Anna")
    assert raised.value.translation_key == "unknown_recipient"
    running.runtime_data.link = BrokerOnlyLink(running.runtime_data.link)
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "send_test_alert")
    assert raised.value.translation_key == "no_recipients"
