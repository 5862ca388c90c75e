"""The PDF says what the report says, in every script that can be printed, and says where one cannot."""

from __future__ import annotations

import io

import numpy as np
import pytest
from crime_detect_engine.analytics import fonts
from crime_detect_engine.analytics.fonts import printable
from crime_detect_engine.analytics.pdf import MAX_ROWS, report_pdf
from crime_detect_engine.domain.reporting import REPORTS
from crime_detect_engine.domain.types import Severity, Verdict
from crime_detect_engine.store.pictures import encode_jpeg
from pypdf import PdfReader

LOST = "letters that cannot be printed"


def read(data: bytes) -> tuple[PdfReader, str]:
    reader = PdfReader(io.BytesIO(data))
    return reader, "\n".join(page.extract_text() for page in reader.pages)


@pytest.mark.parametrize("kind", list(REPORTS))
def test_what_happened_is_on_paper_with_pictures(incident, report, kind) -> None:
    found = [incident(verdict=Verdict.CONFIRMED, zone="lawn", rule="dwell"), incident(camera="shed")]
    picture = encode_jpeg(np.full((180, 320, 3), 120, np.uint8))
    reader, text = read(report_pdf(report(found, kind=kind, pictures={found[0].incident_id: picture})))
    assert f"{kind.capitalize()} report" in text
    for words in ("2 alerts (1 real, 0 false alarms, 1 not judged)", "Fighting", "Yard", "Shed", "02:30:00", "30d"):
        assert words in text, words
    assert len(reader.pages[0].images) == 1
    assert LOST not in text


def test_an_empty_period_is_a_page_too(report) -> None:
    reader, text = read(report_pdf(report(cameras={})))
    assert "Nothing was recorded" in text
    assert len(reader.pages) == 1


@pytest.mark.parametrize("name", ["Porte d’entrée, Süd", "Ø Åsen", "Plaça"])
def test_names_of_western_europe_are_printed(incident, report, name: str) -> None:
    _, text = read(report_pdf(report([incident()], cameras={"yard": name})))
    assert name in text
    assert LOST not in text


@pytest.mark.parametrize("name", ["शेड गोदाम", "前门", "المدخل", "\ue000", "🏠 home", "a\u0301\u0301\u0b95"])
def test_where_a_name_cannot_be_printed_the_id_stands_and_it_is_said(incident, report, name: str) -> None:
    _, text = read(report_pdf(report([incident()], cameras={"yard": name})))
    assert name not in text
    assert "yard" in text
    assert LOST in text


def test_markup_in_names_is_printed_as_it_is_written(incident, report) -> None:
    evil = "<font color='red'>x</font> & <para> ]]> {{7*7}}"
    _, text = read(report_pdf(report([incident(zone=evil)], cameras={"yard": "<b>Yard"})))
    assert "<b>Yard" in text
    assert "{{7*7}}" in text.replace("\n", "")


def test_a_word_without_end_does_not_break_the_page(incident, report) -> None:
    reader, _ = read(report_pdf(report([incident(zone="x" * 64)], cameras={"yard": "y" * 500})))
    assert len(reader.pages) <= 3


def test_long_lists_end_and_say_so(incident, report) -> None:
    found = [incident(severity=Severity.DETECTION)] * (MAX_ROWS + 9)
    reader, text = read(report_pdf(report(found)))
    assert "9 more are counted above and not listed here" in text
    assert len(reader.pages) < 20


def test_a_machine_without_fonts_prints_western_europe_and_says_what_it_cannot(incident, report, monkeypatch) -> None:
    monkeypatch.setattr(fonts, "_PLACES", ())
    fonts.letters.cache_clear()
    try:
        _, text = read(
            report_pdf(report([incident(), incident(camera="shed")], cameras={"yard": "Süd", "shed": "Двор"}))
        )
    finally:
        fonts.letters.cache_clear()
    assert "Süd" in text
    assert "Двор" not in text
    assert "shed" in text
    assert LOST in text


def test_letters_that_are_missing_become_question_marks() -> None:
    assert printable("Tür\u0915 7 ÷ 3") == ("Tür? 7 ÷ 3", True)
    assert printable("plain") == ("plain", False)
