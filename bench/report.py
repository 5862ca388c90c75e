"""Owns docs/bench.md: the figures of one `crime-detect bench --json`, as a page.

`crime-detect bench --json > bench.json && python bench/report.py bench.json docs/bench.md`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

BUSY = 0.3
"""Load a core from which a machine was not quiet."""


COLUMNS = (
    "model", "proven", "accuracy", "AUC", "input", "cameras a core", "× naive", "goal", "smaller stream",
    "network, sampling", "precision",
)  # fmt: skip


def write_page(figures: Mapping[str, Any]) -> str:
    """Markdown of the JSON that the benchmark printed."""
    return "\n".join(_lines(figures)) + "\n"


def _lines(figures: Mapping[str, Any]) -> Iterator[str]:
    machine, cameras = figures["machine"], figures["eight_cameras"]
    yield "# What it costs"
    yield ""
    yield "Written by `bench/report.py` from `crime-detect bench --json`. Ratios travel to other machines, milliseconds"
    yield "do not: run it on yours."
    yield ""
    busy = machine["load_average"] > BUSY * machine["cores"]
    yield (
        f"Measured on {machine['cores']} cores ({machine['processor']}), load average {machine['load_average']} at the "
        f"start{': the machine was BUSY, so read only the ratios' if busy else ''}. The model runs in "
        f"{machine['precision']} on {machine['device']}."
    )
    yield ""
    yield "## Against the naive pipeline"
    yield ""
    yield "The naive pipeline is `bench/naive.py`: OpenCV reads every frame, every fifth goes through PIL and ResNet50"
    yield "in fp32, then an LSTM. It reads 720p, as it is usually written; a model of ours reads the stream it is made"
    yield "for. `resnet50` is the naive network run our way, with random weights: only its work counts. A precision"
    yield "that is not proven is measured, not served."
    for title, part in (
        ("All instructions of the processor", figures["ratios"]),
        ("Held to AVX2", figures["ratios_held_to_avx2"]),
    ):
        yield ""
        yield f"### {title}"
        yield ""
        yield from _ratios(part)
    yield ""
    yield "## By stage"
    yield ""
    yield "| stage of the default model | |"
    yield "|--|--|"
    for name, value in figures["stages"].items():
        yield f"| {name.replace('_', ' ')} | {value} |"
    yield ""
    yield from _lengths(figures["sequence_lengths"], figures["stages"])
    yield ""
    yield "## Eight cameras through the whole engine"
    yield ""
    yield "| figure | |"
    yield "|--|--|"
    for name, value in cameras.items():
        yield f"| {name.replace('_', ' ')} | {value} |"


def _lengths(lengths: Mapping[str, Mapping[str, float]], stages: Mapping[str, float]) -> Iterator[str]:
    yield "## Length of the window"
    yield ""
    yield "What `sequence_length` costs: a score comes twice a second and looks back on so many pictures. Each passes"
    yield "the frame encoder once whatever the length, so the rest of the camera-second stays as it is."
    yield ""
    yield "| pictures | seconds | milliseconds a score | share of a camera-second's processor time |"
    yield "|--|--|--|--|"
    others_ms = stages["cpu_ms_a_camera_second"] - 2 * stages["lstm_a_window_ms"]
    for length, found in lengths.items():
        share = 2 * found["ms_a_score"] / (others_ms + 2 * found["ms_a_score"])
        yield f"| {length} | {found['seconds']} | {found['ms_a_score']} | {share:.1%} |"


def _ratios(part: Mapping[str, Any]) -> Iterator[str]:
    if "models" not in part:
        yield f"Not measured: {part['skipped']}."
        return
    if "cap_honoured" in part:
        yield (
            "Every convolution ran in an AVX2 kernel, by OpenVINO's own account."
            if part["cap_honoured"]
            else "**The cap was not honoured: some convolutions ran in wider kernels.**"
        )
        yield "The decoder, OpenCV and what lies between convolutions cannot be held back and were not."
        yield ""
    yield (
        f"Load average {part['load_average']}; median of {part['rounds']} rounds in turn; a plain fp32 matrix product "
        f"reaches {part['matrix_gflops_fp32']} GFLOP/s."
    )
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|--" * len(COLUMNS) + "|"
    for name, one in part["models"].items():
        made = one.get("made_of", {})
        cells = [
            f"{name} ({one['model']})", "yes" if one["precision_proven"] else "no", one["accuracy"], one["roc_auc"],
            f"{one['stream']} → {one['input']}", one["cameras_a_core"], one.get("times_naive"), one.get("goal"),
            *(made.get(key) for key in ("decoding a smaller stream", "network, input and sampling", "precision")),
        ]  # fmt: skip
        yield f"| {' | '.join('–' if cell is None else str(cell) for cell in cells)} |"
    yield ""
    yield "| processor milliseconds a camera-second | |"
    yield "|--|--|"
    for name, value in part["cpu_ms_a_camera_second"].items():
        yield f"| {name} | {value} |"
    for name, reason in part["skipped"].items():
        yield ""
        yield f"Not measured, {name}: {reason}."


def main(arguments: list[str]) -> int:
    source, target = (Path(one) for one in arguments)
    target.write_text(write_page(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
