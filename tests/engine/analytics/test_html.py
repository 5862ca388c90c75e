"""The HTML report stands alone, and nothing that people wrote becomes part of it but as text."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

import pytest
from crime_detect_engine.analytics.html import MAX_ROWS, report_html
from crime_detect_engine.domain.reporting import ReportKind
from crime_detect_engine.domain.types import Severity, Verdict

EVIL = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """Every tag and attribute, and whether all that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", list(ReportKind))
def test_nothing_is_loaded_and_nothing_runs(incident, report, kind) -> None:
    found = [incident(zone=EVIL, rule="dwell", verdict=Verdict.CONFIRMED), incident(camera="shed", label="robbery")]
    pictures = {found[0].incident_id: b"\xff\xd8jpeg"}
    cameras = {"yard": EVIL, "shed": "Shed"}
    page = report_html(report(found, kind=kind, cameras=cameras, pictures=pictures, label="fighting"))
    read = Tags(page)
    assert read.open == []
    assert "script" not in read.tags
    assert not [name for name in read.attributes if name.startswith("on") or name == "style"]
    assert read.tags.count("img") == 1
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert all(one.startswith(("data:image/jpeg;base64,", "https://home.example/")) for one in sources)
    assert "url(" not in page


def test_a_clock_change_is_said(report) -> None:
    page = report_html(report(day=date(2026, 10, 25)))
    assert "25 hours, because the clock was changed" in page
    assert page.count("<g>") == 25
    assert "because the clock" not in report_html(report())


def test_an_empty_period_says_so(report) -> None:
    page = report_html(report(cameras={}))
    assert "Nothing was recorded in this period." in page
    Tags(page)


def test_what_is_not_listed_is_said(incident, report) -> None:
    page = report_html(report([incident(severity=Severity.DETECTION)] * (MAX_ROWS + 7)))
    assert "7 more are counted above and not listed here" in page
