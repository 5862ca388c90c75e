"""Owns YAML that is edited by the program: comments, order, quotes and indentation stay as the user has them."""

from __future__ import annotations

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, TaggedScalar
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from .complaints import InvalidConfig, KeyPath, Problem
from .display import REFERENCE

_ENDLESS = 2**20


def load(text: str) -> Any:
    """The root mapping (CommentedMap) of a text that `document.parse` has accepted; empty for an empty file."""
    try:
        root = _yaml().load(text)
    except YAMLError:
        raise InvalidConfig("configuration", [Problem("cannot be edited by the program; edit the file")]) from None
    return CommentedMap() if root is None else root


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    return yaml


def dump(root: Any, before: str) -> str:
    """The text of `root`, indented as `before` is. A file that held only comments keeps them on top."""
    _tag_references(root)
    yaml = _yaml()
    yaml.width = _ENDLESS
    mapping, sequence, offset = _indentation(before)
    yaml.indent(mapping=mapping, sequence=sequence, offset=offset)
    stream = io.StringIO()
    try:
        yaml.dump(root, stream)
    except YAMLError:
        raise InvalidConfig("configuration", [Problem("a value of a kind that YAML cannot hold")]) from None
    text = stream.getvalue()
    only_comments = not re.search(r"^\s*[^#\s]", before, re.MULTILINE)
    return before.rstrip("\n") + "\n" * bool(before.strip()) + text if only_comments else text


def assign(root: Any, path: KeyPath, value: Any) -> None:
    """Sets a value in nested dicts and lists, creating the dicts on the way. Raises LookupError."""
    node = root
    for part in path[:-1]:
        inner = node.get(part) if isinstance(node, dict) else node[part]
        if inner is None and isinstance(node, dict):
            inner = node[part] = type(root)()
        if not isinstance(inner, dict | list):
            raise LookupError(part)
        node = inner
    if isinstance(node, list) and not isinstance(path[-1], int):
        raise LookupError(path[-1])
    node[path[-1]] = value


def remove(root: Any, path: KeyPath) -> None:
    """Removes a key or an item. Raises LookupError when it is not there."""
    node = root
    for part in path[:-1]:
        node = node[part]
        if not isinstance(node, dict | list):
            raise LookupError(part)
    del node[path[-1]]


def _tag_references(node: Any) -> None:
    """Turns `!secret x` in what the program put in into the tag; quoted text of the file is no plain str."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        reference = REFERENCE.fullmatch(value) if type(value) is str else None
        if reference:
            node[key] = TaggedScalar(reference[2], style=None, tag=reference[1])
        elif isinstance(value, dict | list):
            _tag_references(value)


def _indentation(text: str) -> tuple[int, int, int]:
    """(mapping, sequence, offset) as ruamel counts them, from the first block of each kind."""
    root = YAML(typ="safe", pure=True).compose(text)  # type: ignore[no-untyped-call]
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
