"""Whoever is to be hidden reaches neither the disk nor the network: the real service, a camera full of faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from crime_detect_engine.domain.ports import Packet
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.store.blur import scaled
from numpy.typing import NDArray

from tests.rig.engine import EngineProcess, wait_until
from tests.rig.videos import write_video

pytestmark = [pytest.mark.clips, pytest.mark.timeout(300)]
StartEngine = Callable[..., EngineProcess]
Picture = NDArray[np.uint8]
FACES = ((0.21, 0.34, 0.29, 0.49), (0.45, 0.16, 0.52, 0.3), (0.68, 0.37, 0.77, 0.52))
"""Of the crew of Apollo 11, as tests/fixtures/truth/faces.json has them."""
SEEN = 0.8
"""From this correlation on a face is recognised where it was hidden; the raw pictures reach 0.9 and more."""
CONFIG = """
timezone: UTC
privacy: {{blur_faces: {blur}, encrypt_originals: {blur}}}
cameras:
  packets: {{source: 'loop:{video}', detection: {rules}}}
  pictures: {{source: 'loop:{video}', masks: [[[0, 0], [0.02, 0], [0, 0.02]]], detection: {rules}}}
"""
RULES = "{threshold: 0.000001, votes: 1, window: 1, cooldown: 1s}"


@pytest.fixture(scope="module")
def crew(clips: Path) -> Picture:
    return scaled(np.asarray(cv2.imread(str(clips / "faces" / "pilots.jpg"), cv2.IMREAD_COLOR_RGB), np.uint8), 520)


@pytest.fixture(scope="module")
def video(crew: Picture, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute in which three faces slide to and fro."""
    frames = []
    for number in range(600):
        x = 60 + 50 * np.sin(number / 6)
        moved = cv2.warpAffine(crew, np.float32([[1, 0, x], [0, 1, -20]]), (640, 360), borderValue=(12, 12, 18))
        frames.append(np.asarray(moved, np.uint8))
    return write_video(tmp_path_factory.mktemp("crew") / "crew.mp4", frames, fps=10, gop=10)


@pytest.fixture
def watch(
    start_engine: StartEngine, video: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., EngineProcess]:
    def start(blur: bool = True, weights: Path | None = None) -> EngineProcess:
        monkeypatch.setenv("CRIME_DETECT_MODELS", str(weights or clips / "detectors"))
        monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
        (tmp_path / "tmp").mkdir(exist_ok=True)
        return start_engine(CONFIG.format(video=video, blur=str(blur).lower(), rules=RULES))

    return start


def likeness(picture: Picture, crew: Picture) -> float:
    """How much of any face of the crew is anywhere in the picture, 0..1: the best correlation at the video's scale."""
    grey = cv2.cvtColor(scaled(picture, 640), cv2.COLOR_RGB2GRAY)
    best = 0.0
    height, width = crew.shape[:2]
    for left, top, right, bottom in FACES:
        part = crew[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]
        found = cv2.matchTemplate(grey, cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), cv2.TM_CCOEFF_NORMED)
        best = max(best, float(found.max()))
    return best


def pictures_in(path: Path) -> Iterator[Picture]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if image is not None:
        yield np.asarray(image, np.uint8)
        return
    try:
        with av.open(str(path)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number % 5 == 0:
                    yield frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, IndexError):
        return


def incident_with_clip(engine: EngineProcess, camera: str) -> Any:
    def look() -> Any:
        items = engine.get(f"/incidents?camera={camera}")["items"]
        return next((one for one in items if one["media"]["clip"]), None)

    return wait_until(look, 150, lambda: f"no incident of {camera} has a clip:\n{engine.log()}")


def raw_bytes(video: Path) -> list[bytes]:
    """Of every packet a piece that is nowhere else."""
    packets: list[Packet] = []
    for _ in FileSource(video).frames(lambda _form, packet: packets.append(packet)):
        pass
    return [one.data[len(one.data) // 2 :][:48] for one in packets if len(one.data) > 400]


def files(engine: EngineProcess, *more: Path) -> Iterator[Path]:
    for folder in (engine.data, *more):
        yield from (path for path in folder.rglob("*") if path.is_file())


def leaks(engine: EngineProcess, pieces: list[bytes], *more: Path) -> list[str]:
    """Files that hold a packet of the camera as it came, finished or not."""
    found = []
    for path in files(engine, *more):
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # renamed or removed meanwhile
            continue
        if any(piece in data for piece in pieces):
            found.append(path.name)
    return found


def test_no_face_of_a_blurred_camera_reaches_the_disk_or_the_network(
    watch: Callable[..., EngineProcess], video: Path, crew: Picture, tmp_path: Path
) -> None:
    pieces, engine = raw_bytes(video), watch()
    assert len(pieces) > 20
    told = []
    for camera in ("packets", "pictures"):
        wait_until(lambda camera=camera: engine.state(camera)["online"], 60, engine.log)
        _, kind, live = engine.download(f"/api/v1/cameras/{camera}/live.jpg")
        assert kind == "image/jpeg"
        assert likeness(cv2.imdecode(np.frombuffer(live, np.uint8), cv2.IMREAD_COLOR_RGB), crew) < SEEN
        assert leaks(engine, pieces, tmp_path / "tmp") == []
        told.append(incident_with_clip(engine, camera))
    assert leaks(engine, pieces, tmp_path / "tmp") == []
    seen = {path: [likeness(one, crew) for one in pictures_in(path)] for path in files(engine, tmp_path / "tmp")}
    assert [path for path in files(engine) if ".original" in path.name], "what was hidden is kept, encrypted"
    looked = {path.suffix: len(values) for path, values in seen.items() if values}
    assert looked.keys() >= {".jpg", ".mp4"}, "snapshots and clips were looked at"
    assert {path.name: max(values) for path, values in seen.items() if values and max(values) >= SEEN} == {}
    assert engine.get("/cameras/packets")["settings"]["blurring"] == {"faces": True, "persons": False}
    assert engine.terminate()[0] == 0
    assert leaks(engine, pieces, tmp_path / "tmp") == []


def test_the_same_test_finds_the_faces_of_a_camera_that_hides_nobody(
    watch: Callable[..., EngineProcess], video: Path, crew: Picture
) -> None:
    """Otherwise the test above would prove nothing."""
    engine = watch(blur=False)
    incident_with_clip(engine, "packets")
    incident_with_clip(engine, "pictures")
    assert leaks(engine, raw_bytes(video)) != []
    for path in files(engine):
        if path.suffix in (".jpg", ".mp4"):
            assert max(likeness(one, crew) for one in pictures_in(path)) > 0.9


def test_killed_while_a_clip_is_made_it_leaves_nothing_of_the_camera(
    watch: Callable[..., EngineProcess], video: Path, crew: Picture
) -> None:
    pieces, engine = raw_bytes(video), watch()
    media = engine.data / "media"
    wait_until(lambda: [*media.rglob(".*.mp4.*.tmp")], 150, lambda: f"no clip was begun:\n{engine.log()}")
    engine.kill()
    assert leaks(engine, pieces) == []
    engine.start()
    assert [*media.rglob(".*.tmp")] == [] or leaks(engine, pieces) == []
    incident_with_clip(engine, "packets")
    assert leaks(engine, pieces) == []


def test_where_nobody_can_look_for_faces_everything_is_hidden_and_told(
    watch: Callable[..., EngineProcess], crew: Picture, tmp_path: Path
) -> None:
    altered = tmp_path / "weights"
    altered.mkdir()
    (altered / "version-RFB-640.onnx").write_bytes(b"altered")
    engine = watch(weights=altered)
    incident_with_clip(engine, "packets")
    assert any("hidden whole" in text for text in engine.get("/info")["warnings"])
    for path in files(engine):
        for picture in pictures_in(path):
            assert likeness(picture, crew) < SEEN
            assert len(np.unique(scaled(picture, 640)[::8, ::8].reshape(-1, 3) // 16, axis=0)) < 120
