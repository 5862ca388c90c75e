from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

from crime_detect_engine.domain.ports import Packet, StreamFormat
from crime_detect_engine.sources.ring import PacketRing, RingLimits

FORM = StreamFormat("h264", 160, 96, Fraction(1, 90000), b"x")
OTHER = StreamFormat("h264", 320, 192, Fraction(1, 90000), b"y")


def packet(n: int, size: int = 10) -> Packet:
    """One each 0.1 s, a keyframe each second."""
    return Packet(datetime(2026, 1, 1, tzinfo=UTC), n / 10, b"p" * size, n * 9000, n * 9000, n % 10 == 0)


def filled(count: int, limits: RingLimits | None = None, first: int = 0) -> PacketRing:
    ring = PacketRing(limits or RingLimits())
    for n in range(first, count):
        ring.add(FORM, packet(n))
    return ring


def ticks(ring: PacketRing, start_s: float, end_s: float) -> list[float]:
    span = ring.span(start_s, end_s)
    return [p.tick_s for p in span.packets] if span else []


def test_a_span_begins_with_the_keyframe_before_its_start() -> None:
    assert ticks(filled(100), 3.5, 5.25) == [n / 10 for n in range(30, 53)]


def test_packets_before_the_first_keyframe_are_not_kept() -> None:
    assert ticks(filled(100, first=5), 0.0, 1.2) == [1.0, 1.1, 1.2]


def test_the_ring_is_bounded_in_seconds_and_bytes_by_whole_groups() -> None:
    assert ticks(filled(200, RingLimits(seconds=5)), 0, 99)[0] == 14.0
    assert ticks(filled(200, RingLimits(bytes=350)), 0, 99)[0] == 17.0


def test_a_span_never_joins_two_stretches() -> None:
    ring = filled(50)
    ring.break_off()
    for n in range(60, 100):
        ring.add(FORM, packet(n))
    assert ticks(ring, 3.0, 7.0) == [n / 10 for n in range(30, 50)]
    assert ticks(ring, 4.5, 9.0) == [n / 10 for n in range(60, 91)]


def test_a_span_never_joins_two_formats() -> None:
    ring = filled(50)
    for n in range(50, 100):
        ring.add(OTHER, packet(n))
    span = ring.span(4.0, 9.0)
    assert span is not None
    assert (span.format.width, span.packets[0].tick_s) == (320, 5.0)


def test_after_clear_and_outside_there_is_nothing() -> None:
    ring = filled(50)
    assert ring.span(20, 30) is None
    ring.clear()
    assert ring.span(0, 30) is None
    ring.add(FORM, packet(51))
    assert ring.span(0, 30) is None
