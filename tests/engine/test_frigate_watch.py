"""Which cameras are added and removed as Frigate and the configuration change."""

from __future__ import annotations

import pytest
from crime_detect_engine.config import CameraConfig
from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.domain.types import Severity
from crime_detect_engine.frigate_watch import FrigateWatch
from crime_detect_engine.sources.frigate import FrigateDiscovery, FrigateOptions

from tests.rig.frigate import FakeFrigate


class Watched:
    """The running cameras, by id their source."""

    def __init__(self, frigate: FakeFrigate, *configured: CameraConfig) -> None:
        self.cameras: dict[str, CameraConfig] = {}
        self.refuse: set[str] = set()
        self.discovery = FrigateDiscovery(FrigateOptions(frigate.url))
        cameras = {camera.id: camera for camera in configured}
        self.watch = FrigateWatch(self.discovery, cameras, {}, self.add, self.remove, 1.0)

    async def add(self, camera: CameraConfig) -> None:
        if camera.source in self.refuse:
            raise ConfigError("not now")
        assert camera.id not in self.cameras
        self.cameras[camera.id] = camera

    async def remove(self, camera: str) -> None:
        del self.cameras[camera]

    @property
    def sources(self) -> dict[str, str]:
        return {camera: config.source for camera, config in self.cameras.items()}


def configured(name: str, source: str) -> CameraConfig:
    return CameraConfig(name, source, name)


async def test_cameras_come_and_go_and_stay_while_frigate_is_away() -> None:
    async with FakeFrigate(["yard", "Back Door!"]) as frigate:
        watched = Watched(frigate)
        await watched.watch.sync()
        assert watched.sources == {"yard": "frigate:yard", "back_door": "frigate:Back Door!"}
        assert watched.cameras["back_door"].name == "Back door!"
        kept = watched.cameras["yard"]
        frigate.cameras = ["yard", "attic"]
        await watched.watch.sync()
        assert set(watched.cameras) == {"yard", "attic"}
        assert watched.cameras["yard"] is kept
        await frigate.stop()
        await watched.watch.sync()
        assert set(watched.cameras) == {"yard", "attic"}
        assert "cannot be reached" in watched.watch.notes()[0]
        await frigate.start()
        await watched.watch.sync()
        assert watched.watch.notes() == ()


@pytest.mark.parametrize(
    ("name", "camera"), [("info", "info_2"), ("YARD", "yard_2"), ("庭", "camera"), ("x" * 40, "x" * 28)]
)
async def test_every_name_becomes_one_that_topics_can_carry(name: str, camera: str) -> None:
    async with FakeFrigate([name]) as frigate:
        watched = Watched(frigate, configured("yard", "rtsp://10.0.0.5/yard"))
        await watched.watch.sync()
        assert watched.sources == {camera: f"frigate:{name}"}


async def test_one_that_is_refused_does_not_cost_the_others_and_is_tried_again() -> None:
    async with FakeFrigate(["a", "b"]) as frigate:
        watched = Watched(frigate)
        watched.refuse = {"frigate:a"}
        await watched.watch.sync()
        assert set(watched.cameras) == {"b"}
        watched.refuse = set()
        await watched.watch.sync()
        assert set(watched.cameras) == {"a", "b"}


async def test_a_camera_that_the_file_names_now_is_left_to_it() -> None:
    async with FakeFrigate(["yard", "door", "attic"]) as frigate:
        watched = Watched(frigate)
        await watched.watch.sync()
        file = {
            "gate": configured("gate", "frigate:door"),
            "yard": configured("yard", "rtsp://10.0.0.5/other"),
        }
        stay = await watched.watch.reconfigure(file, {"fighting": Severity.CRITICAL})
        assert [camera.id for camera in stay] == ["attic"]
        assert stay[0].rules.severity["fighting"] is Severity.CRITICAL
        assert set(watched.cameras) == {"attic"}
        await watched.watch.sync()
        assert watched.sources == {"attic": "frigate:attic", "yard_2": "frigate:yard"}
        await watched.watch.reconfigure({}, {})
        await watched.watch.sync()
        assert set(watched.sources.values()) == {"frigate:attic", "frigate:yard", "frigate:door"}
