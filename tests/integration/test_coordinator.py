"""An engine's news, told to listeners: what is news, once, with its picture, whatever breaks in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.crime_detect import link_websocket
from custom_components.crime_detect.const import TOO_NEW, TOO_OLD
from custom_components.crime_detect.coordinator import CrimeDetectCoordinator, IncidentEvent, IncidentEventKind
from custom_components.crime_detect.engine.models import Incident
from custom_components.crime_detect.pictures import Pictures
from tests.integration.fake_engine import FakeEngine

SetupEntry = Callable[..., Awaitable[MockConfigEntry]]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
NEW, RAISED, UPDATED = IncidentEventKind.NEW, IncidentEventKind.RAISED, IncidentEventKind.UPDATED
ENDED, DELETED = IncidentEventKind.ENDED, IncidentEventKind.DELETED


@pytest.fixture(autouse=True)
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connects again without a pause."""
    monkeypatch.setattr(link_websocket, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(link_websocket, "LONGEST_PAUSE_S", 0.01)


def ago(**by: float) -> str:
    at = dt_util.utcnow() - timedelta(**by)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Follower:
    """What an entity or the notifier would hear; survives reloads of the entry."""

    def __init__(self, eventually: Eventually, setup_entry: SetupEntry) -> None:
        self.heard: list[IncidentEvent] = []
        self.coordinator: CrimeDetectCoordinator
        self._eventually = eventually
        self._setup_entry = setup_entry

    async def follow(self, *, camera: str | None = None) -> None:
        self.entry = await self._setup_entry()
        self.listen(camera)

    def listen(self, camera: str | None = None) -> None:
        self.coordinator = self.entry.runtime_data
        self.coordinator.async_add_incident_listener(self.heard.append, camera)

    @property
    def kinds(self) -> list[IncidentEventKind]:
        return [event.kind for event in self.heard]

    async def hears(self, *kinds: IncidentEventKind) -> None:
        """Exactly these so far."""
        await self._eventually(lambda: len(self.heard) >= len(kinds))
        assert self.kinds == list(kinds)


@pytest.fixture
def follower(eventually: Eventually, setup_entry: SetupEntry) -> Follower:
    return Follower(eventually, setup_entry)


@pytest.fixture
def restart(hass: HomeAssistant, follower: Follower, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Awaitable[None]]:
    """As when Home Assistant starts anew: whoever listens does so before anything is told."""

    async def again() -> None:
        if follower.entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(follower.entry.entry_id)
        begin = CrimeDetectCoordinator.async_begin

        def listen_and_begin(coordinator: CrimeDetectCoordinator) -> None:
            follower.listen()
            begin(coordinator)

        monkeypatch.setattr(CrimeDetectCoordinator, "async_begin", listen_and_begin)
        await hass.config_entries.async_setup(follower.entry.entry_id)
        await hass.async_block_till_done()
        monkeypatch.setattr(CrimeDetectCoordinator, "async_begin", begin)

    return again


# --- what is news ---------------------------------------------------------------------------------------------------


async def test_an_incident_from_first_to_last(engine: FakeEngine, follower: Follower, media: Path) -> None:
    await follower.follow()
    incident = engine.incident(1, started_at=ago(seconds=3))
    file = media / "crime_detect" / "front_door" / f"{incident['incident_id']}.jpg"
    there_when_told: list[bytes] = []
    stop = follower.coordinator.async_add_incident_listener(lambda event: there_when_told.append(file.read_bytes()))

    await engine.push_incident(incident)
    await follower.hears(NEW)
    told = follower.heard[0]
    assert (told.incident.label, told.before, told.late, told.picture) == ("fighting", None, False, file)
    assert follower.coordinator.open_incident("front_door") == told.incident

    await engine.push_incident(engine.incident(1, rev=2, started_at=incident["started_at"]))
    await follower.hears(NEW, UPDATED)
    await engine.push_incident(engine.incident(1, rev=2, severity="critical", started_at=incident["started_at"]))
    await follower.hears(NEW, UPDATED, RAISED)
    await engine.push_incident(
        engine.incident(1, rev=3, severity="critical", started_at=incident["started_at"], ended_at=ago(seconds=0))
    )
    await follower.hears(NEW, UPDATED, RAISED, ENDED)
    assert follower.heard[2].before == follower.heard[1].incident
    picture = engine.picture
    assert there_when_told == [picture(incident["incident_id"], rev) for rev in (1, 2, 2, 3)]
    stop()
    assert follower.coordinator.open_incident("front_door") is None
    assert follower.coordinator.last_incident("front_door") == follower.heard[3].incident
    assert follower.coordinator.event_for(incident["incident_id"]) == follower.heard[3].incident

    after = engine.incidents[incident["incident_id"]]
    await engine.push_incident(after | {"verdict": "confirmed"})
    await follower.hears(NEW, UPDATED, RAISED, ENDED, UPDATED)
    await engine.push_incident(None, before=after)
    await follower.hears(NEW, UPDATED, RAISED, ENDED, UPDATED, DELETED)
    assert not file.exists()
    assert follower.heard[5].picture is None
    assert follower.coordinator.event_for(incident["incident_id"]) is None


@pytest.mark.parametrize(
    ("first", "then", "kind"),
    [
        ({}, {"label": "vandalism"}, RAISED),
        ({}, {"severity": "critical"}, RAISED),
        ({"notify": False, "suppressed_by": "cooldown"}, {"notify": True, "suppressed_by": None}, RAISED),
        ({"severity": "critical"}, {"severity": "alert"}, UPDATED),
        ({}, {"notify": False, "suppressed_by": "snooze"}, UPDATED),
        ({}, {"confidence": 0.99}, UPDATED),
        ({"severity": "detection", "notify": False}, {"severity": "alert"}, NEW),
    ],
)
async def test_what_is_news_again(
    engine: FakeEngine, follower: Follower, first: dict[str, Any], then: dict[str, Any], kind: IncidentEventKind
) -> None:
    await follower.follow()
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=3), **first))
    await follower.hears(UPDATED if first.get("severity") == "detection" else NEW)
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=3), **first | then))
    await follower.hears(follower.kinds[0], kind)


async def test_a_severity_that_falls_and_rises_is_no_news(engine: FakeEngine, follower: Follower) -> None:
    await follower.follow()
    told = []
    for severity, kind in (("critical", NEW), ("alert", UPDATED), ("critical", UPDATED)):
        await engine.push_incident(engine.incident(1, started_at=ago(seconds=3), severity=severity))
        told.append(kind)
        await follower.hears(*told)  # else what waits is told as one


@pytest.mark.no_fail_on_log_exception
async def test_listeners_of_one_camera_and_listeners_that_fail(
    hass: HomeAssistant, engine: FakeEngine, follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    await follower.follow(camera="yard")

    def fail(event: IncidentEvent) -> None:
        raise RuntimeError("a bug of somebody else")

    heard: list[str] = []
    follower.coordinator.async_add_incident_listener(fail)
    stop = follower.coordinator.async_add_incident_listener(lambda event: heard.append(event.incident.camera))
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=3)))
    await follower._eventually(lambda: heard == ["front_door"])
    stop()
    stop()
    await engine.push_incident(engine.incident(2, "yard", started_at=ago(seconds=3)))
    await follower.hears(NEW)
    assert heard == ["front_door"]
    assert "a bug of somebody else" in caplog.text


# --- once -----------------------------------------------------------------------------------------------------------


async def test_a_repeated_message_is_told_once(engine: FakeEngine, follower: Follower) -> None:
    await follower.follow()
    message = await engine.push_incident(engine.incident(1, started_at=ago(seconds=3)))
    for _ in range(3):
        await engine.push_raw(message)
    await engine.push_incident(engine.incident(2, started_at=ago(seconds=3)))
    await follower.hears(NEW, NEW)


async def test_a_restart_in_mid_incident_tells_nothing_twice_and_misses_nothing(
    engine: FakeEngine, follower: Follower, restart: Callable[[], Awaitable[None]]
) -> None:
    await follower.follow()
    first = engine.incident(1, started_at=ago(seconds=9))
    await engine.push_incident(first)
    await follower.hears(NEW)
    await restart()
    assert engine.requests[-1].query or any(one.query for one in engine.requests if one.path == "/events")
    assert follower.coordinator.open_incident("front_door") is not None
    await engine.push_incident(first | {"confidence": 0.99})
    await follower.hears(NEW, UPDATED)
    await follower.entry.runtime_data.hass.config_entries.async_unload(follower.entry.entry_id)
    await engine.push_incident(first | {"severity": "critical"})
    await engine.push_incident(engine.incident(2, "yard", started_at=ago(seconds=2)))
    await restart()
    await follower._eventually(lambda: len(follower.heard) == 4)
    assert sorted(follower.kinds[2:]) == [NEW, RAISED]


async def test_what_was_missed_is_told_once_for_each_incident(
    hass: HomeAssistant, engine: FakeEngine, follower: Follower, restart: Callable[[], Awaitable[None]]
) -> None:
    """new, update, update, end while we were away: one event, with what is known in the end."""
    await follower.follow()
    await hass.config_entries.async_unload(follower.entry.entry_id)
    at = ago(seconds=60)
    await engine.push_incident(engine.incident(1, started_at=at))
    await engine.push_incident(engine.incident(1, started_at=at, severity="critical", rev=2))
    await engine.push_incident(engine.incident(1, started_at=at, severity="critical", rev=3, ended_at=ago(seconds=9)))
    await restart()
    await follower.hears(NEW, ENDED)
    told = follower.heard[0]
    assert (told.incident.severity.name, told.incident.snapshot_rev, told.late) == ("CRITICAL", 3, False)
    assert told.incident.ended_at is not None


async def test_what_is_long_over_is_late(
    hass: HomeAssistant, engine: FakeEngine, follower: Follower, restart: Callable[[], Awaitable[None]]
) -> None:
    await follower.follow()
    await hass.config_entries.async_unload(follower.entry.entry_id)
    over = engine.incident(1, started_at=ago(minutes=20), ended_at=ago(minutes=6))
    await engine.push_incident(engine.incident(1, started_at=over["started_at"]))
    await engine.push_incident(over)
    gone = engine.incident(2, started_at=ago(minutes=2))
    await engine.push_incident(gone)
    await engine.push_incident(None, before=gone)
    await engine.push_incident(engine.incident(3, "yard", started_at=ago(minutes=20)))
    await restart()
    await follower._eventually(lambda: len(follower.heard) == 2)
    late, still_open = sorted(follower.heard, key=lambda event: event.incident.incident_id)
    assert (late.kind, late.late, late.incident.camera) == (NEW, True, "front_door")
    assert (still_open.kind, still_open.late, still_open.incident.camera) == (NEW, False, "yard")
    assert follower.coordinator.last_incident("front_door") == late.incident
    await engine.push_incident(over | {"verdict": "confirmed"})
    await follower._eventually(lambda: len(follower.heard) == 3)
    assert (follower.heard[2].kind, follower.heard[2].late) == (UPDATED, True)


async def test_first_words_about_something_long_over(engine: FakeEngine, follower: Follower) -> None:
    """An engine's outbox waited for its way out: `new` and `end` come together, long after."""
    await follower.follow()
    at = ago(minutes=30)
    await engine.push_incident(engine.incident(1, started_at=at))
    await engine.push_incident(engine.incident(1, started_at=at, ended_at=ago(minutes=29)))
    await follower.hears(NEW)
    assert follower.heard[0].late


async def test_killed_before_an_incident_was_dealt_with(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    engine: FakeEngine,
    follower: Follower,
    restart: Callable[[], Awaitable[None]],
) -> None:
    """The picture is still on its way, others' news were stored, and Home Assistant goes down."""
    await follower.follow()
    slow = engine.fail("/snapshot.jpg", None, hold=asyncio.Event())
    message = await engine.push_incident(engine.incident(1, started_at=ago(seconds=9)))
    await engine.push_state("yard", online=True)
    await follower._eventually(lambda: slow.met == 1)
    await hass.config_entries.async_unload(follower.entry.entry_id)
    assert follower.heard == []
    stored = hass_storage[f"crime_detect.{follower.entry.entry_id}"]["data"]
    assert stored["position"]["seq"] == message["seq"] - 1
    slow.hold.set()
    await restart()
    await follower.hears(NEW)


@pytest.mark.no_fail_on_log_exception
@pytest.mark.parametrize("where", ["fetch", "path"], ids=["with its picture", "in every try"])
async def test_a_bug_with_one_incident_silences_neither_its_camera_nor_another_start(
    engine: FakeEngine,
    follower: Follower,
    restart: Callable[[], Awaitable[None]],
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    where: str,
) -> None:
    """It is told without its picture; what cannot be told at all is given up, said, and not tried at every start."""
    fetch, path = Pictures.fetch, Pictures.path

    async def bad_fetch(self: Pictures, incident: Incident, **later: Any) -> Path | None:
        if incident.incident_id == first["incident_id"] and not later:
            raise RuntimeError("a bug of ours")
        return await fetch(self, incident, **later)

    def bad_path(self: Pictures, incident: Incident) -> Path | None:
        if incident.incident_id == first["incident_id"] and where == "path":
            raise RuntimeError("a bug of ours")
        return path(self, incident)

    await follower.follow()
    monkeypatch.setattr(Pictures, "fetch", bad_fetch)
    monkeypatch.setattr(Pictures, "path", bad_path)
    first = engine.incident(1, started_at=ago(seconds=9))
    await engine.push_incident(first)
    await engine.push_incident(engine.incident(2, started_at=ago(seconds=3)))
    told, bugs = ([1, 2], 1) if where == "fetch" else ([2], 2)
    await eventually(lambda: len(follower.heard) == len(told))
    assert [event.incident.incident_id for event in follower.heard] == [engine.incident(n)["incident_id"] for n in told]
    assert [event.picture is None for event in follower.heard] == [n == 1 for n in told]
    assert caplog.text.count(f"Incident {first['incident_id']} was not dealt with") == bugs
    await restart()
    await engine.push_incident(engine.incident(3, started_at=ago(seconds=1)))
    await eventually(lambda: len(follower.heard) == len(told) + 1)
    assert follower.heard[-1].kind is NEW
    assert caplog.text.count("was not dealt with") == bugs


# --- connections ----------------------------------------------------------------------------------------------------


async def test_a_lost_connection_is_said_once_and_nothing_is_missed(
    engine: FakeEngine, follower: Follower, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    await follower.follow()
    coordinator = follower.coordinator
    updates: list[bool] = []
    coordinator.async_add_listener(lambda: updates.append(coordinator.last_update_success))
    await engine.stop()
    await eventually(lambda: not coordinator.connected)
    assert (updates[-1], coordinator.last_update_success) == (False, False)
    assert len([event for event in updates if not event]) == 1
    missed = engine.incident(1, started_at=ago(seconds=3))
    await engine.push_incident(missed)
    await asyncio.sleep(0.1)
    await engine.start()
    await eventually(lambda: coordinator.connected)
    await follower.hears(NEW)
    assert coordinator.last_update_success
    assert caplog.text.count("Home is not connected") == 1
    assert caplog.text.count("Home is connected again") == 1


async def test_a_token_that_is_revoked_asks_for_another(
    hass: HomeAssistant, engine: FakeEngine, follower: Follower, eventually: Eventually
) -> None:
    await follower.follow()
    engine.refuse_tokens = True
    await engine.drop_connections()
    await eventually(lambda: bool(hass.config_entries.flow.async_progress()))
    flow = hass.config_entries.flow.async_progress()[0]
    assert flow["context"]["source"] == SOURCE_REAUTH
    asked = len(engine.requests)
    await asyncio.sleep(0.1)
    assert len(engine.requests) == asked, "it does not go on asking with a token that is refused"
    assert not follower.coordinator.connected


async def test_messages_that_make_no_sense_are_survived(
    engine: FakeEngine, follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    await follower.follow()
    good = await engine.push_incident(engine.incident(1, started_at=ago(seconds=3)))
    hostile = engine.incident(2, incident_id="../../../x")
    for nonsense in (
        {"kind": "incident"},
        {"seq": 60, "kind": "incident", "data": None},
        {"seq": 61, "kind": "incident", "data": good["data"] | {"seq": 61, "type": "new", "after": hostile}},
        {"seq": "many", "kind": "camera", "data": {}},
        {"seq": 62, "kind": "camera", "camera": "yard", "data": {"state": "live"}},
        {"seq": 63, "kind": "engine", "data": {}},
        {"seq": 64, "kind": "something new", "data": {}},
        {"seq": 65, "kind": "incident", "data": good["data"] | {"seq": 65, "uuid": "another"}},
    ):
        await engine.push_raw(nonsense)
    engine.seq = 70
    await engine.push_incident(engine.incident(3, started_at=ago(seconds=3)))
    await follower.hears(NEW, NEW)
    assert caplog.text.count("Ignored a message of the engine") == 6
    assert len(engine.requests) < 15, "and without connecting again"


async def test_garbage_ends_the_connection_which_is_made_again(
    engine: FakeEngine, follower: Follower, eventually: Eventually
) -> None:
    await follower.follow()
    await engine.push_raw("garbage")
    await eventually(lambda: len([one for one in engine.requests if one.path == "/events"]) == 2)
    await engine.wait_connected()
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=3)))
    await follower.hears(NEW)


async def test_an_engine_that_is_not_there_is_tried_again(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await engine.stop()
    entry = await setup_entry()
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert (entry.error_reason_translation_key, entry.reason) == (
        "cannot_connect",
        "The engine cannot be reached: not reached (ClientConnectorError)",
    )


async def test_a_token_that_is_wrong(hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry) -> None:
    engine.refuse_tokens = True
    entry = await setup_entry()
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert hass.config_entries.flow.async_progress()[0]["context"]["source"] == SOURCE_REAUTH


async def test_another_engine_at_its_address(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    entry = await setup_entry()
    engine.uuid = "ffffffff-0000-0000-0000-000000000000"
    await engine.drop_connections()
    await eventually(lambda: entry.state is ConfigEntryState.SETUP_ERROR)
    assert entry.error_reason_translation_key == "another_engine"
    await engine.wait_connected(0)


async def test_versions_that_do_not_fit(
    engine: FakeEngine, follower: Follower, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.info["version"] = "0.1.9"
    await follower.follow()
    coordinator = follower.coordinator
    assert coordinator.incompatible == TOO_OLD
    await engine.push_state("yard", online=True)
    await eventually(lambda: coordinator.data.cameras["yard"].online)
    assert coordinator.incompatible == TOO_OLD
    await engine.push_info(version="0.3.0.dev1+mine")
    await eventually(lambda: coordinator.incompatible is None)
    engine.schema_version = 2
    await engine.drop_connections()
    await eventually(lambda: coordinator.incompatible == TOO_NEW)
    assert not coordinator.connected
    engine.schema_version = 1
    await eventually(lambda: coordinator.connected)
    assert coordinator.incompatible is None


async def test_an_engine_that_is_too_new_at_first(engine: FakeEngine, setup_entry: SetupEntry) -> None:
    engine.schema_version = 2
    entry = await setup_entry()
    assert (entry.state, entry.error_reason_translation_key) == (ConfigEntryState.SETUP_RETRY, "engine_too_new")


async def test_something_else_at_that_address(engine: FakeEngine, setup_entry: SetupEntry) -> None:
    engine.greeting = {"hello": "world"}
    entry = await setup_entry()
    assert (entry.state, entry.error_reason_translation_key) == (ConfigEntryState.SETUP_RETRY, "not_an_engine")


# --- past and position ----------------------------------------------------------------------------------------------


async def test_the_past_is_read_at_first_and_rings_nobody(
    engine: FakeEngine, follower: Follower, restart: Callable[[], Awaitable[None]], entry: MockConfigEntry
) -> None:
    for number, changes in enumerate(
        ({"ended_at": ago(hours=2)}, {"ended_at": ago(hours=1)}, {"severity": "detection", "notify": False}), 1
    ):
        known = engine.incident(number, started_at=ago(hours=4 - number), **changes)
        engine.incidents[known["incident_id"]] = known
    still_open = engine.incident(7, "yard", started_at=ago(minutes=10))
    engine.incidents[still_open["incident_id"]] = still_open
    follower.entry = entry
    await restart()
    await follower._eventually(lambda: len(follower.heard) == 3)
    assert {(event.kind, event.late, event.incident.camera) for event in follower.heard} == {
        (NEW, True, "front_door"),
        (NEW, False, "yard"),
    }
    last = follower.coordinator.last_incident("front_door")
    assert last is not None
    assert last.incident_id.endswith("2")


async def test_a_reset_is_made_good_by_paging(
    hass: HomeAssistant, engine: FakeEngine, follower: Follower, restart: Callable[[], Awaitable[None]]
) -> None:
    """The engine's database was rebuilt while we were away: another epoch, its events start anew."""
    await follower.follow()
    kept = engine.incident(1, started_at=ago(minutes=50))
    lost = engine.incident(2, "yard", started_at=ago(seconds=5))
    for incident in (kept, lost):
        await engine.push_incident(incident)
    await follower._eventually(lambda: len(follower.heard) == 2)
    await hass.config_entries.async_unload(follower.entry.entry_id)
    follower.heard.clear()

    engine.epoch, engine.seq, engine.oldest_seq, engine.events = "01KEAFTERRESTORE0000000000", 3, 1, []
    del engine.incidents[lost["incident_id"]]
    kept["ended_at"] = ago(minutes=40)
    missed = engine.incident(3, started_at=ago(seconds=2))
    engine.incidents |= {kept["incident_id"]: kept, missed["incident_id"]: missed}
    await restart()
    await follower._eventually(lambda: len(follower.heard) == 3)
    told = {event.incident.incident_id: (event.kind, event.late) for event in follower.heard}
    assert told == {
        kept["incident_id"]: (ENDED, True),
        lost["incident_id"]: (DELETED, False),
        missed["incident_id"]: (NEW, False),
    }
    await engine.push_incident(missed | {"severity": "critical"})
    await follower._eventually(lambda: follower.kinds[-1] is RAISED)
    position = follower.coordinator.history.position
    assert position is not None
    assert (position.epoch, position.seq) == (engine.epoch, 4)


async def test_paging_that_fails_is_done_at_the_next_connection(
    engine: FakeEngine, follower: Follower, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    failing = engine.fail("/incidents", 500)
    engine.incidents["A1"] = engine.incident(incident_id="A1", started_at=ago(seconds=2))
    await follower.follow()
    await eventually(lambda: failing.met == 1)
    assert "cannot be read" in caplog.text
    engine.faults.clear()
    await engine.drop_connections()
    await follower.hears(NEW)


async def test_pages_are_read_to_their_end(
    hass: HomeAssistant, engine: FakeEngine, follower: Follower, restart: Callable[[], Awaitable[None]]
) -> None:
    await follower.follow()
    await engine.push_incident(engine.incident(0, started_at=ago(hours=9), ended_at=ago(hours=8)))
    await follower._eventually(lambda: len(follower.heard) == 1)
    await hass.config_entries.async_unload(follower.entry.entry_id)
    follower.heard.clear()
    for number in range(1, 121):
        over = engine.incident(number, started_at=ago(minutes=400 - number), ended_at=ago(minutes=250))
        engine.incidents[over["incident_id"]] = over
    engine.oldest_seq, engine.seq, engine.events = 900, 1000, []
    await restart()
    await follower._eventually(lambda: len(follower.heard) == 120)
    assert {(event.kind, event.late) for event in follower.heard} == {(NEW, True)}
    pages = [one for one in engine.requests if one.path == "/incidents" and "from" in one.query]
    assert len(pages) == 3


async def test_incidents_wait_until_home_assistant_has_started(
    hass: HomeAssistant,
    engine: FakeEngine,
    follower: Follower,
    entry: MockConfigEntry,
    restart: Callable[[], Awaitable[None]],
) -> None:
    """Automations attach their triggers then; what is told before reaches none of them."""
    engine.incidents["A1"] = engine.incident(incident_id="A1", started_at=ago(seconds=2))
    hass.set_state(CoreState.starting)
    follower.entry = entry
    await restart()
    await asyncio.sleep(0.1)
    assert follower.heard == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert follower.heard == []
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=2))
    await follower.hears(NEW)


async def test_an_entry_that_goes_before_home_assistant_has_started(
    hass: HomeAssistant, engine: FakeEngine, follower: Follower, entry: MockConfigEntry
) -> None:
    hass.set_state(CoreState.starting)
    follower.entry = entry
    await follower.follow()
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert follower.heard == []


# --- cameras --------------------------------------------------------------------------------------------------------


async def test_cameras_come_and_go(engine: FakeEngine, follower: Follower, eventually: Eventually) -> None:
    await follower.follow()
    coordinator = follower.coordinator
    seen: list[str] = []
    stop = coordinator.async_add_camera_listener(seen.append)
    assert seen == ["front_door", "yard"]
    engine.add_camera("shed", "Shed")
    await engine.push_info()
    await engine.push_state("shed", online=True)
    await eventually(lambda: seen == ["front_door", "yard", "shed"])
    del engine.cameras["yard"]
    await engine.push_info()
    await eventually(lambda: set(coordinator.data.info.cameras) == {"front_door", "shed"})
    assert set(coordinator.data.cameras) == {"front_door", "shed"}
    engine.add_camera("yard", "Yard")
    await engine.push_info()
    await engine.push_state("yard", online=True)
    await eventually(lambda: "yard" in coordinator.data.cameras)
    assert seen == ["front_door", "yard", "shed"], "its entities are still there"
    coordinator.async_forget_camera("yard")
    await engine.push_state("yard", online=False)
    await eventually(lambda: seen == ["front_door", "yard", "shed", "yard"])
    stop()
    engine.add_camera("attic", "Attic")
    await engine.push_info()
    await engine.push_state("attic", online=True)
    await eventually(lambda: "attic" in coordinator.data.cameras)
    assert "attic" not in seen


async def test_what_changes_without_an_event_is_polled(
    hass: HomeAssistant, engine: FakeEngine, follower: Follower, eventually: Eventually
) -> None:
    await follower.follow()
    engine.info["alerts_today"] = 7
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=65))
    await eventually(lambda: follower.coordinator.data.info.alerts_today == 7)
    engine.fail("/info", 500)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=130))
    await hass.async_block_till_done(wait_background_tasks=False)
    assert follower.coordinator.last_update_success, "the feed says whether it is there"
    await engine.stop()
    await eventually(lambda: not follower.coordinator.connected)
    await follower.coordinator.async_refresh()
    assert not follower.coordinator.last_update_success
