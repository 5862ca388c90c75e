"""Owns the measurement of following and zones: real footage against what somebody saw, and what it costs.

`python models/measure_tracking.py DIR` (DIR has normal_footage and detectors) writes models/reports/tracking.json and
the tables of tracks and of fusion in docs/tracking.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from crime_detect_engine.config import CameraConfig
from crime_detect_engine.config.settings import DetectorOptions, LineConfig, ZoneConfig
from crime_detect_engine.domain.clock import cpu_s
from crime_detect_engine.domain.ports import Detector
from crime_detect_engine.domain.scene import PERSON
from crime_detect_engine.domain.types import ModelSpec, Rules
from crime_detect_engine.observing import Observed, observe_file
from crime_detect_engine.scene_watch import LOOK_SIZE, SceneOptions
from crime_detect_engine.tracking.places import CrossingLine, Zone
from crime_detect_engine.tracking.tamper import TamperOptions
from crime_detect_engine.vision.checkpoint import find_checkpoint
from crime_detect_engine.vision.detectors import DEFAULT_NAME, load_detector
from measure_tamper import write_table

ROOT = Path(__file__).resolve().parent.parent
REPORT, FUSION = ROOT / "models" / "reports" / "tracking.json", ROOT / "models" / "reports" / "fusion.json"
TRUTH = ROOT / "tests" / "fixtures" / "truth" / "visits.json"
DETECTORS = ("nanodet_m", "yolox_nano")
RATES = (1.0, 2.0, 4.0)
ROUNDS = 3
TOLERANCE_S = 1.6
"""Truth is half a second off, somebody is believed at the second look, and looks are half a second apart."""


def camera(truth: Mapping[str, Any], *, zones: bool = True, tamper: bool = False) -> CameraConfig:
    polygon = tuple((x, y) for x, y in truth["zone"])
    zone = Zone("zone", polygon, intrusion_s=truth["intrusion_s"], loitering_s=truth["loitering_s"])
    ends = [tuple(truth["line"][key]) for key in ("from", "to")] if "line" in truth else None
    return CameraConfig(
        id="cam",
        source=truth["path"],
        name="Camera",
        rules=Rules(cooldown_s=0.0),
        zones=(ZoneConfig(zone),) if zones else (),
        lines=(LineConfig(CrossingLine("line", *ends)),) if zones and ends else (),
        tamper=TamperOptions(enabled=tamper),
    )


def compare(observed: Observed, truth: Mapping[str, Any]) -> dict[str, Any]:
    """Persons followed, id switches and incidents against the visits."""
    visits = truth["visits"]
    switches, found = 0, 0
    first_s = observed.scenes[0].tick_s if observed.scenes else 0.0
    for visit in visits:
        seen = [
            [one.id for one in scene.of(PERSON) if one.last_tick_s == scene.tick_s]
            for scene in observed.scenes
            if visit["enters_s"] <= scene.tick_s - first_s <= visit["leaves_s"]
        ]
        ids = [ids[0] for ids in seen if ids]
        found += bool(ids)
        switches += sum(a != b for a, b in pairwise(ids))
    row: dict[str, Any] = {"visits": len(visits), "persons_found": found, "id_switches": switches}
    row["tracks_of_persons"] = len({one.id for scene in observed.scenes for one in scene.of(PERSON)})
    wanted = {
        "trespassing": [visit["enters_s"] + truth["intrusion_s"] for visit in visits],
        "loitering": [visit["enters_s"] + truth["loitering_s"] for visit in visits if visit["loiters"]],
        "line_crossing": [visit["crosses_s"] for visit in visits],
    }
    hands = truth.get("hands", ())
    for label, times in wanted.items():
        told = [one.began_s for one in observed.told if one.label == label]
        hit = sum(any(abs(began_s - at_s) <= TOLERANCE_S for began_s in told) for at_s in times)
        by_hand = sum(any(a <= one <= b + TOLERANCE_S for a, b in hands) for one in told)
        row[label] = {"wanted": len(times), "told": len(told), "right": hit, "by_hands": by_hand}
    return row


def cost(path: Path, truth: Mapping[str, Any], detector: Detector, spec: ModelSpec) -> dict[str, Any]:
    """Processor milliseconds a camera-second of what comes on top of decoding and sampling, in turns."""
    plain = camera(truth, zones=False)
    kinds = {"nothing": plain, "tamper": camera(truth, zones=False, tamper=True), "zones": camera(truth)}
    spent: dict[str, list[float]] = {kind: [] for kind in kinds}
    observe_file(path, kinds["zones"], detector, spec)
    for _ in range(ROUNDS):
        for kind, config in kinds.items():
            began_s = cpu_s()
            seen = observe_file(path, config, detector, spec)
            spent[kind].append(1000 * (cpu_s() - began_s) / seen.seconds)
    middle = {kind: median(values) for kind, values in spent.items()}
    return {
        "looks_a_second": round(seen.detected / seen.seconds, 2),
        "decoding_and_sampling": round(middle["nothing"], 2),
        "tamper": round(middle["tamper"] - middle["nothing"], 2),
        "zones": round(middle["zones"] - middle["nothing"], 2),
    }


def build(data: Path) -> dict[str, Any]:
    spec = find_checkpoint("fight-mobilenet_v2-lstm", ()).spec
    clips = json.loads(TRUTH.read_text())["clips"]
    rows = []
    for name in DETECTORS:
        detector = load_detector(name, "cpu", (data / "detectors",))
        for rate in RATES:
            options = SceneOptions(detector=DetectorOptions(name=name, rate=rate))
            for truth in clips:
                observed = observe_file(data / truth["path"], camera(truth), detector, spec, options)
                found = compare(observed, truth)
                rows.append({"detector": name, "rate": rate, "clip": Path(truth["path"]).stem, **found})
    detector = load_detector(DEFAULT_NAME, "cpu", (data / "detectors",))
    costs = {Path(truth["path"]).stem: cost(data / truth["path"], truth, detector, spec) for truth in clips}
    return {
        "truth": TRUTH.name,
        "tolerance_s": TOLERANCE_S,
        "look_size": LOOK_SIZE,
        "precision": detector.precision,
        "rows": rows,
        "cost_ms_a_camera_second": {"detector": DEFAULT_NAME, "rounds": ROUNDS, **costs},
    }


def tracks_table(report: Mapping[str, Any]) -> list[str]:
    lines = [
        "| detector | looks a second | clip | visits | persons found | id switches | intrusions right / told | "
        "loitering | crossings |",
        "| -- | -- | -- | -- | -- | -- | -- | -- | -- |",
    ]
    for row in report["rows"]:
        told = [f"{row[k]['right']}/{row[k]['wanted']}, told {row[k]['told']}" for k in WORDS]
        told[0] += f" ({row['trespassing']['by_hands']} by hands)" if row["trespassing"]["by_hands"] else ""
        counted = (row["visits"], row["persons_found"], row["id_switches"], *told)
        lines.append(f"| {row['detector']} | {row['rate']:g} | {row['clip']} | {' | '.join(map(str, counted))} |")
    lines += ["", "| clip | looks a second | tamper | zones, detector and tracks |", "| -- | -- | -- | -- |"]
    costs = report["cost_ms_a_camera_second"]
    for clip, one in costs.items():
        if isinstance(one, dict):
            lines.append(f"| {clip} | {one['looks_a_second']} | {one['tamper']} | {one['zones']} |")
    lines += [
        "",
        f"Processor milliseconds a camera-second on top of decoding and sampling, `{costs['detector']}` in "
        f"{report['precision']} on pictures of {report['look_size']} px, median of {costs['rounds']} rounds in turn.",
    ]
    return lines


WORDS = ("trespassing", "loitering", "line_crossing")


def fusion_table(report: Mapping[str, Any]) -> list[str]:
    lines = [
        "| rule | person at | AUC | gain, 95 % | accuracy at 0.5 | false alarms at 0.5 | recall at 0.8 | "
        "false alarms at 0.8 |",
        "| -- | -- | -- | -- | -- | -- | -- | -- |",
        _fusion_row("without", "–", report["without"], "–"),
    ]
    for row in report["with"]:
        gain = "–" if row["auc_gain_95"] is None else "[{:+.3f}, {:+.3f}]".format(*row["auc_gain_95"])
        lines.append(_fusion_row(row["rule"], str(row["person_confidence"]), row, gain))
    share = report["clips_with_a_person"]["0.25"]
    lines += [
        "",
        f"{report['clips']} clips, {report['model']} {report['version']}, {report['method']}; "
        f"`{report['detector']}` at {report['looks_a_second']:g} looks a second finds a person (0.25 or surer) in "
        f"{share['fighting']:.0%} of the fights and {share['normal']:.0%} of the other clips.",
    ]
    return lines


def _fusion_row(rule: str, person: str, row: Mapping[str, Any], gain: str) -> str:
    half, alarm = row["at 0.5"], row["at 0.8"]
    figures = (row["roc_auc"], gain, half["accuracy"], half["false_alarms"], alarm["recall"], alarm["false_alarms"])
    return f"| {rule} | {person} | {' | '.join(map(str, figures))} |"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", help="without it only the tables are written anew")
    asked = parser.parse_args(arguments)
    if asked.data is not None:
        REPORT.write_text(json.dumps(build(asked.data), indent=1) + "\n", encoding="utf-8")
    write_table("tracks", tracks_table(json.loads(REPORT.read_text())))
    write_table("fusion", fusion_table(json.loads(FUSION.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
