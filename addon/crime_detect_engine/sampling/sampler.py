"""Owns sampling by time: which raw frames the model sees, at the rate it was trained on.

`FixedRateSampler(camera, spec, masks=…)`, then `offer(raw) -> Frame | None` for every decoded frame, from one thread.
The engine, `analyze` and training all use exactly this, so that a clip and a camera give the same frames.
"""

from __future__ import annotations

from collections.abc import Sequence

from crime_detect_engine.domain.ports import RawFrame
from crime_detect_engine.domain.types import Frame, ModelSpec

from .cuts import CutDetector
from .masks import Masks, Polygon
from .motion import MotionGate
from .picture import MaskedPicture
from .rate import rate_of
from .views import Views

MAX_GAP_STEPS = 2.5
"""A longer pause between two sampled frames is a gap: there is no difference across it and the window is dropped."""
MEASURED_S = 2.0
"""How much of a stream tells its frame rate, which `frame_skip` needs."""
_SAME_RATE = 0.02


class FixedRateSampler:
    """Samples at `spec.fps` of the camera's own time, to the nearest frame, and converts only what it samples.

    A source slower than the model is sampled at its own rate, down to a gap of `MAX_GAP_STEPS`. `find_cuts` and
    `gate` switch visual cut detection and the motion gate (off: only what the source tells, always `moving`).
    `frame_skip` asks for every Nth frame; it is followed as far as `rate_of` allows, and `note` says where it is not.
    """

    def __init__(
        self,
        camera: str,
        spec: ModelSpec,
        *,
        masks: Masks | Sequence[Polygon] = (),
        find_cuts: bool = True,
        gate: bool = True,
        frame_skip: int | None = None,
    ) -> None:
        self._camera = camera
        self._model_fps = spec.fps
        self._fps: float | None = None
        self._step_s = 1.0 / spec.fps
        self._skip = frame_skip
        self._counted = 0
        self._counted_from_s = 0.0
        self.note = rate_of(frame_skip, 0.0, spec.fps)[1]
        self._size = spec.picture_size
        self._views = Views(spec)
        self._interpolation = spec.interpolation
        self._masks = masks if isinstance(masks, Masks) else Masks(masks)
        self._cuts = CutDetector() if find_cuts else None
        self._gate = MotionGate(spec.frames / spec.fps) if gate else None
        self._seq = 0
        self._due_s = 0.0
        self._offered_s: float | None = None
        self._interval_s = 0.0
        self._sampled_s = 0.0
        self._pending_cut = False

    @property
    def source_fps(self) -> float:
        """The source's frame rate as seen so far, 0.0 while unknown."""
        return 1.0 / self._interval_s if self._interval_s > 0 else 0.0

    def offer(self, raw: RawFrame) -> Frame | None:
        """The frame if it is due, None otherwise. `raw.stream_s` must not go back."""
        self._pace(raw)
        if self._skip is not None:
            self._measure(raw, self._skip)
        if raw.cut:
            self._pending_cut = True
        gap_s = raw.stream_s - self._sampled_s
        if self._seq == 0 or self._pending_cut or gap_s > MAX_GAP_STEPS * self._step_s:
            self._pending_cut = True
            self._due_s = raw.stream_s
        elif raw.stream_s < self._due_s - self._interval_s / 2 - 1e-6:
            return None
        return self._take(raw)

    def _pace(self, raw: RawFrame) -> None:
        """Follows the source's frame spacing, to tell the frame nearest to a due time from the next one."""
        if self._offered_s is not None and not raw.cut:
            spacing_s = min(raw.stream_s - self._offered_s, self._step_s)
            if spacing_s > 0:
                old_s = self._interval_s
                self._interval_s = spacing_s if old_s == 0 else old_s + 0.2 * (spacing_s - old_s)
        self._offered_s = raw.stream_s

    def _measure(self, raw: RawFrame, skip: int) -> None:
        """Counts the frames of each connection's first seconds; another rate starts like a cut does."""
        if raw.cut or self._counted == 0:
            self._counted, self._counted_from_s = 1, raw.stream_s
            return
        elapsed_s = raw.stream_s - self._counted_from_s
        if self._counted < 0 or elapsed_s <= 0:
            return
        if elapsed_s < MEASURED_S:
            self._counted += 1
            return
        fps, self.note = rate_of(skip, round(self._counted / elapsed_s, 1), self._model_fps)
        self._counted = -1
        if abs(fps * self._step_s - 1.0) > _SAME_RATE:
            self._fps, self._step_s, self._pending_cut = fps, 1.0 / fps, True

    def _take(self, raw: RawFrame) -> Frame:
        picture = self._masks.apply(raw.rgb(self._size, self._size, self._interpolation))
        cut = self._pending_cut
        if self._cuts is not None and self._cuts.cut(picture, known=cut):
            cut = True
        moving = True
        if self._gate is not None:
            moving = self._gate.moving(raw.luma(), raw.stream_s, cut=cut)
        image, previous, region = self._views.show(picture, cut=cut)
        frame = Frame(
            camera=self._camera,
            seq=self._seq,
            at=raw.at,
            tick_s=raw.tick_s,
            image=image,
            previous=previous,
            picture=MaskedPicture(raw, self._masks),
            moving=moving,
            cut=cut,
            fps=self._fps,
            region=region,
        )
        self._seq += 1
        self._sampled_s = raw.stream_s
        self._due_s += self._step_s
        if raw.stream_s >= self._due_s - self._interval_s / 2:
            self._due_s = raw.stream_s + self._step_s
        self._pending_cut = False
        return frame
