"""Owns how a section of a report becomes tables, whatever it holds: the same for the card and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONG_LIST = 12


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
    """Plain values become one table of names and values, parts that are built alike one table with a row each.

    Other parts are taken apart, each under the path of names that leads to it.
    """
    if _is_list_of_parts(section):
        return [_rows(title, dict(enumerate(section)), numbered=True)]
    if not isinstance(section, Mapping):
        return [Table("", ("", ""), ((title, cell(section)),))]
    plain = {name: value for name, value in section.items() if _is_plain(value)}
    parts = {name: value for name, value in section.items() if name not in plain}
    found = []
    if plain:
        rows = tuple((readable(name), cell(value)) for name, value in plain.items())
        found.append(Table(title, ("", ""), rows))
    if _are_alike(parts):
        rows_of = {name: _flattened(part) for name, part in parts.items()}
        return [*found, _rows(f"{title}, in parts".removeprefix(", ") if plain else title, rows_of)]
    for name, value in parts.items():
        found += tables(value, f"{title}: {readable(name)}" if title else readable(name))
    return found


def cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) >= 1e-3 or value == 0 else f"{value:.2g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        more = f", … {len(value)} in all" if len(value) > _LONG_LIST else ""
        return f"[{', '.join(cell(one) for one in value[:_LONG_LIST])}{more}]"
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


def _are_alike(parts: Mapping[str, Any]) -> bool:
    """Whether parts can be rows of one table: at least two, no deeper than one more level, most keys in common."""
    if len(parts) < 2 or not all(isinstance(part, Mapping) and part for part in parts.values()):
        return False
    if not all(_is_plain(one) or _is_flat(one) for p in parts.values() for one in p.values()):
        return False
    keys = [set(part) for part in parts.values()]
    return 2 * len(set.intersection(*keys)) >= len(set.union(*keys))


def _flattened(part: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in part.items():
        flat |= {f"{name} {key}": one for key, one in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat
