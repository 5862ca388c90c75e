"""What Frigate sees becomes scenes: over the broker, over HTTP, over restarts, and whatever else comes that way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.scene import Box, Scene, TrackedObject
from crime_detect_engine.sources.frigate import FrigateDiscovery, FrigateOptions
from crime_detect_engine.sources.frigate_objects import FrigateObjects

from tests.fakes import NOON
from tests.rig.frigate import FakeFrigate, listed, tracked

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


class Here:
    """A Frigate with two cameras that speaks below `house/nvr`, and what is made of it."""

    def __init__(self, frigate: FakeFrigate) -> None:
        self.frigate = frigate
        self.clock = ManualClock(NOON, 1000.0)
        self.discovery = FrigateDiscovery(FrigateOptions(frigate.url, "eye", "s3cret"))
        self.objects = FrigateObjects(self.discovery, self.clock, poll_s=0.02)

    def say(self, topic: str, payload: Any) -> None:
        text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.objects.feed(f"house/nvr/{topic}", text)

    def event(self, kind: str = "update", event_id: str = "a", **changes: Any) -> None:
        after = tracked(event_id, **changes)
        self.say("events", {"type": kind, "before": after, "after": after})

    def scene(self, name: str = "yard") -> Scene | None:
        return self.objects.scene(name, "the_yard", self.clock.now(), self.clock.tick_s())

    def seen(self, name: str = "yard") -> tuple[TrackedObject, ...]:
        scene = self.scene(name)
        assert scene is not None
        return scene.objects


@pytest.fixture
async def here() -> AsyncIterator[Here]:
    async with FakeFrigate(["yard", "door"], user="eye", password="s3cret") as frigate:
        frigate.topic_prefix = "house/nvr"
        found = Here(frigate)
        await found.discovery.poll()
        yield found


@pytest.fixture
async def asking(here: Here) -> AsyncIterator[Here]:
    task = asyncio.create_task(here.objects.run())
    yield here
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def eventually() -> Eventually:
    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 the condition is not an event of this loop
                await asyncio.sleep(0.005)

    return wait


# --- over the broker ------------------------------------------------------------------------------------------------


async def test_a_person_from_new_to_end(here: Here) -> None:
    assert here.objects.topics() == (
        "house/nvr/available",
        "house/nvr/events",
        "house/nvr/tracked_object_update",
        "house/nvr/+/audio/+",
    )
    assert here.scene() is None, "Frigate has said nothing yet"
    here.say("available", b"online")
    assert here.objects.told_by == "mqtt"
    assert here.seen() == ()
    here.event("new")
    here.clock.advance(5.0)
    here.event("update", frame_time=1607123967.08, box=[352, 90, 416, 270])
    scene = here.scene()
    assert scene is not None
    assert (scene.camera, scene.at, scene.tick_s) == ("the_yard", here.clock.now(), 1005.0)
    (one,) = scene.objects
    assert (one.id, one.label, one.box) == (1, "person", Box(0.55, 0.25, 0.65, 0.75))
    assert one.dwell_s == pytest.approx(11.6, abs=0.1)
    assert one.speed == pytest.approx(0.05 * 640 / 360 / 5.0 / 0.5, abs=0.01)
    assert here.seen("door") == ()
    here.event("end", end_time=1607123970.0)
    assert here.seen() == ()
    assert here.objects.notes() == ()


async def test_ids_last_as_long_as_frigates_and_are_not_used_again(here: Here) -> None:
    here.say("available", b"online")
    here.event("new", "a")
    here.event("new", "b", box=[10, 10, 100, 100])
    assert [one.id for one in here.seen()] == [1, 2]
    here.event("end", "a")
    here.event("new", "c", label="car")
    here.event("update", "b")
    assert [(one.id, one.label) for one in here.seen()] == [(2, "person"), (3, "car")]


async def test_faces_plates_and_sounds_ride_along(here: Here) -> None:
    here.say("available", b"online")
    here.event("new", label="car")
    here.say("tracked_object_update", {"type": "lpr", "id": "a", "name": None, "plate": "AB12", "score": 0.9})
    here.say("tracked_object_update", {"type": "face", "id": "a", "name": "Eve", "score": 0.9})
    here.say("tracked_object_update", {"type": "face", "id": "of nobody", "name": "Mallory", "score": 0.9})
    (one,) = here.seen()
    assert one.identity == "Eve"
    assert one.attributes == {"frigate_id": "a", "plate": "AB12", "plate_score": 0.9}
    for label in ("scream", "all", "state", "dBFS"):
        here.say(f"yard/audio/{label}", b"ON")
    here.say("cellar/audio/scream", b"ON")
    here.say("yard/audio/bark", b"-31.5")
    assert here.objects.sounds("yard") == ("scream",)
    assert here.objects.sounds("cellar") == here.objects.sounds("door") == ()
    here.say("yard/audio/scream", b"OFF")
    here.clock.advance(60.0)
    assert here.objects.sounds("yard") == ()


async def test_a_frigate_that_goes_takes_everything_along_and_begins_anew(here: Here) -> None:
    here.say("available", b"online")
    here.event("new")
    here.say("yard/audio/scream", b"ON")
    for word in (b"offline", b"stopped"):
        here.say("available", word)
        assert here.scene() is None
        assert here.objects.sounds("yard") == ()
    here.say("available", b"online")
    assert here.seen() == (), "what it followed it does not follow any more"
    here.event("new", "b")
    assert [one.id for one in here.seen()] == [2]


async def test_a_broker_that_restarts_says_online_again_and_nobody_is_lost(here: Here) -> None:
    here.say("available", b"online")
    here.event("new")
    here.objects.broker_lost()
    here.say("available", b"online")
    here.say("available", b"online")
    assert [one.id for one in here.seen()] == [1]


async def test_who_frigate_does_not_speak_of_any_more_is_gone(here: Here) -> None:
    here.say("available", b"online")
    here.event("new", "walks")
    here.event("new", "parked", label="car", stationary=True)
    here.clock.advance(120.0)
    assert len(here.seen()) == 2
    here.clock.advance(60.0)
    assert [one.label for one in here.seen()] == ["car"]
    here.clock.advance(900.0)
    assert here.seen() == ()


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("events", b"{"),
        ("events", b"\xff\xfe\x00"),
        ("events", b'{"type": "new", "after": NaN}'),
        ("events", b"x" * 2_000_000),
        ("events", b"[" * 50_000),
        ("events", {"type": "replace", "after": tracked()}),
        ("events", {"type": "new"}),
        ("events", {"type": "new", "after": [1]}),
        ("events", {"type": "new", "after": tracked(camera="cellar")}),
        ("events", {"type": "new", "after": tracked(camera=["yard"])}),
        ("events", {"type": "new", "after": tracked(box=[0, 0, 0, 0])}),
        ("events", {"type": "new", "after": tracked("\x1b[2J")}),
        ("tracked_object_update", b"null"),
        ("tracked_object_update", {"type": "lpr", "id": 7, "plate": "X"}),
        ("yard/audio/" + "x" * 200, b"ON"),
        ("yard/audio/\x07", b"ON"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_what_is_not_frigates_is_counted_and_nothing_else(here: Here, topic: str, payload: Any) -> None:
    here.say("available", b"online")
    here.say(topic, payload)
    assert here.seen() == ()
    assert here.objects.sounds("yard") == ()
    assert here.objects.refused.total() == 1
    assert here.objects.notes() == ()


async def test_topics_of_others_are_left_alone(here: Here) -> None:
    for topic in ("frigate/available", "house/nvr2/available", "house/nvr", "house/nvr/yard/person", "crime_detect/x"):
        here.objects.feed(topic, b"online")
    assert here.objects.told_by is None
    assert here.objects.refused.total() == 0


async def test_a_flood_of_objects_is_bounded(here: Here) -> None:
    here.say("available", b"online")
    for number in range(500):
        here.event("new", f"id {number}")
    assert len(here.seen()) == 200
    assert here.objects.refused["one of too many objects"] == 300


async def test_a_camera_of_unknown_size_is_said_so_by_counting(here: Here) -> None:
    here.discovery.offered = {"yard": type(here.discovery.offered["yard"])("yard", None, None, ("person",))}
    here.say("available", b"online")
    here.event("new")
    assert here.objects.refused == {"of a picture of unknown size": 1}


# --- over HTTP ------------------------------------------------------------------------------------------------------


async def test_where_there_is_no_broker_the_list_is_asked_and_that_is_said(
    asking: Here, eventually: Eventually
) -> None:
    asking.frigate.topic_prefix = None
    await asking.discovery.poll()
    asking.frigate.events = [
        listed("a", data={"path_data": [[[0.55, 0.75], 1607123956.0]]}),
        listed("own", label="fighting", data={"type": "api"}),
        listed("b", camera="door"),
        listed("c", label="scream", data={"type": "audio"}),
        listed("broken", data={"box": [1]}),
    ]
    assert asking.scene() is None
    await eventually(lambda: asking.objects.told_by == "http")
    (one,) = asking.seen()
    assert one.label == "person"
    assert tuple(one.box) == pytest.approx((0.5, 0.25, 0.6, 0.75))
    assert asking.objects.sounds("yard") == ("scream",)
    assert asking.frigate.logins == 1
    (note,) = asking.objects.notes()
    assert "over HTTP" in note
    assert "its MQTT is off" in note

    asking.clock.advance(2.0)
    asking.frigate.events[0]["data"]["path_data"].append([[0.75, 0.75], 1607123958.0])
    await eventually(lambda: asking.seen()[0].box.left == pytest.approx(0.7))
    assert asking.seen()[0].speed == pytest.approx(0.2 * 640 / 360 / 2.0 / 0.5, abs=0.01)
    asking.frigate.events[0]["end_time"] = 1607123960.0
    await eventually(lambda: asking.seen() == ())


async def test_frigate_is_asked_only_while_somebody_wants_to_know(asking: Here, eventually: Eventually) -> None:
    asking.objects.scene("yard", "yard", asking.clock.now(), asking.clock.tick_s(), needed=False)
    await asyncio.sleep(0.1)
    assert asking.frigate.asked_for_events == 0
    assert asking.objects.notes() == ()
    asking.scene()
    await eventually(lambda: asking.frigate.asked_for_events > 2)
    asking.clock.advance(120.0)
    await eventually(lambda: asking.objects.notes() == ())


async def test_a_list_that_is_not_frigates_and_a_frigate_that_is_away_are_said(
    asking: Here, eventually: Eventually
) -> None:
    asking.scene()
    await eventually(lambda: asking.objects.told_by == "http")
    asking.frigate.answer = web.Response(text="<html>")
    asking.clock.advance(11.0)
    await eventually(lambda: "not one that is understood" in "".join(asking.objects.notes()))
    assert asking.scene() is None, "what was there is not said of now"


async def test_a_wrong_login_is_said_without_it(here: Here, eventually: Eventually) -> None:
    here.frigate.password = "another"
    here.frigate.token = "token-2"
    objects = FrigateObjects(here.discovery, here.clock, poll_s=0.02)
    task = asyncio.create_task(objects.run())
    objects.scene("yard", "yard", here.clock.now(), here.clock.tick_s())
    try:
        await eventually(lambda: "refuses the login" in "".join(objects.notes()))
        assert "s3cret" not in "".join(objects.notes())
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_camera_on_which_frigate_looks_for_nothing_is_said(here: Here) -> None:
    here.frigate.blind = ["yard"]
    await here.discovery.poll()
    here.say("available", b"online")
    assert here.scene() is None, "that Frigate says nothing does not mean that nobody is there"
    (note,) = here.objects.notes()
    assert "yard" in note
    assert "detection is off" in note


async def test_a_camera_on_which_frigate_looks_for_no_persons_is_said(here: Here) -> None:
    here.frigate.tracks = ["car"]
    await here.discovery.poll()
    here.say("available", b"online")
    here.event("new", label="car")
    assert [one.label for one in here.seen()] == ["car"]
    (note,) = here.objects.notes()
    assert "does not look for persons on yard" in note


# --- both -----------------------------------------------------------------------------------------------------------


async def test_the_list_says_who_was_there_before_the_broker_was_heard_and_whose_end_was_missed(
    asking: Here, eventually: Eventually
) -> None:
    asking.frigate.events = [listed("before"), listed("a")]
    asking.say("available", b"online")
    asking.scene()
    await eventually(lambda: len(asking.seen()) == 2)
    asking.event("update", "a", box=[0, 0, 64, 180])
    asked = asking.frigate.asked_for_events
    asking.objects.broker_lost()
    asking.frigate.events = [listed("a")]
    asking.say("available", b"online")
    await eventually(lambda: asking.frigate.asked_for_events > asked)
    await eventually(lambda: len(asking.seen()) == 1)
    assert asking.seen()[0].box.left == 0.0, "what the broker said is the newer"


async def test_who_the_broker_has_let_go_does_not_come_back_by_a_list_that_lags(
    asking: Here, eventually: Eventually
) -> None:
    asking.say("available", b"online")
    asking.event("new", "a")
    asking.event("end", "a")
    asking.frigate.events = [listed("a")]
    asking.scene()
    await eventually(lambda: asking.frigate.asked_for_events > 0)
    asking.objects.broker_lost()
    await eventually(lambda: asking.frigate.asked_for_events > 3)
    assert asking.seen() == ()


async def test_a_broker_that_is_lost_leaves_the_list(asking: Here, eventually: Eventually) -> None:
    asking.say("available", b"online")
    asking.scene()
    await eventually(lambda: asking.frigate.asked_for_events == 1)
    asking.clock.advance(20.0)
    asking.scene()
    assert asking.objects.told_by == "mqtt"
    asking.objects.broker_lost()
    await eventually(lambda: asking.objects.told_by == "http")
    assert "not heard on this engine's broker" in asking.objects.notes()[0]
