"""Owns making one long video of several real clips."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import numpy as np

FPS, SIZE = 25, (480, 360)


def write_loop(clips: list[Path], target: Path) -> None:
    """The clips one after the other at one size and rate, H.264 with a keyframe a second, no audio."""
    with av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "g": str(FPS), "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for clip in clips:
            with av.open(str(clip)) as container:
                pictures = [(f.time or 0.0, f) for f in container.decode(video=0)]
            start_s, end_s = pictures[0][0], pictures[-1][0]
            times = np.array([time for time, _ in pictures])
            for at_s in np.arange(start_s, end_s, 1 / FPS):
                picture = pictures[int(np.abs(times - at_s).argmin())][1].reformat(*SIZE, "yuv420p")
                fresh = av.VideoFrame.from_ndarray(picture.to_ndarray(), "yuv420p")
                output.mux(stream.encode(fresh))
        output.mux(stream.encode(None))


def first_of_each_source(clips: Path, label: str) -> list[Path]:
    """The first clip of every source that has one of the label, below the folder of the real clips."""
    firsts: dict[str, Path] = {}
    with (clips / "surveillance_fight" / "clips.csv").open() as stream:
        for row in csv.DictReader(stream):
            if row["label"] == label and float(row["duration_s"]) >= 1.9:
                firsts.setdefault(row["group"], clips / "surveillance_fight" / row["path"])
    return [firsts[group] for group in sorted(firsts)]
