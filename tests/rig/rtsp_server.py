#!/usr/bin/python3
"""Owns a loopback RTSP server that loops H.264 files without re-encoding (system Python with GStreamer).

usage: rtsp_server.py [--port P] [--user NAME --password WORD] NAME=FILE[,FILE…] …

The access units are read once into memory and pushed for ever with continuous timestamps; a stream of several files
plays them one after the other, whatever their resolution. Prints the port when it listens. Port 0 takes a free one.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import gi

for module in ("Gst", "GstApp", "GstRtsp", "GstRtspServer"):
    gi.require_version(module, "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

H264 = "video/x-h264,stream-format=byte-stream,alignment=au"
LAUNCH = (
    "( appsrc name=video is-live=true format=time max-bytes=8000000 caps={caps} "
    "! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)


@dataclass(frozen=True)
class AccessUnit:
    """One encoded picture; times in nanoseconds from the start of the whole loop."""

    data: bytes
    delta: bool
    pts: int
    dts: int


def read_units(path: Path, start: int) -> tuple[list[AccessUnit], int]:
    """The file's access units shifted to begin at `start`, and the time at which the next file begins."""
    demuxer = {".ts": "tsdemux", ".mkv": "matroskademux", ".avi": "avidemux"}.get(path.suffix, "qtdemux")
    pipeline = Gst.parse_launch(
        f'filesrc location="{path}" ! {demuxer} ! h264parse config-interval=-1 ! {H264} ! appsink name=out sync=false'
    )
    pipeline.set_state(Gst.State.PLAYING)
    buffers = []
    while (sample := pipeline.get_by_name("out").emit("pull-sample")) is not None:
        buffers.append(sample.get_buffer())
    pipeline.set_state(Gst.State.NULL)
    if len(buffers) < 2:
        raise SystemExit(f"{path}: no H.264 video in it")
    times = sorted(buffer.pts for buffer in buffers)
    step = sorted(after - before for before, after in pairwise(times))[len(times) // 2 - 1]
    shift = start - times[0]
    units = [
        AccessUnit(
            data=buffer.extract_dup(0, buffer.get_size()),
            delta=bool(buffer.get_flags() & Gst.BufferFlags.DELTA_UNIT),
            pts=buffer.pts + shift,
            dts=(buffer.pts if buffer.dts == Gst.CLOCK_TIME_NONE else buffer.dts) + shift,
        )
        for buffer in buffers
    ]
    return units, start + times[-1] - times[0] + step


class Loop(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """One stream, shared by its viewers; it starts at the beginning when the first one comes."""

    def __init__(self, paths: list[Path]) -> None:
        super().__init__()
        self._units: list[AccessUnit] = []
        self._length = 0
        for path in paths:
            units, self._length = read_units(path, self._length)
            self._units += units
        self.set_shared(True)

    def do_create_element(self, _url: Any) -> Any:
        media = Gst.parse_launch(LAUNCH.format(caps=H264.replace(" ", "")))
        media.get_by_name("video").connect("need-data", self._push, iter(range(1 << 62)))
        return media

    def _push(self, source: Any, _wanted: int, counter: Any) -> None:
        turn, index = divmod(next(counter), len(self._units))
        unit = self._units[index]
        buffer = Gst.Buffer.new_wrapped(unit.data)
        buffer.pts = unit.pts + turn * self._length
        buffer.dts = max(0, unit.dts + turn * self._length)
        if unit.delta:
            buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
        source.emit("push-buffer", buffer)


def require_login(server: Any, factories: list[Loop], user: str, password: str) -> None:
    """Digest access with one account."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    for factory in factories:
        factory.add_role_from_structure(
            Gst.Structure.new_from_string("viewer,media.factory.access=true,media.factory.construct=true")
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("streams", nargs="+", metavar="NAME=FILE[,FILE]")
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(arguments.port))
    factories = []
    for stream in arguments.streams:
        name, _, files = stream.partition("=")
        factories.append(Loop([Path(file) for file in files.split(",")]))
        server.get_mount_points().add_factory(f"/{name}", factories[-1])
    if arguments.user:
        require_login(server, factories, arguments.user, arguments.password)
    if not server.attach(None):
        raise SystemExit(f"port {arguments.port} is taken")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
