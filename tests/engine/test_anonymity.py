"""Owns the proof that nobody who is to be hidden is seen: faces, heads, whole persons; in doubt nothing at all."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from crime_detect_engine.anonymity import FACES, PERSONS, Anonymity, why_nobody_looks
from crime_detect_engine.config import CameraConfig
from crime_detect_engine.config.places import MODELS_VARIABLE
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Packet, PacketSpan, StreamFormat
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.recorder import ClipMaterial, StoredFrame
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.store.blur import covered, scaled
from crime_detect_engine.store.pictures import encode_jpeg
from crime_detect_engine.store.privacy import Blur, BlurChoice, PrivacyOptions
from crime_detect_engine.vision.detectors.weights import WEIGHTS
from numpy.typing import NDArray

from tests.fakes import NOON
from tests.rig.videos import write_video

HIDE_FACES, HIDE_PERSONS = Blur(faces=True), Blur(faces=True, persons=True)
TRUTH = Path(__file__).resolve().parents[1] / "fixtures" / "truth" / "faces.json"
Picture = NDArray[np.uint8]


def pilots(clips: Path) -> Picture:
    return np.asarray(cv2.imread(str(clips / "faces" / "pilots.jpg"), cv2.IMREAD_COLOR_RGB), np.uint8)


def marked(name: str) -> list[Box]:
    return [Box(*box) for box in json.loads(TRUTH.read_text())["pictures"][name]]


@pytest.fixture
def anonymity(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Anonymity:
    monkeypatch.setenv(MODELS_VARIABLE, str(clips / "detectors"))
    return Anonymity(PrivacyOptions(), tmp_path, precision="fp32")


@pytest.fixture
def blind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Anonymity:
    """Has no weights, and cannot fetch any."""

    def fetch(*_: Any) -> Path:
        raise OSError("Network is unreachable")

    monkeypatch.setattr("crime_detect_engine.vision.detectors.weights.fetch", fetch)
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)
    return Anonymity(PrivacyOptions(blur_faces=True), tmp_path, again_s=0.01)


def recognisable(picture: Picture) -> bool:
    return len(np.unique(picture[::4, ::4].reshape(-1, 3), axis=0)) > 200


@pytest.mark.parametrize(
    ("name", "size"), [("faces/pilots.jpg", 320), ("faces/pilots.jpg", 1280), ("faces/solvay1927_gray.jpg", 1280)]
)
def test_all_faces_of_a_picture_are_hidden(anonymity: Anonymity, clips: Path, name: str, size: int) -> None:
    picture = scaled(np.asarray(cv2.imread(str(clips / name), cv2.IMREAD_COLOR_RGB), np.uint8), size)
    hidden = anonymity.hide(picture, HIDE_FACES)
    places = anonymity.look(picture, HIDE_FACES)
    mask = covered(places or (), *picture.shape[:2])
    height, width = picture.shape[:2]
    for box in marked(name):
        part = mask[int(box.top * height) : int(box.bottom * height), int(box.left * width) : int(box.right * width)]
        assert part.mean() > 0.95
    assert (hidden[~mask] == picture[~mask]).all()
    assert (hidden[mask] != picture[mask]).any(1).mean() > 0.9
    assert anonymity.notes() == []


def test_nobody_is_hidden_where_nobody_asks_for_it(anonymity: Anonymity, clips: Path) -> None:
    picture = pilots(clips)
    assert anonymity.hide(picture, Blur()) is picture


def test_a_head_is_hidden_though_no_face_is_seen_and_a_person_from_head_to_foot(
    anonymity: Anonymity, clips: Path
) -> None:
    """She stands with her back to the camera."""
    frames = FileSource(clips / "normal_footage" / "one-by-one-person-detection.mp4").frames()
    picture = next(raw.rgb(raw.width, raw.height, "area") for raw in frames if raw.stream_s >= 13.1)
    head, feet = (int(0.1 * picture.shape[0]), int(0.58 * picture.shape[1])), (350, int(0.59 * picture.shape[1]))
    faces, persons = (
        covered(anonymity.look(picture, blur) or (), *picture.shape[:2]) for blur in (HIDE_FACES, HIDE_PERSONS)
    )
    assert (faces[head], faces[feet]) == (True, False)
    assert (persons[head], persons[feet]) == (True, True)
    assert persons.mean() < 0.5


def test_without_weights_the_whole_picture_is_hidden_and_people_are_told(blind: Anonymity, clips: Path) -> None:
    picture = pilots(clips)
    hidden = blind.hide(picture, HIDE_FACES)
    assert hidden.shape == picture.shape
    assert not recognisable(hidden)
    assert "hidden whole" in blind.notes()[0]
    assert blind.hidden_whole == 1


@pytest.mark.parametrize("missing", [FACES, PERSONS])
def test_one_of_two_detectors_is_not_enough(blind: Anonymity, clips: Path, tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "models" / "detectors"
    folder.mkdir(parents=True)
    other = PERSONS if missing == FACES else FACES
    shutil.copy(clips / "detectors" / WEIGHTS[other].file, folder)
    (folder / WEIGHTS[missing].file).write_bytes(b"altered")
    assert not recognisable(blind.hide(pilots(clips), HIDE_FACES))
    assert "was altered" in blind.notes()[0]
    assert "was altered" in str(why_nobody_looks((folder,)))


async def test_weights_that_come_later_end_it(blind: Anonymity, clips: Path, tmp_path: Path, until: Any) -> None:
    line = SimpleNamespace(config=CameraConfig("yard", "rtsp://x", "Yard"))
    running = asyncio.create_task(blind.run(SimpleNamespace(lines={"yard": line})))  # type: ignore[arg-type]
    await until(lambda: blind.problem)
    assert "Connect once to the internet" in blind.notes()[0]
    folder = tmp_path / "models" / "detectors"
    folder.mkdir(parents=True)
    for name in (FACES, PERSONS):
        shutil.copy(clips / "detectors" / WEIGHTS[name].file, folder)
    await until(lambda: blind.problem is None)
    assert recognisable(blind.hide(pilots(clips), HIDE_FACES))
    assert why_nobody_looks((folder,)) is None
    running.cancel()


def test_what_holds_for_all_changes_at_once(anonymity: Anonymity) -> None:
    yard = CameraConfig("yard", "rtsp://x", "Yard")
    assert not anonymity.of(yard).on
    anonymity.options = PrivacyOptions(blur_faces=True)
    assert anonymity.of(yard) == anonymity.of(None) == HIDE_FACES
    assert not anonymity.of(replace(yard, privacy=BlurChoice(blur_faces=False))).on


# --- clips ---------------------------------------------------------------------------------------------------------


def clip_of(picture: Picture, folder: Path) -> PacketSpan:
    """Three seconds in which the picture slides."""
    frames = [
        np.asarray(cv2.warpAffine(picture, np.float32([[1, 0, 3 * n], [0, 1, 0]]), (640, 360)), np.uint8)
        for n in range(30)
    ]
    packets: list[Packet] = []
    forms: list[StreamFormat] = []
    for _ in FileSource(write_video(folder / "moving.mp4", frames, fps=10)).frames(
        lambda form, packet: (forms.append(form), packets.append(packet))  # type: ignore[func-returns-value]
    ):
        pass
    return PacketSpan(forms[0], packets)


@pytest.fixture
def materials(clips: Path, tmp_path: Path) -> Callable[[], list[ClipMaterial]]:
    def make() -> list[ClipMaterial]:
        small = scaled(pilots(clips), 440)
        jpeg = encode_jpeg(small)
        frames = [StoredFrame(NOON + timedelta(seconds=n / 8), n / 8, jpeg) for n in range(24)]
        return [
            ClipMaterial(clip_of(small, tmp_path), (), HIDE_FACES),
            ClipMaterial(None, tuple(frames), HIDE_FACES),
        ]

    return make


def test_in_every_picture_of_a_clip_every_face_is_hidden(anonymity: Anonymity, materials: Any) -> None:
    packets, jpegs = materials()
    for material, size, slides in ((packets, (360, 640), True), (jpegs, (344, 440), False)):
        places = anonymity.look_at(material)
        assert places is not None
        assert len(places) >= 20
        for number, hidden in enumerate(places):
            mask = covered(hidden, *size)
            for box in marked("faces/pilots.jpg"):
                x = (box.left + box.right) / 2 * 440 + (3 * number if slides else 0)
                y = (box.top + box.bottom) / 2 * 345
                assert mask[int(y) - 12 : int(y) + 12, int(x) - 8 : int(x) + 8].all(), (number, box)


def test_without_weights_a_whole_clip_is_hidden(blind: Anonymity, materials: Any) -> None:
    for material in materials():
        pictures = list(blind.clip(material))
        assert len(pictures) >= 20
        assert not any(recognisable(image) for _, image in pictures)


def test_a_stop_gives_up_the_clip(anonymity: Anonymity, materials: Any) -> None:
    anonymity.close()
    with pytest.raises(StoreError, match="engine stops"):
        next(iter(anonymity.clip(materials()[0])))


def test_a_clip_that_cannot_be_decoded_is_none(anonymity: Anonymity) -> None:
    form = StreamFormat("nothing", 640, 360, Fraction(1, 90_000), None)
    with pytest.raises(StoreError, match="no decoder"):
        list(anonymity.clip(ClipMaterial(PacketSpan(form, []), (), HIDE_FACES)))
