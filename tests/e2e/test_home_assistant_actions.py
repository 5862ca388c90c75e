"""What a person asks of a real Home Assistant: incidents, evidence, an analysis, the logbook, diagnostics."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.engine import wait_until
from tests.rig.homeassistant import homeassistant_missing
from tests.rig.household import DOMAIN, Household
from tests.rig.mosquitto import mosquitto_missing
from tests.rig.rtsp import RtspServer

pytestmark = [pytest.mark.clips, pytest.mark.timeout(300)]
Json = dict[str, Any]
CAMERA = "front_door"
INCIDENT_S = 60


@pytest.fixture(scope="module")
def household(loops: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    if missing := RtspServer.missing() or mosquitto_missing() or homeassistant_missing():
        pytest.skip(missing)
    with (
        RtspServer({CAMERA: [loops["short"]]}) as rtsp,
        Household(tmp_path_factory.mktemp("actions"), "websocket", {CAMERA: rtsp.url(CAMERA)}) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def incident(household: Household) -> Json:
    """One that is over, with its clip."""
    found: Json = wait_until(
        lambda: next((one for one in household.told() if one["media"]["clip"]), None), INCIDENT_S, "nothing happens"
    )
    return found


def act(household: Household, action: str, **data: Any) -> Json:
    answer: Json = household.home.call(f"{DOMAIN}.{action}", answer=True, **data)
    return answer


def test_incidents_are_found(household: Household, incident: Json) -> None:
    event = household.entity(CAMERA, "event.incident")
    found = act(household, "get_incidents", entity_id=event, label="fighting", limit=10)["incidents"]
    ours = next(one for one in found if one["incident_id"] == incident["incident_id"])
    assert ours["picture"] == f"/media/local/{DOMAIN}/{CAMERA}/{incident['incident_id']}.jpg"
    assert ours["media"]["clip"] == incident["media"]["clip"]


def test_evidence_is_in_the_media_folder(household: Household, incident: Json) -> None:
    answer = act(household, "export_evidence", incident_id=incident["incident_id"])
    folder = household.home.media / DOMAIN / "exports" / incident["incident_id"]
    assert answer["signed"]
    assert set(answer["files"]) == {"clip.mp4", "evidence.zip", "incident.json", "snapshot.jpg"}
    with zipfile.ZipFile(folder / "evidence.zip") as package:
        assert package.testzip() is None
        assert package.read("clip.mp4")
    assert (folder / "clip.mp4").read_bytes() == household.engine.download(incident["media"]["clip"])[2]
    assert json.loads((folder / "incident.json").read_text())["label"] == "fighting"


def test_a_verdict_is_stored_and_in_the_logbook(household: Household, incident: Json) -> None:
    incident_id = incident["incident_id"]
    heard = household.home.subscribe(f"{DOMAIN}_incident")
    act(household, "give_feedback", incident_id=incident_id, verdict="false_alarm")
    assert household.engine.get(f"/incidents/{incident_id}")["verdict"] == "false_alarm"
    wait_until(
        lambda: any(
            one["data"]["incident_id"] == incident_id and one["data"]["type"] == "false_alarm" for one in heard
        ),
        10,
        "the logbook is not told",
    )

    def told() -> bool:
        entries = household.home.rest("GET", "/api/logbook")
        return any(one.get("message") == "Fighting was judged a false alarm" for one in entries)

    wait_until(told, 20, "the logbook does not say it")


def test_a_hold_and_a_snooze_reach_the_engine(household: Household, incident: Json) -> None:
    act(household, "hold", incident_id=incident["incident_id"])
    assert household.engine.get(f"/incidents/{incident['incident_id']}")["hold"] is True
    assert act(household, "snooze", minutes=5)["cameras"] == [CAMERA]
    assert household.engine.state(CAMERA)["snoozed_until"] is not None
    act(household, "snooze", minutes=0)
    assert household.engine.state(CAMERA)["snoozed_until"] is None


def test_media_is_analyzed(household: Household, loops: dict[str, Path]) -> None:
    shutil.copy(loops["short"], household.home.media / "short.mp4")
    answer = act(household, "analyze_media", media_content_id="media-source://media_source/local/short.mp4")
    assert (answer["label"], answer["suspicious"]) == ("fighting", True)


def test_diagnostics_tell_no_secret(household: Household, incident: Json) -> None:
    path = f"/api/diagnostics/config_entry/{household.entry_id}"
    text = household.home.request("GET", path)[2].decode()
    data = json.loads(text)["data"]
    assert data["engine"]["version"]
    assert incident["incident_id"] in text
    assert "127.0.0.1" not in json.dumps(data)
    assert data["entry"]["data"]["token"] == "**REDACTED**"
