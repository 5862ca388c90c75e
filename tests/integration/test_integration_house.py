"""Owns the laws of the house for the integration: no engine in it, a client without Home Assistant, short files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

INTEGRATION = Path(__file__).resolve().parents[2] / "custom_components" / "crime_detect"
FILES = sorted(INTEGRATION.rglob("*.py"))
FILE_LINES = 350
FUNCTION_LINES = 60


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def caught(handler: ast.ExceptHandler) -> set[str]:
    """The names that it catches; an empty one for `except:`."""
    return set(ast.unparse(handler.type).strip("()").split(", ")) if handler.type else {""}


def test_nothing_of_the_engine_is_imported() -> None:
    wrong = [
        f"{path.relative_to(INTEGRATION)} imports {name}"
        for path in FILES
        for name in imports(path)
        if name.split(".")[0] in {"crime_detect_engine", "tests", "models", "bench"}
    ]
    assert not wrong


def test_the_client_needs_no_home_assistant() -> None:
    wrong = [
        f"engine/{path.name} imports {name}"
        for path in FILES
        if path.parent.name == "engine"
        for name in imports(path)
        if name.startswith(("homeassistant", "custom_components", ".."))
    ]
    assert not wrong


def test_nothing_catches_everything() -> None:
    """A bug ends its task, and whoever began the task sees it: the feed and the queue begin again."""
    wrong = [
        f"{path.relative_to(INTEGRATION)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and not caught(node).isdisjoint({"", "Exception", "BaseException"})
    ]
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INTEGRATION)))
def test_a_file_is_short_and_says_what_it_owns(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= FILE_LINES
    assert (ast.get_docstring(tree) or "").startswith("Owns "), "the first line of a module says what it owns"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno < FUNCTION_LINES, node.name
