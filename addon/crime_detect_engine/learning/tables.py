"""Owns how a section of a report becomes tables, whatever it holds: the same for the card and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        lines = [self.heads, tuple("--" for _ in self.heads), *self.rows]
        text = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
        return f"**{self.title}**\n\n{text}" if self.title else text


def tables(section: Any, title: str = "") -> list[Table]:
    """Plain values become one table of names and values, likewise-built parts one table with a row each.

    Parts of other shapes are taken apart, each under the path of names that leads to it.
    """
    if _is_list_of_parts(section):
        return [_rows(title, dict(enumerate(section)), numbered=True)]
    if not isinstance(section, Mapping):
        return [Table("", ("", ""), ((title, cell(section)),))]
    plain = {name: value for name, value in section.items() if _is_plain(value)}
    flat = {name: value for name, value in section.items() if name not in plain and _is_flat(value)}
    deep = {name: value for name, value in section.items() if name not in plain and name not in flat}
    found = []
    if plain:
        rows = tuple((readable(name), cell(value)) for name, value in plain.items())
        found.append(Table(title, ("", ""), rows))
    if flat:
        found.append(_rows(title if not plain else f"{title} in parts", flat))
    for name, value in deep.items():
        path = f"{title}: {readable(name)}" if title else readable(name)
        found += tables(value, path)
    return found


def cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) >= 1e-3 or value == 0 else f"{value:.2g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(cell(one) for one in value)}]"
    return str(value).replace("\n", " ")


def readable(name: Any) -> str:
    return str(name).replace("_", " ")


def _rows(title: str, parts: Mapping[Any, Mapping[str, Any]], *, numbered: bool = False) -> Table:
    keys = list(dict.fromkeys(key for part in parts.values() for key in part))
    rows = tuple(
        (*(() if numbered else (readable(name),)), *(cell(part[key]) if key in part else "" for key in keys))
        for name, part in parts.items()
    )
    return Table(title, (*(() if numbered else ("",)), *(readable(key) for key in keys)), rows)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Mapping) and not _is_list_of_parts(value)


def _is_list_of_parts(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _is_flat(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(_is_plain(one) for one in value.values())
