"""Owns the tables of what is hidden: models/reports/faces.json becomes a block of docs/privacy/blurring.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- faces: begin -->", "<!-- faces: end -->"


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
    caveats = "\n".join(f"- *{name}*: {text}" for name, text in report["caveats"].items())
    return "\n\n".join(
        [
            "Faces that look at the camera, by their height in the picture; hidden is a face of which nine tenths "
            "are covered.",
            table(
                ("picture", *(f"{size} px" for size in report["sizes"])),
                [(name, *(_share(one) for one in row)) for name, row in report["faces"].items()],
            ),
            "Heads of people as cameras see them, from above, from the side, from behind, small and blurred; hidden is "
            "a head whose middle is covered. *Single pictures*; clips hide more, see below.",
            table(
                ("pictures", "heads", "by faces alone", "by faces and persons", "of the picture hidden"),
                [
                    (
                        name,
                        row["heads"],
                        _of(row["faces"], row["heads"]),
                        _of(row["hidden"], row["heads"]),
                        _percent(row["share"]),
                    )
                    for name, row in report["heads"].items()
                ],
            ),
            "Where nobody is:",
            table(
                ("clip", "pictures", "with something hidden", "of the picture hidden"),
                [
                    (name, row["pictures"], row["wrong"], _percent(row["share"]))
                    for name, row in report["nobody"].items()
                ],
            ),
            "Clips of people who move, made of the two pictures: share of the pixels of faces that is left to see.",
            table(
                ("faces, how high, how quick", "if each picture stood alone", "in the clip"),
                [(name, _percent(row["single"]), _percent(row["clip"])) for name, row in report["clips"].items()],
            ),
            "Processor time of one thread, in milliseconds a picture, and of a whole clip as a share of its length:",
            table(
                ("precision", "live picture 720p", "snapshot 1080p", "clip 720p, 10 pictures a second"),
                [
                    (name, f"{row['live']:.0f}", f"{row['snapshot']:.0f}", f"{row['clip']:.2f} × its length")
                    for name, row in report["cost"].items()
                ],
            ),
            f"How to read this:\n\n{caveats}\n\nAgain: `{report['command']}`",
        ]
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (heads, ["--"] * len(heads), *rows))


def _share(one: Sequence[int]) -> str:
    return f"{one[0]}/{one[1]}"


def _of(hits: int, of: int) -> str:
    return f"{hits}/{of}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
