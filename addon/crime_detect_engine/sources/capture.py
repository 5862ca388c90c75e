"""Owns the one capture thread a camera: retry, back-off, liveness, frozen pictures, privacy, packets, counters.

`Capture(camera, source, sampler, on_frame, clock=…, on_status=…, keep_packets=…)`; `start()`, `stop()`, `pause()`,
`resume()`, `status()`, `span()`, `counters()`. `on_frame(Frame)` is called from the capture thread, `on_status(
CameraStatus)` from the thread that noticed: the capture thread or the caller of `status()`. Call `status()` every
second or so: it is also the watchdog that notices a read which hangs in spite of all timeouts.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.clock import Clock, SystemClock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.ports import PacketSpan, RawFrame, Sampler, Source
from crime_detect_engine.domain.types import CameraState, CameraStatus, Frame

from .address import redact
from .ring import PacketRing, RingLimits


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """Times of the supervision, in seconds."""

    first_retry_s: float = 1.0
    last_retry_s: float = 60.0
    lost_after_s: float = 10.0
    """No frame for so long: LOST (the promise is 20 s)."""
    frozen_after_s: float = 30.0
    """The same picture for so long while the stream runs: FROZEN. Sensor noise tells a quiet scene from it."""


@dataclass(frozen=True, slots=True)
class CaptureCounters:
    """Since the start: frames decoded, sampled, packets dropped to catch up, undecodable ones, connections lost."""

    decoded: int = 0
    sampled: int = 0
    dropped: int = 0
    corrupt: int = 0
    reconnects: int = 0


@runtime_checkable
class _Counting(Protocol):
    """A source that skips packets to catch up and counts what it could not decode."""

    dropped: int
    corrupt: int


class Capture:
    """Supervises one source. All public methods may be called from any thread."""

    def __init__(
        self,
        camera: str,
        source: Source,
        sampler: Sampler,
        on_frame: Callable[[Frame], None],
        *,
        clock: Clock | None = None,
        on_status: Callable[[CameraStatus], None] | None = None,
        keep_packets: RingLimits | None = None,
        limits: CaptureLimits | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._camera = camera
        self._source = source
        self._sampler = sampler
        self._on_frame = on_frame
        self._clock = clock or SystemClock()
        self._on_status = on_status
        self._ring = PacketRing(keep_packets) if keep_packets else None
        self._limits = limits or CaptureLimits()
        self._rng = rng or random.Random()
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition(threading.RLock())
        self._stopping = False
        self._paused = False
        self._status = CameraStatus(camera, CameraState.STARTING, since=self._clock.now())
        self._counters = CaptureCounters()
        self._last_frame_s = self._clock.tick_s()
        self._recent: deque[float] = deque(maxlen=50)
        self._still = StillPicture()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"capture-{self._camera}", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ends the thread; one that hangs in a read beyond the timeout is left to die with the process."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._source.interrupt()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def pause(self) -> None:
        """Privacy: the connection is closed, nothing is captured, kept packets are thrown away."""
        with self._changed:
            self._paused = True
            self._changed.notify_all()
        self._source.interrupt()
        if self._ring:
            self._ring.clear()
        self._become(CameraState.PAUSED, None)

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._last_frame_s = self._clock.tick_s()
            self._changed.notify_all()
        self._become(CameraState.STARTING, None)

    def status(self) -> CameraStatus:
        """The state now; notices (and tells `on_status`) when frames have stopped coming."""
        with self._changed:
            known, quiet_s = self._status, self._clock.tick_s() - self._last_frame_s
        if known.state not in (CameraState.PAUSED, CameraState.LOST) and quiet_s > self._limits.lost_after_s:
            reason = known.last_error or "no picture comes any more"
            self._become(CameraState.LOST, reason, unauthorized=known.unauthorized)
            self._source.interrupt()
        with self._changed:
            return self._status

    def counters(self) -> CaptureCounters:
        with self._changed:
            return self._counters

    def span(self, start_tick_s: float, end_tick_s: float) -> PacketSpan | None:
        """Packets from the keyframe at or before the start; None when nothing of it is kept."""
        return self._ring.span(start_tick_s, end_tick_s) if self._ring else None

    # --- the capture thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        while self._wait_for_turn():
            frames_before = self._counters.decoded
            permanent = unauthorized = False
            try:
                self._read()
                message = "the file has ended" if not self._source.live else "the stream ended"
                permanent = not self._source.live
            except SourceError as error:
                message, permanent, unauthorized = str(error), error.permanent, error.unauthorized
            except Exception as error:  # noqa: BLE001 - whatever a camera makes a decoder do must not end its thread
                message = f"{type(error).__name__}: {error}"
            if self._ring:
                self._ring.break_off()
            if self._stopping or self._paused:
                continue
            came = self._counters.decoded > frames_before
            failures = 0 if came else failures + 1
            self._count(reconnects=1)
            self._lost(redact(message), at_once=permanent or not came, unauthorized=unauthorized)
            if permanent:
                self._wait(None)
            else:
                self._back_off(failures)

    def _read(self) -> None:
        """One connection, from its first frame to its last."""
        frames = self._source.frames(self._ring.add if self._ring else None)
        for raw in frames:
            if self._stopping or self._paused:
                break
            self._seen(raw)
            frame = self._sampler.offer(raw)
            if frame is not None:
                self._count(sampled=1)
                self._on_frame(frame)

    def _seen(self, raw: RawFrame) -> None:
        now_s = self._clock.tick_s()
        with self._changed:
            self._last_frame_s = now_s
            self._recent.append(now_s)
        self._count(decoded=1)
        state = CameraState.LIVE
        if self._source.live and self._still.lasted_s(raw) > self._limits.frozen_after_s:
            state = CameraState.FROZEN
        error = "the picture does not change any more" if state is CameraState.FROZEN else None
        known = self._status
        if (known.state, known.last_error, known.width, known.height) != (state, error, raw.width, raw.height):
            self._become(state, error, raw.width, raw.height)
        elif self._counters.decoded % 50 == 0:
            self._measure()

    def _count(self, *, decoded: int = 0, sampled: int = 0, reconnects: int = 0) -> None:
        source, old = self._source, self._counters
        dropped, corrupt = (source.dropped, source.corrupt) if isinstance(source, _Counting) else (0, 0)
        with self._changed:
            self._counters = CaptureCounters(
                old.decoded + decoded, old.sampled + sampled, dropped, corrupt, old.reconnects + reconnects
            )

    def _measure(self) -> None:
        """Refreshes the figures of the status without a change of state."""
        with self._changed:
            self._status = replace(self._status, fps=self._fps(), dropped=self._counters.dropped)

    def _fps(self) -> float:
        if len(self._recent) < 2 or self._recent[-1] <= self._recent[0]:
            return 0.0
        return round((len(self._recent) - 1) / (self._recent[-1] - self._recent[0]), 1)

    def _lost(self, message: str, *, at_once: bool, unauthorized: bool) -> None:
        """A connection ended. One that had pictures gets a moment to come back before the camera counts as lost."""
        with self._changed:
            quiet_s = self._clock.tick_s() - self._last_frame_s
            state = CameraState.LOST if at_once or quiet_s > self._limits.lost_after_s else self._status.state
        self._become(state, message, unauthorized=unauthorized)

    def _become(
        self, state: CameraState, error: str | None, width: int = 0, height: int = 0, *, unauthorized: bool = False
    ) -> None:
        with self._changed:
            old = self._status
            if self._paused and state is not CameraState.PAUSED:
                return
            self._status = CameraStatus(
                camera=self._camera,
                state=state,
                fps=self._fps() if state in (CameraState.LIVE, CameraState.FROZEN) else 0.0,
                dropped=self._counters.dropped,
                last_error=error,
                since=old.since if old.state is state else self._clock.now(),
                width=width or old.width,
                height=height or old.height,
                unauthorized=unauthorized,
            )
            changed = (old.state, old.last_error, old.width) != (state, error, self._status.width)
            told = self._status
        if changed and self._on_status is not None:
            self._on_status(told)

    def _wait_for_turn(self) -> bool:
        """Waits while paused; False when it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or not self._paused)
            return not self._stopping

    def _back_off(self, failures: int) -> None:
        """1 s, 2 s, 4 s … 60 s, each between half and the whole, so that thirty cameras do not come back at once."""
        longest_s = min(self._limits.last_retry_s, self._limits.first_retry_s * 2.0 ** min(failures, 16))
        self._wait(longest_s * self._rng.uniform(0.5, 1.0))

    def _wait(self, seconds: float | None) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._paused, seconds)


class StillPicture:
    """Tells a frozen picture from a quiet one: hardly a pixel of a strided luma plane moves.

    Sensor noise and a keyframe of a real scene do; a picture that a dead sensor or encoder repeats does not.
    """

    EVERY_S = 0.5

    def __init__(self) -> None:
        self._reference: NDArray[np.int16] | None = None
        self._since_s = 0.0
        self._looked_s = float("-inf")
        self._lasted_s = 0.0

    def lasted_s(self, raw: RawFrame) -> float:
        """For how many seconds the picture has been the same."""
        if not raw.cut and raw.tick_s - self._looked_s < self.EVERY_S:
            return self._lasted_s
        self._looked_s = raw.tick_s
        now = raw.luma()[::4, ::4].astype(np.int16)
        reference = self._reference
        if reference is None or raw.cut or reference.shape != now.shape or _changed(now, reference):
            self._reference, self._since_s = now, raw.tick_s
        self._lasted_s = raw.tick_s - self._since_s
        return self._lasted_s


def _changed(now: NDArray[np.int16], before: NDArray[np.int16]) -> bool:
    """More than 2 levels anywhere: what encoding the same picture again may do is less."""
    return int(np.abs(now - before).max(initial=0)) > 2
