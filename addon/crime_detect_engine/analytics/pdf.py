"""Owns the report as PDF: A4, for printing and filing."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import partial
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing, Line, Rect, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from . import words
from .fonts import BOLD, REGULAR, letters, printable
from .report import Entry, Report

MAX_ROWS = 250
"""Lines of the list: more is no reading, and CSV has them all."""
MARGIN = 16 * mm
WIDTH = A4[0] - 2 * MARGIN
FRAME = 6
"""Points that the library's frame keeps free inside its margins."""
INK, MUTED, LINE = colors.HexColor("#131820"), colors.HexColor("#566173"), colors.HexColor("#d5dae3")
BAR, _SOFT = colors.HexColor("#1b4fd1"), colors.HexColor("#b9c7ea")
_PICTURES_IN_A_ROW = 4
EACH = ((0, 0), (-1, -1))
PADDING = [("LEFTPADDING", *EACH, 0), ("RIGHTPADDING", *EACH, 7), ("VALIGN", *EACH, "TOP")]


def style_of(size: float, color: colors.Color = INK, font: str = REGULAR, align: int = 0) -> ParagraphStyle:
    return ParagraphStyle(
        f"{font}{size}{align}", fontName=font, fontSize=size, leading=size * 1.32, textColor=color, alignment=align
    )


class _Sheet:
    """Makes the parts of one PDF; remembers whether a letter could not be shown."""

    def __init__(self, report: Report) -> None:
        letters()
        self.report = report
        self.lossy = False

    def letters_of(self, text: object) -> str:
        shown, lost = printable(str(text))
        self.lossy = self.lossy or lost
        return shown

    def text(self, text: object, style: ParagraphStyle) -> Paragraph:
        """A paragraph in which nothing of `text` is markup."""
        return Paragraph(escape(self.letters_of(text)), style)

    def name(self, camera: str, name: str) -> str:
        """The camera's name for people, or its id where the name has letters that cannot be printed."""
        _, lost = printable(name)
        self.lossy = self.lossy or lost
        return camera if lost else name

    def title(self, text: str) -> list[Flowable]:
        return [
            CondPageBreak(35 * mm),
            Spacer(1, 5 * mm),
            self.text(text, style_of(11.5, font=BOLD)),
            Spacer(1, 1.5 * mm),
        ]

    def table(self, rows: Sequence[Sequence[object]], widths: Sequence[float], numbers: frozenset[int]) -> Table:
        """The first row is the head; columns in `numbers` stand to the right. Long tables repeat their head."""
        head = [self.text(cell, style_of(7.5, MUTED, BOLD, 2 * (i in numbers))) for i, cell in enumerate(rows[0])]
        body = [
            [cell if isinstance(cell, Flowable) else self.text(cell, style_of(8, align=2 * (i in numbers)))
             for i, cell in enumerate(row)]
            for row in rows[1:]
        ]  # fmt: skip
        lines = [("LINEBELOW", *EACH, 0.4, LINE), ("TOPPADDING", *EACH, 2)]
        padding = [("BOTTOMPADDING", *EACH, 2.5)]
        whole = sum(widths)
        columns = [WIDTH * width / whole for width in widths]
        return Table([head, *body], columns, repeatRows=1, style=[*PADDING, *lines, *padding])

    def head(self) -> list[Flowable]:
        report = self.report
        place = [words.days_of(report.period), str(report.period.zone), words.hours_remark(report.period)]
        parts: list[Flowable] = [
            self.text(words.title_of(report), style_of(20, font=BOLD)),
            Spacer(1, 1.5 * mm),
            self.text(" · ".join(filter(None, [*place, report.place.instance])), style_of(9.5, MUTED)),
        ]
        if report.filters:
            asked = ", ".join(f"{words.readable(key).lower()}: {value}" for key, value in report.filters.items())
            parts += [Spacer(1, 1 * mm), self.text(f"Only {asked}", style_of(9))]
        return [*parts, Spacer(1, 3 * mm), self.text(words.conclusion(report), style_of(11)), Spacer(1, 4 * mm)]

    def tiles(self) -> Table:
        figures, before = self.report.figures, self.report.before
        response = figures.response()
        facts = [
            (figures.alerts, "alerts", words.change(figures.alerts, before.alerts)),
            (figures.notified, "told to people", words.change(figures.notified, before.notified)),
            (figures.false_alarms, "false alarms", words.change(figures.false_alarms, before.false_alarms)),
            (words.number(figures.false_alarm_ratio_s4), "false ÷ true alerts", "S4's false alarm rate"),
            (words.number(self.report.false_alarms_per_camera_day), "false a camera-day", "camera-days seen: "
             + words.number(self.report.camera_days)),
            (words.length(response["median_s"]), "until acknowledged", f"median of {response['count']}"),
        ]  # fmt: skip
        cells = [
            [
                self.text(value, style_of(15, font=BOLD)),
                self.text(name, style_of(8.5)),
                self.text(remark, style_of(6.8, MUTED)),
            ]
            for value, name, remark in facts
        ]
        style = [*PADDING, ("BOX", *EACH, 0.4, LINE), ("INNERGRID", *EACH, 0.4, LINE)]
        style += [("LEFTPADDING", *EACH, 6), ("TOPPADDING", *EACH, 5)]
        style += [("BOTTOMPADDING", *EACH, 6)]
        return Table([cells[:3], cells[3:]], [WIDTH / 3] * 3, style=style)

    def timeline(self) -> Drawing:
        slots, period = self.report.timeline, self.report.period
        tallest = max((slot.alerts + slot.logged for slot in slots), default=0) or 1
        height, floor = 34 * mm, 5 * mm
        room, width = height - floor - 4 * mm, WIDTH / len(slots)
        drawing = Drawing(WIDTH, height)
        drawing.add(Line(0, floor, WIDTH, floor, strokeColor=LINE, strokeWidth=0.5))
        for index, slot in enumerate(slots):
            left, middle = index * width + 1.2, (index + 0.5) * width
            logged, alerts = room * slot.logged / tallest, room * slot.alerts / tallest
            for bottom, tall, color in ((floor, logged, _SOFT), (floor + logged, alerts, BAR)):
                if tall:
                    drawing.add(
                        Rect(left, bottom, width - 2.4, tall, fillColor=color, strokeWidth=0, strokeColor=color)
                    )
            if slot.alerts + slot.logged:
                drawing.add(_mark(middle, floor + logged + alerts + 2, str(slot.alerts + slot.logged)))
            drawing.add(_mark(middle, 0.5 * mm, words.slot_label(slot.start, period)))
        return drawing

    def cameras(self) -> list[Flowable]:
        report, figures = self.report, self.report.figures
        rows: list[list[object]] = [["Camera", "Incidents", "Alerts", "False", "Seen", "Known for", "Outages"]]
        for camera in report.cameras:
            up, shown = report.uptime.get(camera), self.name(camera, report.name_of(camera))
            counts = [figures.cameras[camera], figures.alerts_by_camera[camera], figures.false_by_camera[camera]]
            seen = [words.share(up.share), words.length(up.known_s), up.outage_count] if up else ["–", "–", "–"]
            rows.append([shown, *counts, *seen])
        return [*self.title("Cameras"), self.table(rows, (5, 1.6, 1.4, 1.2, 1.4, 2.2, 1.6), frozenset(range(1, 7)))]

    def counts(self) -> Table:
        figures = self.report.figures
        parts = [
            ("What", figures.labels, {}),
            ("Severity", figures.severities, words.SEVERITIES),
            ("Judged (alerts)", figures.verdicts, words.VERDICTS),
            ("Not told, and why", figures.silent, words.REASONS),
        ]
        cells = [[self.counted(*part) for part in parts]]
        return Table(cells, [WIDTH / 4] * 4, style=PADDING)

    def counted(self, title: str, counts: Mapping[str, int], names: Mapping[str, str]) -> list[Flowable]:
        listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        lines = [f"{count}  {names.get(name) or words.readable(name)}" for name, count in listed if count] or ["None."]
        return [self.text(title, style_of(9, font=BOLD)), *(self.text(line, style_of(8)) for line in lines)]

    def pictures(self) -> list[Flowable]:
        report = self.report
        shown = [entry for entry in report.entries if entry.incident.incident_id in report.pictures]
        if not shown:
            return []
        width = WIDTH / _PICTURES_IN_A_ROW
        rows = [shown[at : at + _PICTURES_IN_A_ROW] for at in range(0, len(shown), _PICTURES_IN_A_ROW)]
        cells = [
            [self.picture(entry, width - 6) for entry in row] + [""] * (_PICTURES_IN_A_ROW - len(row)) for row in rows
        ]
        return [*self.title("Pictures"), Table(cells, [width] * _PICTURES_IN_A_ROW, style=PADDING)]

    def picture(self, entry: Entry, width: float) -> list[Flowable]:
        one, period = entry.incident, self.report.period
        picture = Image(io.BytesIO(self.report.pictures[one.incident_id]))
        scale = min(width / picture.imageWidth, width * 9 / 16 / picture.imageHeight)
        picture.drawWidth, picture.drawHeight = picture.imageWidth * scale, picture.imageHeight * scale
        picture.hAlign = "LEFT"
        when = words.clock(one.started_at, period.zone, day=period.days > 1)
        about = f"{when} · {words.share(one.confidence)}"
        title = f"{words.readable(one.label)} · {self.name(one.camera, entry.camera_name)}"
        return [picture, self.text(title, style_of(7.5, font=BOLD)), self.text(about, style_of(7, MUTED))]

    def incidents(self) -> list[Flowable]:
        report, period = self.report, self.report.period
        if report.query.aggregates_only:
            return []
        if not report.entries:
            return [*self.title("Incidents"), self.text("None.", style_of(9, MUTED))]
        rows: list[list[object]] = [
            ["Time", "Camera", "What", "Sure", "Severity", "Where", "Judged", "Told", "Reference"]
        ]
        for entry in report.entries[:MAX_ROWS]:
            one = entry.incident
            where = " ".join(filter(None, (one.zone, words.readable(one.rule).lower() if one.rule else "")))
            when = words.clock(one.started_at, period.zone, day=period.days > 1)
            judged = words.VERDICTS[one.verdict] if one.verdict else ""
            told = words.REASONS.get(entry.silent, entry.silent) if entry.silent else "yes"
            camera, reference = (
                self.name(one.camera, entry.camera_name),
                self.text(one.incident_id, style_of(5.8, MUTED)),
            )
            what, sure = words.readable(one.label), words.share(one.confidence)
            severity = words.SEVERITIES[one.severity.wire]
            rows.append([when, camera, what, sure, severity, where, judged, told, reference])
        widths = (2.2, 2.5, 2.3, 1.7, 2.3, 1.9, 2.1, 2.4, 2.9)
        parts = [*self.title("Incidents"), self.table(rows, widths, frozenset({3}))]
        if (unlisted := report.figures.total - len(rows) + 1) > 0:
            more = f"{unlisted} more are counted above and not listed here; the CSV of the search has them all."
            parts += [Spacer(1, 2 * mm), self.text(more, style_of(8, MUTED))]
        return parts

    def foot(self) -> list[Flowable]:
        kept = [["Kept", ""], *words.kept(self.report)]
        parts = [Spacer(1, 5 * mm), KeepTogether(self.table(kept, (3, 4), frozenset())), Spacer(1, 4 * mm)]
        if self.lossy:
            lost = (
                "Some names have letters that cannot be printed here: cameras stand by their id then, other letters as "
                "“?”. The HTML report and the CSV have them."
            )
            parts.append(self.text(lost, style_of(7.5, MUTED)))
        note = "Classes and confidences are a machine's judgement of pictures and can be wrong; verdicts are people's."
        return [*parts, self.text(note, style_of(7.5, MUTED))]


def _mark(middle: float, bottom: float, text: str) -> String:
    return String(middle, bottom, text, fontName=REGULAR, fontSize=6.5, fillColor=MUTED, textAnchor="middle")


def number_page(canvas: Canvas, document: SimpleDocTemplate, foot: str) -> None:
    canvas.saveState()
    canvas.setFont(REGULAR, 7)
    canvas.setFillColor(MUTED)
    canvas.drawString(MARGIN, 9 * mm, foot)
    canvas.drawRightString(A4[0] - MARGIN, 9 * mm, f"Page {document.page}")
    canvas.restoreState()


def report_pdf(report: Report) -> bytes:
    """Blocks for some tenths of a second: run it in a thread, one at a time."""
    sheet, zone = _Sheet(report), report.period.zone
    key = "Dark: alerts. Light: logged below the threshold."
    story = [
        *sheet.head(),
        sheet.tiles(),
        *sheet.title("Day by day" if report.period.days > 1 else "Hour by hour"),
        sheet.timeline(),
        sheet.text(key, style_of(7, MUTED)),
        *sheet.cameras(),
        Spacer(1, 5 * mm),
        sheet.counts(),
        *sheet.pictures(),
        *sheet.incidents(),
        *sheet.foot(),
    ]
    made = f"{words.clock(report.made_at, zone, day=True)}, crime_detect {report.place.version}"
    foot = f"{words.title_of(report)}, {words.days_of(report.period)} · made {made}"
    numbered = partial(number_page, foot=sheet.letters_of(foot))
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN - FRAME,
        rightMargin=MARGIN - FRAME,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
        title=foot,
        author="crime_detect",
        lang="en",
    )
    document.build(story, onFirstPage=numbered, onLaterPages=numbered)
    return file.getvalue()
