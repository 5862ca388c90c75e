"""Owns comment lines of a YAML file whose keys the program changes: they stay in front of what they speak of.

ruamel keeps the lines below a value with that value, although people write them above what follows.
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.tokens import CommentToken

_BESIDE = {CommentedMap: 2, CommentedSeq: 0}
"""Where ruamel keeps the comment that follows an entry, in the list of an entry's comments."""


def put(node: Any, key: Any, value: Any) -> None:
    """`node[key] = value`, in a mapping, a list, or plain data."""
    if not _is_block(node) or not isinstance(node, CommentedMap):
        node[key] = value
        return
    known = key in node
    grows = known and not _is_block(node[key]) and _is_block(value)
    before = key if known else next(reversed(node), None)
    below = "" if before is None else _take(node, before)
    node[key] = value
    if grows and (beside := _slot(node, key)[2]) is not None:
        beside.start_mark = CommentMark(0)  # its line has become shorter
    _append(*_last(node, key), below)


def drop(parent: Any, parent_key: Any, node: Any, key: Any) -> None:
    """`del node[key]`; `parent[parent_key]` is `node`, both None for the root. Raises LookupError."""
    if not _is_block(node) or not isinstance(node, CommentedMap) or key not in node:
        del node[key]
        return
    below, keys = _take(node, key), list(node)
    place = keys.index(key)
    del node[key]
    if place:
        _append(*_last(node, keys[place - 1]), below)
    elif isinstance(parent, CommentedMap) and _is_block(parent):
        _append(parent, parent_key, below)


def _is_block(value: Any) -> bool:
    """Over several lines."""
    return isinstance(value, CommentedMap | CommentedSeq) and bool(value) and not value.fa.flow_style()


def _slot(node: Any, key: Any) -> list[Any]:
    comments: list[Any] = node.ca.items.setdefault(key, [None, None, None, None])
    return comments


def _last(node: Any, key: Any) -> tuple[Any, Any]:
    """The entry with which the text of an entry ends."""
    while _is_block(node[key]):
        node = node[key]
        key = next(reversed(node)) if isinstance(node, CommentedMap) else len(node) - 1
    return node, key


def _take(node: Any, key: Any) -> str:
    """Takes the lines below an entry away; what stands beside it stays."""
    ends = ""
    while _is_block(node[key]):
        node = node[key]
        ends = "".join(map(_written, node.ca.end)) + ends
        node.ca.end = []
        key = next(reversed(node)) if isinstance(node, CommentedMap) else len(node) - 1
    comments, at = _slot(node, key), _BESIDE[type(node)]
    beside, _, below = comments[at].value.partition("\n") if comments[at] is not None else ("", "", "")
    if below:
        comments[at] = CommentToken(f"{beside}\n", comments[at].start_mark, None) if beside else None
    return f"{below}{ends}"


def _written(token: CommentToken) -> str:
    """The lines of a comment that ruamel keeps with the end of a list."""
    text = str(token.value)
    return text if text.startswith("\n") else " " * token.start_mark.column + text


def _append(node: Any, key: Any, below: str) -> None:
    if below:
        comments, at = _slot(node, key), _BESIDE[type(node)]
        mark = CommentMark(0) if comments[at] is None else comments[at].start_mark
        before = "\n" if comments[at] is None else comments[at].value
        comments[at] = CommentToken(before + below, mark, None)
