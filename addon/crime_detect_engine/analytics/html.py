"""Owns the report as one HTML page that needs nothing else: style and pictures are inside, and no script."""

from __future__ import annotations

import base64
from pathlib import Path

import jinja2

from . import words
from .report import Report

MAX_ROWS = 1000
_PAGES = Path(__file__).parent / "pages"
STYLE = (_PAGES / "report.css").read_text()
ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_PAGES),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters["readable"] = words.readable
ENVIRONMENT.filters["base64"] = lambda data: base64.b64encode(data).decode()


def report_html(report: Report) -> str:
    """Everything that comes from people is escaped."""
    tallest = max((slot.alerts + slot.logged for slot in report.timeline), default=0)
    return ENVIRONMENT.get_template("report.html").render(
        report=report,
        figures=report.figures,
        period=report.period,
        words=words,
        style=STYLE,
        tallest=max(tallest, 1),
        busiest=max(*report.figures.hours, 1),
        rows=report.entries[:MAX_ROWS],
        pictured=[entry for entry in report.entries if entry.incident.incident_id in report.pictures],
        unlisted=report.figures.total - min(len(report.entries), MAX_ROWS),
    )
