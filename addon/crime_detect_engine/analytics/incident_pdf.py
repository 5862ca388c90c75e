"""Owns the report of one incident as PDF: what was recorded, its picture, the scores drawn over time, who did what."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String
from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from .fonts import BOLD, REGULAR, letters, printable
from .pdf import BAR, EACH, FRAME, INK, LINE, MARGIN, MUTED, PADDING, WIDTH, number_page, style_of
from .words import readable

MAX_LINES = 400
"""Lines of who did what: custody.json has them all."""
_PLOT_HEIGHT = 52 * mm
_PICTURE_HEIGHT = 95 * mm


@dataclass(frozen=True, slots=True)
class IncidentSheet:
    """`incident` and `scores` as an evidence package has them; `points` are (0 to 1 of the time, probability);
    `done` is (when, who did what); `remarks` are what is missing and what is to be known; `picture` a JPEG."""

    title: str
    facts: Sequence[tuple[str, str]]
    points: Sequence[tuple[float, float]]
    span: tuple[str, str]
    threshold: float
    done: Sequence[tuple[str, str]]
    remarks: Sequence[str]
    made: str
    chain: str
    picture: bytes | None = None
    about: str = field(default="")


def incident_pdf(sheet: IncidentSheet) -> bytes:
    """Blocks for some tenths of a second: run it in a thread."""
    letters()
    story: list[Flowable] = [
        _text(sheet.title, 18, bold=True),
        Spacer(1, 2 * mm),
        _text(sheet.about, 8.5, muted=True),
        Spacer(1, 3 * mm),
        *(_text(f"Note: {remark}.", 8.5) for remark in sheet.remarks),
        *_title("What was recorded"),
        _table(sheet.facts, 0.26),
    ]
    if sheet.picture is not None:
        story += [*_title("Picture"), _picture(sheet.picture)]
    scores: list[Flowable] = [_text("No scores were kept of this incident.", 9)]
    if sheet.points:
        remark = "Probability over time; dashed: the threshold. scores.csv has the numbers."
        scores = [_plot(sheet), _text(remark, 7.5)]
    story.append(KeepTogether([*_title("Scores"), *scores]))
    story += [*_title("Who did what"), _table(sheet.done[:MAX_LINES], 0.3)]
    if len(sheet.done) > MAX_LINES:
        story.append(_text(f"{len(sheet.done) - MAX_LINES} more are in custody.json.", 8, muted=True))
    story += [*_title("Chain"), _text(sheet.chain, 8)]
    foot = printable(f"{sheet.title} · {sheet.made}")[0]
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file, leftMargin=MARGIN - FRAME, rightMargin=MARGIN - FRAME, topMargin=14 * mm, bottomMargin=16 * mm,
        title=foot, author="crime_detect", lang="en", invariant=True,
    )  # fmt: skip
    document.build(story, onFirstPage=partial(number_page, foot=foot), onLaterPages=partial(number_page, foot=foot))
    return file.getvalue()


def sheet_of(
    incident: Mapping[str, Any], scores: Sequence[Mapping[str, Any]], offsets_s: Sequence[float], **rest: Any
) -> IncidentSheet:
    """`offsets_s` are the scores' times since the first of them, in seconds."""
    span_s = max(offsets_s[-1] if offsets_s else 0.0, 0.5)
    points = [
        (min(max(offset / span_s, 0.0), 1.0), float(score["probabilities"].get(incident["label"], 0.0)))
        for offset, score in zip(offsets_s, scores, strict=True)
    ]
    place = "not configured"
    if incident["latitude"] is not None:
        place = f"{incident['latitude']}, {incident['longitude']}"
    found = [incident["source"], incident["model_name"], incident["rule"], incident["zone"]]
    facts = [
        ("Number", incident["incident_id"]),
        ("Camera", incident["camera"]),
        ("Began", incident["started_at"]),
        ("Ended", incident["ended_at"] or "not yet: it was going on when this was made"),
        ("Class, confidence", f"{incident['label']}, {incident['confidence']:.3f}"),
        ("Threshold", f"{incident['threshold']:.3f}"),
        ("Found by", ", ".join(str(one) for one in found if one)),
        ("Place", place),
        ("Verdict of a person", (incident["verdict"] or "none").replace("_", " ")),
        ("Acknowledged, on hold", f"{_yes(incident['acknowledged'])}, {_yes(incident['hold'])}"),
        *([("Note", incident["note"])] if incident["note"] else []),
    ]
    span = (scores[0]["at"], scores[-1]["at"]) if scores else ("", "")
    title = f"{readable(incident['label'])}, camera {incident['camera']}"
    return IncidentSheet(title, facts, points, span, incident["threshold"], **rest)


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _text(text: str, size: float, *, bold: bool = False, muted: bool = False) -> Paragraph:
    """A paragraph in which nothing of `text` is markup."""
    style = style_of(size, MUTED if muted else INK, BOLD if bold else REGULAR)
    return Paragraph(escape(printable(text)[0]), style)


def _title(text: str) -> list[Flowable]:
    return [CondPageBreak(35 * mm), Spacer(1, 5 * mm), _text(text, 11.5, bold=True), Spacer(1, 1.5 * mm)]


def _table(rows: Sequence[tuple[str, str]], share: float) -> Flowable:
    if not rows:
        return _text("Nothing.", 9, muted=True)
    cells = [[_text(name, 8.5, muted=True), _text(value, 8.5)] for name, value in rows]
    lines = [("LINEBELOW", *EACH, 0.4, LINE), ("TOPPADDING", *EACH, 2), ("BOTTOMPADDING", *EACH, 2.5)]
    return Table(cells, [WIDTH * share, WIDTH * (1 - share)], style=[*PADDING, *lines])


def _picture(jpeg: bytes) -> Image:
    picture = Image(io.BytesIO(jpeg))
    scale = min(WIDTH / picture.imageWidth, _PICTURE_HEIGHT / picture.imageHeight)
    picture.drawWidth, picture.drawHeight = picture.imageWidth * scale, picture.imageHeight * scale
    picture.hAlign = "LEFT"
    return picture


def _plot(sheet: IncidentSheet) -> Drawing:
    floor, left = 6 * mm, 8 * mm
    width, height = WIDTH - left - 2 * mm, _PLOT_HEIGHT - floor - 3 * mm
    drawing = Drawing(WIDTH, _PLOT_HEIGHT)
    drawing.add(Rect(left, floor, width, height, fillColor=None, strokeColor=LINE, strokeWidth=0.6))
    level = floor + height * sheet.threshold
    drawing.add(Line(left, level, left + width, level, strokeColor=MUTED, strokeWidth=0.8, strokeDashArray=(4, 3)))
    places = [(left + width * x, floor + height * y) for x, y in sheet.points]
    if len(places) > 1:
        drawing.add(PolyLine([value for place in places for value in place], strokeColor=BAR, strokeWidth=1.2))
    for x, y in places if len(places) <= MAX_LINES else []:
        drawing.add(Circle(x, y, 1.1, fillColor=BAR, strokeColor=BAR))
    for text, x, y, anchor in (
        ("1", left - 2 * mm, floor + height - 2, "end"), ("0", left - 2 * mm, floor, "end"),
        (sheet.span[0], left, 1.2 * mm, "start"), (sheet.span[1], left + width, 1.2 * mm, "end"),
    ):  # fmt: skip
        drawing.add(String(x, y, text, fontName=REGULAR, fontSize=7, fillColor=MUTED, textAnchor=anchor))
    return drawing
