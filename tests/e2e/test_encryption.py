"""The real service with everything encrypted: what lies on its disk, who is shown what, and what a lost key does."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.rig.engine import EngineProcess, wait_until
from tests.rig.videos import scene, write_video

pytestmark = pytest.mark.timeout(300)
CONFIG = """
timezone: UTC
privacy: {{encrypt_media: true, encrypt_database: true, encrypt_originals: true, key_file: '{key}'}}
cameras:
  backyard: {{source: 'loop:{video}', detection: {rules}, privacy: {{blur_faces: true}}}}
  cellar: {{source: 'loop:{video}', detection: {rules}, masks: [[[0, 0], [0.1, 0], [0, 0.1]]]}}
"""
RULES = "{threshold: 0.000001, votes: 1, window: 1, cooldown: 1s}"
IN_CLEAR = re.compile(rb"JFIF|ftypisom|moov....mvhd|backyard|cellar|SQLite format 3|incident_id", re.DOTALL)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something moves for eight seconds; then nothing does, so that incidents end."""
    frames = [scene(min(number, 80), 320, 192) for number in range(240)]
    return write_video(tmp_path_factory.mktemp("scene") / "scene.mp4", frames, fps=10, gop=10)


@pytest.fixture
def engine(
    start_engine: Callable[..., EngineProcess], video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> EngineProcess:
    # Weights that are none: where nobody can look for faces a picture is hidden whole, which is blur enough here.
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "version-RFB-640.onnx").write_bytes(b"altered")
    monkeypatch.setenv("CRIME_DETECT_MODELS", str(tmp_path / "weights"))
    return start_engine(CONFIG.format(video=video, rules=RULES, key=tmp_path / "stick" / "media.key"))


def with_clip(engine: EngineProcess, camera: str) -> Any:
    def look() -> Any:
        items = engine.get(f"/incidents?camera={camera}")["items"]
        return next((one for one in items if one["media"]["clip"]), None)

    return wait_until(look, 150, lambda: f"no incident of {camera} has a clip:\n{engine.log()}")


def in_clear(engine: EngineProcess) -> list[str]:
    found = []
    for path in engine.data.rglob("*"):
        try:
            if path.is_file() and (word := IN_CLEAR.search(path.read_bytes())):
                found.append(f"{path.relative_to(engine.data)}: {word[0]!r}")
        except FileNotFoundError:  # renamed or removed meanwhile
            continue
    return found


def run(engine: EngineProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = ["--data", str(engine.data), "--config", str(engine.folder / "crime_detect.yaml")]
    command = [sys.executable, "-m", "crime_detect_engine.cli", *arguments, *config]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_service_that_encrypts_everything(engine: EngineProcess, tmp_path: Path) -> None:
    blurred, masked = with_clip(engine, "backyard"), with_clip(engine, "cellar")
    assert in_clear(engine) == []
    place = f"/api/v1/incidents/{blurred['incident_id']}"
    for name in ("snapshot.jpg", "original.jpg"):
        status, kind, picture = engine.download(f"{place}/{name}")
        assert (status, kind, picture[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    status, _, clip = engine.download(f"{place}/clip.mp4")
    _, _, part = engine.download(f"{place}/clip.mp4", {**engine.headers, "Range": "bytes=1000-1999"})
    assert (status, part) == (200, clip[1000:2000])
    frames = []
    for name in ("clip.mp4", "original.mp4"):
        with av.open(io.BytesIO(engine.download(f"{place}/{name}")[2])) as container:
            frames.append(next(container.decode(video=0)).to_ndarray(format="rgb24").astype(float))
    assert np.abs(np.diff(frames[1], axis=1)).mean() > 2 * np.abs(np.diff(frames[0], axis=1)).mean(), "not blurred"
    made = run(engine, "token", "create", "--role", "operator")
    assert engine.download(f"{place}/original.jpg", {"Authorization": f"Bearer {made.stdout.split()[-1]}"})[0] == 403
    assert engine.download(f"/api/v1/incidents/{masked['incident_id']}/original.jpg")[0] == 404
    assert not list((engine.data / "media" / "cellar").rglob("*.original.*"))
    assert engine.terminate()[0] == 0
    assert in_clear(engine) == []

    # By the commands, without the service; then without its database.
    assert "GOOD" in run(engine, "evidence", "chain", "--files").stdout
    out = tmp_path / "out"
    assert run(engine, "media", "export", blurred["incident_id"], "--originals", "--out", str(out)).returncode == 0
    assert {one.name for one in out.iterdir()} == {
        "snapshot.jpg", "clip.mp4", "original_snapshot.jpg", "original_clip.mp4",
    }  # fmt: skip
    for part_of in engine.data.glob("crime_detect.db*"):
        part_of.unlink()
    (engine.data / "engine-epoch").unlink()
    engine.start()
    again = engine.get(f"/incidents/{blurred['incident_id']}")
    assert again["media"]["clip"] is not None
    assert engine.download(f"{place}/clip.mp4")[2] == clip
    engine.terminate()

    # Without the key nothing starts, and nothing is changed.
    key = tmp_path / "stick" / "media.key"
    kept, before = key.read_bytes(), (engine.data / "crime_detect.db").read_bytes()
    key.unlink()
    with pytest.raises(AssertionError, match="the engine ended with 1"):
        engine.start()
    assert f"the key {key} is missing" in engine.log()
    assert not key.exists()
    assert (engine.data / "crime_detect.db").read_bytes() == before
    key.write_bytes(kept)
    engine.start()
    assert engine.download(f"{place}/clip.mp4")[2] == clip
