"""Owns the proof that any section of a report can be read as tables, with nothing left out."""

from __future__ import annotations

from crime_detect_engine.learning.tables import Table, cell, tables


def test_parts_built_alike_are_rows_of_one_table() -> None:
    section = {"low_light": {"accuracy": 0.8, "roc_auc": 0.9}, "blur": {"accuracy": 0.7, "roc_auc": 0.8, "clips": 3}}
    found = tables(section, "Robustness")
    assert found == [
        Table(
            "Robustness",
            ("", "accuracy", "roc auc", "clips"),
            (("low light", "0.8", "0.9", ""), ("blur", "0.7", "0.8", "3")),
        )
    ]


def test_a_list_of_parts_is_a_table_without_names() -> None:
    (found,) = tables([{"file": "a", "alerts": 0}, {"file": "b", "alerts": 2}], "Footage")
    assert found.heads == ("file", "alerts")
    assert found.rows == (("a", "0"), ("b", "2"))


def test_plain_values_and_parts_of_any_depth_are_all_shown_under_their_path() -> None:
    section = {
        "hours": 1.25,
        "note": "unique hours",
        "empty": [],
        "files": {"a": {"alerts": 0, "interval": {"low": 0, "high": 3}}, "b": {"alerts": 1}},
        "per_kind": {"rain": {"windows": {"all": 9, "flagged": 1}}},
    }
    found = {table.title: table for table in tables(section, "Footage")}
    assert found["Footage"].rows == (("hours", "1.25"), ("note", "unique hours"), ("empty", "[]"))
    assert found["Footage: files"].heads == ("", "alerts", "interval low", "interval high")
    assert found["Footage: files"].rows == (("a", "0", "0", "3"), ("b", "1", "", ""))
    assert found["Footage: per kind: rain: windows"].rows == (("all", "9"), ("flagged", "1"))


def test_parts_that_have_little_in_common_are_not_forced_into_one_table() -> None:
    found = tables({"delay_s": {"median": 2.0, "p95": 3.1}, "events": {"played": 9, "told": 8}}, "Splices")
    assert [table.title for table in found] == ["Splices: delay s", "Splices: events"]


def test_a_matrix_is_one_cell() -> None:
    assert tables({"confusion": [[1, 2], [3, 4]]}, "x")[0].rows == (("confusion", "[[1, 2], [3, 4]]"),)


def test_cells_are_short_and_say_when_there_is_nothing() -> None:
    assert [cell(value) for value in (None, True, 0.5, 0.123456, 0.00001234, [0.1, None], 7)] == [
        "–", "yes", "0.5", "0.1235", "1.2e-05", "[0.1, –]", "7",
    ]  # fmt: skip


def test_a_long_list_is_cut_and_its_length_said() -> None:
    assert cell(list(range(40))).endswith("11, … 40 in all]")


def test_markdown_survives_a_bar_in_a_cell() -> None:
    text = Table("", ("", "n"), (("a|b", "1"),)).markdown()
    assert text.splitlines() == ["|  | n |", "| -- | -- |", "| a/b | 1 |"]
