"""Owns the packet ring: the last seconds of a camera as it was encoded, bounded in time and bytes."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from crime_detect_engine.domain.ports import Packet, PacketSpan, StreamFormat


@dataclass(frozen=True, slots=True)
class RingLimits:
    """What one camera may keep; whichever is reached first."""

    seconds: float = 60.0
    bytes: int = 64_000_000


class PacketRing:
    """Packets in groups that begin with a keyframe. Written by the capture thread, read from any."""

    def __init__(self, limits: RingLimits) -> None:
        self._limits = limits
        self._groups: deque[tuple[StreamFormat, int, list[Packet]]] = deque()
        self._stretch = 0
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, form: StreamFormat, packet: Packet) -> None:
        """Keeps the packet; those before the first keyframe of a stretch are of no use and are not kept."""
        with self._lock:
            if packet.keyframe:
                self._groups.append((form, self._stretch, [packet]))
            elif self._groups and self._groups[-1][1] == self._stretch:
                self._groups[-1][2].append(packet)
            else:
                return
            self._bytes += len(packet.data)
            self._trim(packet.tick_s)

    def break_off(self) -> None:
        """The stream ended: what comes next is another stretch and is never joined to this one."""
        with self._lock:
            self._stretch += 1

    def clear(self) -> None:
        with self._lock:
            self._groups.clear()
            self._bytes = 0
            self._stretch += 1

    def span(self, start_tick_s: float, end_tick_s: float) -> PacketSpan | None:
        """Packets from the keyframe at or before the start (or the oldest kept) to the end, of one stretch and format.

        Where a break lies within, the part that holds more of the wanted time. None when nothing of it is kept.
        """
        with self._lock:
            groups = [(form, stretch, tuple(packets)) for form, stretch, packets in self._groups]
        best: list[tuple[StreamFormat, int, tuple[Packet, ...]]] = []
        run: list[tuple[StreamFormat, int, tuple[Packet, ...]]] = []
        for group in groups:
            if run and run[-1][:2] != group[:2]:
                best = max(best, run, key=lambda item: _overlap_s(item, start_tick_s, end_tick_s))
                run = []
            run.append(group)
        best = max(best, run, key=lambda item: _overlap_s(item, start_tick_s, end_tick_s))
        if not best or _overlap_s(best, start_tick_s, end_tick_s) <= 0:
            return None
        first = max((i for i, group in enumerate(best) if group[2][0].tick_s <= start_tick_s), default=0)
        packets = [packet for group in best[first:] for packet in group[2] if packet.tick_s <= end_tick_s]
        return PacketSpan(best[0][0], packets)

    def _trim(self, now_s: float) -> None:
        """Whole groups leave; the newest always stays unless it alone is too large."""
        while self._groups and (
            self._bytes > self._limits.bytes
            or (len(self._groups) > 1 and now_s - self._groups[1][2][0].tick_s > self._limits.seconds)
        ):
            self._bytes -= sum(len(packet.data) for packet in self._groups.popleft()[2])


def _overlap_s(groups: list[tuple[StreamFormat, int, tuple[Packet, ...]]], start_s: float, end_s: float) -> float:
    if not groups:
        return -1.0
    return min(end_s, groups[-1][2][-1].tick_s) - max(start_s, groups[0][2][0].tick_s) + 1e-6
