"""Owns stream time: from a camera's own timestamps to seconds that never go back and to this machine's clock."""

from __future__ import annotations

from dataclasses import dataclass

BACK_S = 1.0
"""A step back that is larger is a cut; smaller ones are disorder."""
AHEAD_S = 30.0
"""A step ahead that is larger is a new time base, not a gap."""
DRIFT = 0.001
"""How much slower than ours a camera's clock may run, in seconds a second, before it looks like lag."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`stream_s` never goes back. `tick_s` is when the frame was taken, on the monotonic clock, never in the future.

    `cut` is True where the timestamps broke off.
    """

    stream_s: float
    tick_s: float
    cut: bool


class StreamTime:
    """Turns presentation times (seconds or None) and arrival ticks into moments, for one source over reconnects.

    For live streams the offset between the two clocks is the smallest seen, so that network jitter and a backlog
    show as `lag_s` and not as a changed frame spacing. For files (`live=False`) `tick_s` is the arrival.
    """

    def __init__(self, *, live: bool, interval_s: float = 0.04) -> None:
        self._live = live
        self._interval_s = interval_s
        self._base_s: float | None = None
        self._stream_s: float | None = None
        self._arrival_s = 0.0
        self._tick_s = float("-inf")
        self._offset_s: float | None = None

    def restart(self, interval_s: float | None = None) -> None:
        """A new connection or loop begins: its timestamps continue where the last ones ended."""
        self._base_s = None
        self._offset_s = None
        if interval_s:
            self._interval_s = interval_s

    def advance(self, pts_s: float | None, arrival_s: float) -> Moment:
        """The next frame in presentation order."""
        stream_s, cut = self._step(pts_s, arrival_s)
        self._stream_s = stream_s
        tick_s = arrival_s
        if self._live:
            offset_s = arrival_s - stream_s
            if self._offset_s is not None:
                offset_s = min(offset_s, self._offset_s + DRIFT * max(0.0, arrival_s - self._arrival_s))
            self._offset_s = offset_s
            tick_s = min(arrival_s, offset_s + stream_s)
        self._arrival_s = arrival_s
        self._tick_s = max(self._tick_s, tick_s)
        return Moment(stream_s, self._tick_s, cut)

    def forgive_lag(self) -> None:
        """The stream itself is late from here on (its server slept): measure lag anew."""
        self._offset_s = None

    def lag_s(self, pts_s: float, arrival_s: float) -> float:
        """How far a packet with that time is behind the live edge; 0 while unknown."""
        if self._base_s is None or self._offset_s is None:
            return 0.0
        stream_s = pts_s - self._base_s
        if self._stream_s is None or abs(stream_s - self._stream_s) > AHEAD_S:
            return 0.0
        return max(0.0, arrival_s - self._offset_s - stream_s)

    def _step(self, pts_s: float | None, arrival_s: float) -> tuple[float, bool]:
        if self._stream_s is None:
            self._base_s = pts_s
            return 0.0, False
        pause_s = arrival_s - self._arrival_s if self._live else self._interval_s
        if pts_s is None or self._base_s is None:
            stream_s = self._stream_s + max(0.0, pause_s)
            self._base_s = None if pts_s is None else pts_s - stream_s
            return stream_s, False
        step_s = pts_s - self._base_s - self._stream_s
        if 0 <= step_s <= AHEAD_S:
            return self._stream_s + step_s, False
        stream_s = self._stream_s + self._interval_s
        self._base_s = pts_s - stream_s
        return stream_s, step_s < -BACK_S or step_s > AHEAD_S
