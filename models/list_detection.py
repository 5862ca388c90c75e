"""Owns the tables of the detectors' figures: models/reports/detection.json becomes blocks of docs/tracking.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- detectors: begin -->", "<!-- detectors: end -->"
SHOWN = 0.3
LOOKS_A_SECOND = 2


def write_tables(report: Mapping[str, Any], page: Path) -> None:
    page.write_text(with_tables(page.read_text(encoding="utf-8"), report), encoding="utf-8")


def with_tables(text: str, report: Mapping[str, Any]) -> str:
    """The page with its block anew. Raises ValueError where it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the text has no block between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables(report)}\n\n{END}{after}"


def tables(report: Mapping[str, Any]) -> str:
    rows = report["detectors"]
    full = {key: row for key, row in rows.items() if "heights" in row}
    judged = {key: row["things"] for key, row in rows.items() if "things" in row}
    caveats = "\n".join(f"- *{name}*: {text}" for name, text in report["caveats"].items())
    return "\n\n".join(
        [
            f"{report['pictures']} pictures, {report['persons']} persons marked by eye; found is a box that covers one "
            f"by half (IoU 0.5) with a confidence of {SHOWN} or more. In brackets 95 % intervals.",
            table(
                ("detector", "recall", "precision", "average precision", "ms alone", "ms in fours", CPU),
                [(key, *_persons(row), *_times(report["milliseconds"][key])) for key, row in rows.items()],
            ),
            f"Found of those that are there (false ones), by clip, confidence {SHOWN}:",
            table(
                ("detector", *next(iter(full.values()))[str(SHOWN)]["groups"]),
                [(key, *(_group(one) for one in row[str(SHOWN)]["groups"].values())) for key, row in full.items()],
            ),
            "Found persons by their height, as a share of the picture's height:",
            table(
                ("detector", *next(iter(full.values()))["heights"]),
                [(key, *(f"{hits}/{of}" for hits, of in row["heights"].values())) for key, row in full.items()],
            ),
            "Any person found in a picture of a fight, by least confidence:",
            table(
                ("detector", *next(iter(full.values()))["fights"]),
                [(key, *(_share(one) for one in row["fights"].values())) for key, row in full.items()],
            ),
            "Things that persons carry (backpack, handbag, suitcase, umbrella, knife, baseball bat, scissors), in "
            f"{next(iter(judged.values()))['pictures']} pictures: said / really there (nobody can tell).",
            table(
                ("detector", "confidence 0.3", "confidence 0.5", "what was said"),
                [(key, *_carried(things["carried"])) for key, things in judged.items()],
            ),
            f"How to read this:\n\n{caveats}\n\nAgain: `{report['command']}`",
        ]
    )


CPU = f"CPU ms a camera-second at {LOOKS_A_SECOND}/s"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["--"] * len(heads), *rows))


def _persons(row: Mapping[str, Any]) -> tuple[str, ...]:
    at = row[str(SHOWN)]
    return _share(at["recall"]), _share(at["precision"]), f"{row['average_precision']:.3f}"


def _times(times: Mapping[str, float]) -> tuple[str, ...]:
    """With the conversion of the picture, the last one from one camera alone to four together."""
    alone, fours = ((times["conversion"] + times[kind]) * LOOKS_A_SECOND for kind in ("alone", "in_fours"))
    return f"{times['alone']:.1f}", f"{times['in_fours']:.1f}", f"{alone:.1f} – {fours:.1f}"


def _share(share: Sequence[float] | None) -> str:
    return "–" if share is None else f"{share[0]:.2f} [{share[1]:.2f}, {share[2]:.2f}]"


def _group(one: Mapping[str, int]) -> str:
    return f"{one['found']}/{one['persons']} ({one['false']})"


def _carried(carried: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    judged = ("real", "unclear", "false")
    cells = [
        f"{sum(counts.get(kind, 0) for kind in judged)} / {counts.get('real', 0)} ({counts.get('unclear', 0)})"
        for counts in carried.values()
    ]
    said = {label: count for label, count in carried[str(SHOWN)].items() if label not in judged}
    return *cells, ", ".join(f"{label} {count}" for label, count in sorted(said.items(), key=lambda one: -one[1]))
