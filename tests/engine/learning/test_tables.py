"""Owns the proof that any section of a report can be read as tables, with nothing left out."""

from __future__ import annotations

from crime_detect_engine.learning.tables import Table, cell, tables


def test_parts_built_alike_are_rows_of_one_table() -> None:
    found = tables(
        {"low_light": {"accuracy": 0.8, "roc_auc": 0.9}, "blur": {"accuracy": 0.7, "clips": 3}}, "Robustness"
    )
    assert found == [
        Table(
            "Robustness",
            ("", "accuracy", "roc auc", "clips"),
            (("low light", "0.8", "0.9", ""), ("blur", "0.7", "", "3")),
        )
    ]


def test_a_list_of_parts_is_a_table_without_names() -> None:
    (found,) = tables([{"file": "a", "alerts": 0}, {"file": "b", "alerts": 2}], "Footage")
    assert found.heads == ("file", "alerts")
    assert found.rows == (("a", "0"), ("b", "2"))


def test_plain_values_flat_parts_and_deep_ones_are_all_shown_under_their_path() -> None:
    section = {
        "hours": 1.25,
        "note": "unique hours",
        "files": {"a": {"alerts": 0}, "b": {"alerts": 1}},
        "per_kind": {"rain": {"windows": {"all": 9, "flagged": 1}}},
        "empty": [],
    }
    found = tables(section, "Footage")
    shown = [" ".join((table.title, *table.heads, *(one for row in table.rows for one in row))) for table in found]
    assert found[0].rows == (("hours", "1.25"), ("note", "unique hours"), ("empty", "[]"))
    assert any("files" in text or "a 0" in text for text in shown)
    assert any("per kind: rain" in text and "windows 9 1" in text for text in shown)


def test_a_matrix_is_one_cell() -> None:
    assert tables({"confusion": [[1, 2], [3, 4]]}, "x")[0].rows == (("confusion", "[[1, 2], [3, 4]]"),)


def test_cells_are_short_and_say_when_there_is_nothing() -> None:
    assert [cell(value) for value in (None, True, 0.5, 0.123456, 0.00001234, [0.1, None], 7)] == [
        "–", "yes", "0.5", "0.1235", "1.2e-05", "[0.1, –]", "7",
    ]  # fmt: skip


def test_markdown_survives_a_bar_in_a_cell() -> None:
    text = Table("", ("", "n"), (("a|b", "1"),)).markdown()
    assert text.splitlines() == ["|  | n |", "| -- | -- |", "| a/b | 1 |"]
