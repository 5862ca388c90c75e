"""A spreadsheet shows what people wrote; it never calculates with it."""

from __future__ import annotations

import csv
import io

import pytest
from crime_detect_engine.analytics.sheets import COLUMNS, cells, csv_text
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20A",
        "\x00=1",
    ],
)
def test_no_text_begins_a_formula(text: str) -> None:
    read = next(csv.reader(io.StringIO(csv_text([[text]]), newline="")))
    assert read[0].startswith("'")
    assert read[0].endswith(text.strip("\0")[-1])


def test_numbers_and_truths_stay_what_they_are() -> None:
    assert csv_text([[0.5, -3, True, None, "plain, with a comma", 'a "quote"', "two\nlines"]]) == (
        '0.5,-3,true,,"plain, with a comma","a ""quote""","two\nlines"\r\n'
    )


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8")), min_size=2, max_size=5))
def test_what_is_written_is_read_back(texts: list[str]) -> None:
    read = next(csv.reader(io.StringIO(csv_text([texts]), newline="")))
    wanted = [text.replace("\0", "") for text in texts]
    assert all(one in (want, f"'{want}") for one, want in zip(read, wanted, strict=True))


def test_every_column_has_its_cell(incident) -> None:
    assert len(cells(incident(), "Yard", None)) == len(COLUMNS)
