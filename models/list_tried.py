"""Owns the table of what was tried: experiments in models/tried/*.json become a block of models/README.md.

python models/list_tried.py                       rewrites the block
python models/list_tried.py add NAME --report FILE --architecture TEXT --input TEXT --augmentation TEXT …
                                                makes an experiment of a report of `crime-detect evaluate`
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MODELS = Path(__file__).resolve().parent
BEGIN, END = "<!-- tried: begin -->", "<!-- tried: end -->"
TEXTS = ("name", "architecture", "input", "augmentation", "command", "note")
KEYS = {*TEXTS, "accuracy", "roc_auc", "interval", "ms_a_frame", "seeds"}
OPTIONAL = {"timed"}
"""How the milliseconds were measured."""


def read_experiments(folder: Path) -> list[dict[str, Any]]:
    """Best ROC-AUC first, those without one last. Raises ValueError naming the file that is wrong."""
    found = []
    for file in sorted(folder.glob("*.json")):
        row = json.loads(file.read_text(encoding="utf-8"))
        wrong = sorted(((set(row) - OPTIONAL) ^ KEYS) | {key for key in TEXTS if not isinstance(row.get(key), str)})
        if wrong or row["name"] != file.stem:
            raise ValueError(f"{file.name}: {', '.join(wrong) or 'name'} is missing, unknown or not as the file's name")
        found.append(row)
    return sorted(found, key=lambda row: (-(row["roc_auc"] or 0.0), -(row["accuracy"] or 0.0), row["name"]))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: one row an experiment, then the commands that repeat them."""
    heads = ("tried", "architecture", "input", "augmentation", "accuracy", "ROC-AUC", "ms a frame", "seeds", "note")
    lines = [heads, tuple("--" for _ in heads)]
    for row in rows:
        accuracy, area = (_with(row[key], (row["interval"] or {}).get(key)) for key in ("accuracy", "roc_auc"))
        lines.append(
            (
                row["name"], row["architecture"], row["input"], row["augmentation"], accuracy, area,
                _cell(row["ms_a_frame"]), _count(row["seeds"]), row["note"],
            )
        )  # fmt: skip
    text = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
    commands = "\n".join(f"- {row['name']}: `{row['command']}`" for row in rows if row["command"])
    return f"{text}\n\nAgain:\n\n{commands}" if commands else text


def with_table(readme: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The text of models/README.md with the block anew. Raises ValueError where it has none."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the text has no block between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}"


def experiment_of(
    report: Mapping[str, Any], texts: Mapping[str, str], ms: float | None, seed: int | None = None
) -> dict[str, Any]:
    """An experiment with the figures of a report: the mean over seeds where it has several.

    `seed` for a report that does not say with which it was trained.
    """
    part, seeds = report["parts"]["all"], report.get("seeds")
    figures = seeds["mean"] if seeds else part["after_scaling"]
    interval = seeds["interval_95"] if seeds else part["interval_95"]
    return {
        **texts,
        **{key: figures[key] for key in ("accuracy", "roc_auc")},
        "interval": {key: interval[key] for key in ("accuracy", "roc_auc")},
        "ms_a_frame": ms,
        "seeds": [int(one) for one in seeds["per_seed"]] if seeds else [report.get("seed", seed)],
    }


def _with(value: float | None, interval: Sequence[float] | None) -> str:
    return f"{_cell(value)} [{_cell(interval[0])}, {_cell(interval[1])}]" if interval else _cell(value)


def _count(seeds: int | Sequence[int]) -> str:
    return str(seeds if isinstance(seeds, int) else len(seeds))


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="the table of what was tried, in models/README.md")
    add = parser.add_subparsers(dest="action").add_parser("add", help="an experiment from a report")
    add.add_argument("name")
    add.add_argument("--report", type=Path, required=True)
    for key in TEXTS[1:]:
        add.add_argument(f"--{key}", default="", required=key in ("architecture", "input", "augmentation"))
    add.add_argument("--ms", type=float, help="of CPU time a frame")
    add.add_argument("--seed", type=int, help="where the report does not say it")
    arguments = parser.parse_args(argv)
    if arguments.action == "add":
        report = json.loads(arguments.report.read_text(encoding="utf-8"))
        row = experiment_of(report, {key: getattr(arguments, key) for key in TEXTS}, arguments.ms, arguments.seed)
        target = MODELS / "tried" / f"{arguments.name}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(row, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    readme = MODELS / "README.md"
    readme.write_text(
        with_table(readme.read_text(encoding="utf-8"), read_experiments(MODELS / "tried")), encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
