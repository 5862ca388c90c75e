"""Owns YAML that is edited by the program: comments, order, quotes and indentation stay as the user has them."""

from __future__ import annotations

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.tag import Tag

from . import remarks
from .complaints import InvalidConfig, KeyPath, Problem
from .document import REFERENCE, plain_value, yaml_of

_ENDLESS = 2**20


def load(text: str) -> Any:
    """The root mapping (CommentedMap) of a text that `document.parse` has accepted; empty for an empty file."""
    try:
        root = _yaml().load(text)
    except YAMLError:
        raise InvalidConfig("configuration", [Problem("cannot be edited by the program; edit the file")]) from None
    return CommentedMap() if root is None else root


class _AsWritten(VersionedResolver):
    """Leaves plain scalars the text they are: `+316…` and `0x10` must come out as they went in."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        text = kind is ScalarNode and implicit[0] and value not in ("", "<<")
        return Tag(suffix="tag:yaml.org,2002:str") if text else super().resolve(kind, value, implicit)


def _yaml() -> YAML:
    yaml = yaml_of("rt")
    yaml.Resolver = _AsWritten
    yaml.preserve_quotes = True
    return yaml


def dump(root: Any, before: str) -> str:
    """The text of `root`, indented as `before` is. A file that held only comments keeps them on top."""
    yaml = _yaml()
    yaml.width = _ENDLESS
    mapping, sequence, offset = _indentation(before)
    yaml.indent(mapping=mapping, sequence=sequence, offset=offset)
    stream = io.StringIO()
    yaml.dump(root, stream)
    text = stream.getvalue()
    only_comments = not re.search(r"^\s*[^#\s]", before, re.MULTILINE)
    return before.rstrip("\n") + "\n" * bool(before.strip()) + text if only_comments else text


def assign(root: Any, path: KeyPath, value: Any) -> None:
    """Sets a value in nested dicts and lists, creating the dicts on the way. Raises LookupError."""
    node = root
    for part in path[:-1]:
        inner = node.get(part) if isinstance(node, dict) else node[part]
        empty = inner is None or (type(inner) is str and plain_value(inner) is None)
        if empty and isinstance(node, dict):
            remarks.put(node, part, type(root)())
            inner = node[part]
        if not isinstance(inner, dict | list):
            raise LookupError(part)
        node = inner
    if isinstance(node, list) and not isinstance(path[-1], int):
        raise LookupError(path[-1])
    remarks.put(node, path[-1], value)


def remove(root: Any, path: KeyPath) -> None:
    """Removes a key or an item. Raises LookupError when it is not there."""
    node, above, by = root, None, None
    for part in path[:-1]:
        node, above, by = node[part], node, part
        if not isinstance(node, dict | list):
            raise LookupError(part)
    remarks.drop(above, by, node, path[-1])


def written(value: Any) -> Any:
    """Plain data as it is to stand in the file; `!secret x` becomes the tag. Raises InvalidConfig for other types."""
    if isinstance(value, dict):
        return CommentedMap({str(key): written(inner) for key, inner in value.items()})
    if isinstance(value, list | tuple):
        items = CommentedSeq(written(inner) for inner in value)
        if _fits_a_line(value):
            items.fa.set_flow_style()  # a polygon is a line, not a staircase
        return items
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(repr(value), repr(value))
    if isinstance(value, str):
        reference = REFERENCE.fullmatch(value)
        if reference:
            return TaggedScalar(reference[2], style=None, tag=reference[1])
        plain = re.fullmatch(r"[A-Za-z0-9_/]([\w ./+-]*[\w/])?", value) and plain_value(value) == value
        return value if plain else DoubleQuotedScalarString(value)
    if value is not None:
        raise InvalidConfig("configuration", [Problem("a value of a kind that YAML cannot hold")])
    return None


def _fits_a_line(items: Any) -> bool:
    """Numbers, or points of numbers."""
    inner = [one for item in items for one in (item if isinstance(item, list | tuple) else [item])]
    return bool(inner) and all(isinstance(one, int | float) for one in inner)


def _indentation(text: str) -> tuple[int, int, int]:
    """(mapping, sequence, offset) as ruamel counts them, from the first block of each kind."""
    root = yaml_of("safe").compose(text)
    mapping: int | None = None
    dash: tuple[int, int] | None = None
    nodes: list[Node] = [] if root is None else [root]
    seen: set[int] = set()
    while nodes:
        node = nodes.pop(0)
        if id(node) in seen or not isinstance(node, MappingNode) or node.flow_style:
            continue
        seen.add(id(node))
        for key, value in node.value:
            step = value.start_mark.column - key.start_mark.column
            if isinstance(value, MappingNode) and not value.flow_style and step > 0:
                mapping = mapping or step
            if isinstance(value, SequenceNode) and not value.flow_style and value.value and step >= 0:
                dash = dash or (value.value[0].start_mark.column - key.start_mark.column, step)
            nodes.append(value)
    return mapping or 2, *(dash or (4, 2))
