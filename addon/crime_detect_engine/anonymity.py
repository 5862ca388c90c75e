"""Owns that nobody who is to be hidden can be recognised in a picture that is kept or leaves: in doubt nothing can."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from .config import CameraConfig
from .config.places import detector_folders
from .domain.errors import BackendError, CheckpointError, StoreError
from .domain.ports import Detector
from .domain.scene import PERSON
from .domain.types import Image
from .heads import heads_of
from .pipeline import Pipeline
from .recorder import ClipMaterial
from .store.blur import Hiding, hide, hide_all, scaled
from .store.decoding import TimedImage, decode_jpegs, decode_packets
from .store.mp4 import MAX_FPS, MAX_HEIGHT
from .store.privacy import Blur, BlurChoice, PrivacyOptions
from .trails import merged, spread
from .vision.detectors import load_detector, load_face_detector
from .vision.detectors.weights import WEIGHTS, find_weights, stored_weights

_LOG = logging.getLogger(__name__)
FACES, PERSONS = "rfb_640", "yolox_nano"
FACE_SIZE, PERSON_SIZES = 1280, (416, 832)
"""Pixels of the longer side that a picture is looked at with, smaller ones enlarged: docs/privacy/blurring.md."""
FACE_CONFIDENCE, PERSON_CONFIDENCE = 0.3, 0.2
"""Low: to hide what is no face costs little, not to hide one tells who it was."""
LARGE_FACE, LARGE_FACE_CONFIDENCE = 64, 0.75
"""From so many pixels of FACE_SIZE on a face is plain, and what hardly looks like one is none."""
LOOKS_A_SECOND = 5.0
"""Of a clip; between two looks everybody goes straight."""
LOOK_EVERY_S = 1.0
AGAIN_S = 300.0


MEND_BLURRING = (
    "the engine fetches the weights once when a camera hides somebody; without internet put "
    + " and ".join(f"{WEIGHTS[name].file} (SHA-256 {WEIGHTS[name].sha256})" for name in (FACES, PERSONS))
    + " into DATA/models/detectors; OpenVINO must be installed (pip install openvino)"
)


def why_nobody_looks(folders: Sequence[Path]) -> str | None:
    """Why faces cannot be looked for here, for people; None where they can. Fetches nothing."""
    try:
        Finder(folders).load()
    except (CheckpointError, BackendError) as error:
        return str(error)
    return None


class Finder:
    """The two detectors, for one caller at a time, loaded at the first picture."""

    def __init__(self, folders: Sequence[Path], precision: str = "auto") -> None:
        self._folders = folders
        self._precision = precision
        self._lock = threading.Lock()
        self._detectors: tuple[Detector, Detector] | None = None

    def load(self) -> tuple[Detector, Detector]:
        """Of faces and of persons; never fetches, for that may take minutes. Raises CheckpointError, BackendError."""
        if self._detectors is None:
            for name in (FACES, PERSONS):
                if stored_weights(name, self._folders) is None:
                    raise CheckpointError(f"the weights of {name} are not here yet")
            faces = load_face_detector(self._folders, FACE_SIZE, FACE_CONFIDENCE, self._precision)
            things = load_detector(PERSONS, "cpu", self._folders, self._precision, max(PERSON_SIZES))
            self._detectors = faces, things
        return self._detectors

    def find(self, image: Image, blur: Blur) -> list[Hiding]:
        """Where faces are, and where a head must be because a person is there; whole persons if those are hidden.

        Raises CheckpointError, BackendError.
        """
        with self._lock:
            detect_faces, detect_things = self.load()
            large = scaled(image, FACE_SIZE)
            (faces,) = detect_faces.detect([large])
            things = detect_things.detect([scaled(image, size) for size in PERSON_SIZES])
        persons = [one for one in chain(*things) if one.label == PERSON and one.confidence >= PERSON_CONFIDENCE]
        plain_from = LARGE_FACE / large.shape[0]
        found = [one for one in faces if one.box.height < plain_from or one.confidence >= LARGE_FACE_CONFIDENCE]
        boxes = [one.box for one in persons]
        if not blur.persons:
            boxes = heads_of(persons, found, image.shape[0] / image.shape[1])
        return merged([*(Hiding(one.box) for one in found), *(Hiding(box, face=False) for box in boxes)])


class Anonymity:
    """Hides faces or persons; where they cannot be looked for, the whole picture. Callable from any thread.

    `options` are those in force now. `problem` says why a picture was hidden whole, for people. A clip has detectors
    of its own, so that no live picture waits for it.
    """

    def __init__(self, options: PrivacyOptions, data: Path, again_s: float = AGAIN_S, precision: str = "auto") -> None:
        self.options = options
        self._folders = detector_folders(data)
        self._again_s = again_s
        self._pictures, self._clips = (Finder(self._folders, precision) for _ in range(2))
        self._stopped = threading.Event()
        self._fetching: str | None = None
        self._failure: str | None = None
        self.hidden_whole = 0
        """Pictures of which nothing can be seen because nobody could look for faces."""

    @property
    def problem(self) -> str | None:
        return self._fetching or self._failure

    def of(self, camera: CameraConfig | None) -> Blur:
        """Whom this camera hides; None for what is no camera yet."""
        return self.options.of(camera.privacy if camera else BlurChoice())

    def hide(self, image: Image, blur: Blur) -> Image:
        """RGB uint8 HxWx3 → the same without whom `blur` hides; the image itself where that is nobody."""
        if not blur.on:
            return image
        places = self.look(image, blur)
        return hide_all(image) if places is None else hide(image, places)

    def clip(self, material: ClipMaterial) -> Iterator[TimedImage]:
        """The pictures of a clip without whom `material.blur` hides; decoded twice, in memory, as they are asked for.

        Raises StoreError where the engine stops, or nothing can be decoded.
        """
        hidden = self.look_at(material)
        for number, (at_s, image) in enumerate(_decoded(material)):
            yield at_s, hide_all(image) if hidden is None else hide(image, hidden[number])

    def look_at(self, material: ClipMaterial) -> list[list[Hiding]] | None:
        """What to hide in each picture of a clip; None where nobody can say. Raises StoreError as `clip`."""
        found: list[tuple[float, Sequence[Hiding] | None]] = []
        looked_s = float("-inf")
        for (at_s, image), last in _with_last(_decoded(material)):
            if self._stopped.is_set():
                raise StoreError("the clip was given up because the engine stops")
            if at_s - looked_s < 0.95 / LOOKS_A_SECOND and not last:
                found.append((at_s, None))
                continue
            looked_s, places = at_s, self._look(self._clips, image, material.blur)
            if places is None:
                return None
            found.append((at_s, places))
        return spread(found)

    def look(self, image: Image, blur: Blur) -> list[Hiding] | None:
        """What to hide in a picture; None where nobody can say."""
        return self._look(self._pictures, image, blur)

    def close(self) -> None:
        """Gives up the clip that is being made."""
        self._stopped.set()

    async def run(self, pipeline: Pipeline) -> None:
        """Fetches the weights once a camera hides somebody; asks again while that fails. Until cancelled."""
        ready = False
        while True:
            wanted = any(self.of(line.config).on for line in pipeline.lines.values())
            if ready or not wanted:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            try:
                for name in (FACES, PERSONS):
                    await asyncio.to_thread(find_weights, name, self._folders)
            except CheckpointError as error:
                if str(error) != self._fetching:
                    _LOG.error("pictures are hidden whole, because nobody can look for faces: %s", error)
                self._fetching = str(error)
                await asyncio.sleep(self._again_s)
            else:
                ready, self._fetching, self._failure = True, None, None

    def notes(self) -> Sequence[str]:
        """What is wrong, for people."""
        return [f"blurring: pictures are hidden whole: {self.problem}"] if self.problem else []

    def _look(self, finder: Finder, image: Image, blur: Blur) -> list[Hiding] | None:
        """None where nobody can."""
        try:
            places = finder.find(image, blur)
        except (CheckpointError, BackendError) as error:
            if str(error) != self._failure:
                _LOG.error("a picture is hidden whole, because nobody can look for faces: %s", error)
            self._failure = str(error)
            self.hidden_whole += 1
            return None
        self._failure = None
        return places


def _with_last(pictures: Iterator[TimedImage]) -> Iterator[tuple[TimedImage, bool]]:
    """Each picture, and whether it is the last."""
    before = next(pictures, None)
    while before is not None:
        after = next(pictures, None)
        yield before, after is None
        before = after


def _decoded(material: ClipMaterial) -> Iterator[TimedImage]:
    if material.span is not None:
        return decode_packets(material.span, MAX_FPS, MAX_HEIGHT)
    return decode_jpegs(((one.tick_s, one.jpeg) for one in material.frames), MAX_FPS, MAX_HEIGHT)
