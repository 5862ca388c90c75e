"""Owns YAML text as plain values: line numbers, `!secret`, `!env_var`; no other tag, no bomb, no duplicate key."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from .complaints import InvalidConfig, KeyPath, Problem, nearest

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
"""Counted with every alias written out: nine aliases of nine aliases of … stop here."""
MAX_DEPTH = 32
TEXT_KEYS = frozenset(
    {"account_sid", "auth_token", "from", "instance", "name", "password", "secret", "source", "to", "token", "username"}
)
"""Keys whose plain scalars stay text as written: `0123` is a password and `+316…` a number to call."""

REFERENCE = re.compile(r"(!secret|!env_var) (\S.*)")
"""A reference in plain data, as `settings` shows it and people send it."""

_TAG = "tag:yaml.org,2002:"
_CONVERTED = {_TAG + name for name in ("int", "float", "bool", "null")}
_MERGE = _TAG + "merge"
_FOREIGN_TAG = "a tag that is not allowed; there are !secret NAME and !env_var NAME [default]"
_TEXT = {_TAG + name for name in ("str", "timestamp", "value")}


@dataclass(frozen=True, slots=True)
class Reference:
    """A scalar that stands elsewhere: `!secret name` or `!env_var NAME`."""

    written: str
    value: str = field(repr=False)


@dataclass(slots=True)
class Document:
    """Plain values (dict, list, str, int, float, bool, None) with the line of each key path (counted from 1)."""

    values: Any
    lines: dict[KeyPath, int]
    references: dict[KeyPath, Reference] = field(repr=False)


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises InvalidConfig when it is absent, unreadable or too large."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise InvalidConfig(str(path), [Problem(f"cannot be read: {reason}")]) from None
    if data is None or len(data) > MAX_BYTES:
        raise InvalidConfig(str(path), [Problem(f"larger than the {MAX_BYTES // 1024} kB that are allowed")])
    return data


def decode(data: bytes, file: str) -> str:
    """Raises InvalidConfig for bytes that are no UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidConfig(file, [Problem("not UTF-8 text", line=line)]) from None


def parse(text: str, file: str, secret: Callable[[str], str], environment: Mapping[str, str]) -> Document:
    """Raises InvalidConfig; its messages never quote a line of the file, which may hold a password.

    `secret` gives the value of a `!secret` and raises LookupError with what to tell.
    """
    root = _compose(text, file)
    reader = _Reader(secret, environment)
    values = {} if root is None else reader.read(root, ())
    if reader.problems:
        raise InvalidConfig(file, reader.problems)
    return Document(values, reader.lines, reader.references)


def parse_secrets(text: str, file: str) -> dict[str, str]:
    """The texts of secrets.yaml by name, as they are written."""
    root = _compose(text, file)
    if root is None:
        return {}
    if not isinstance(root, MappingNode) or not all(isinstance(value, ScalarNode) for _, value in root.value):
        raise InvalidConfig(file, [Problem("expected one `name: value` a line", line=1)])
    return {str(key.value): str(value.value) for key, value in root.value}


class _SilentComposer(Composer):
    """The parser's warning about an anchor that is used again would print lines of the file, secrets included."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False


def yaml_of(kind: str) -> YAML:
    """The parser: `safe` for nodes, `rt` for text that is edited. It knows no tag of any language."""
    yaml = YAML(typ=kind, pure=True)
    yaml.Composer = _SilentComposer
    return yaml


def _compose(text: str, file: str) -> Node | None:
    if len(text) > MAX_BYTES:
        raise InvalidConfig(file, [Problem(f"larger than the {MAX_BYTES // 1024} kB that are allowed")])
    try:
        root: Node | None = yaml_of("safe").compose(text)
        return root
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = " ".join(part for part in (error.context, error.problem) if part)
        raise InvalidConfig(file, [Problem(f"not YAML: {why}", line=mark.line + 1 if mark else None)]) from None
    except YAMLError:
        raise InvalidConfig(file, [Problem("not YAML: it holds a character that is not allowed")]) from None
    except RecursionError:
        raise InvalidConfig(file, [Problem("nested too deeply")]) from None
    except (ValueError, AssertionError, NotImplementedError, LookupError, TypeError, AttributeError):
        # What the parser raises on malformed directives and tags instead of its own errors.
        raise InvalidConfig(file, [Problem("not YAML: a directive or tag is malformed")]) from None


class _Reader:
    """Walks the nodes of one file once; aliases are walked again, within MAX_NODES."""

    def __init__(self, secret: Callable[[str], str], environment: Mapping[str, str]) -> None:
        self._secret = secret
        self._environment = environment
        self._nodes = 0
        self._too_much = False
        self.lines: dict[KeyPath, int] = {}
        self.references: dict[KeyPath, Reference] = {}
        self.problems: list[Problem] = []

    def read(self, node: Node, path: KeyPath, depth: int = 0, *, text_key: bool = False) -> Any:
        self._nodes += 1
        self.lines.setdefault(path, _line(node))
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            if not self._too_much:
                self._complain(node, path[:4], "too many values or levels, aliases counted")
            self._too_much = True
            return None
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.read(one, (*path, i), depth + 1, text_key=text_key) for i, one in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._scalar(node, path, text_key=text_key)
        self._complain(node, path, _FOREIGN_TAG)
        return None

    def _mapping(self, node: MappingNode, path: KeyPath, depth: int) -> dict[str, Any]:
        merged = self._merged(node, path, depth)
        values: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                continue
            if not isinstance(key_node, ScalarNode) or key_node.tag not in _TEXT | _CONVERTED:
                self._complain(key_node, path, "a key must be a text")
                continue
            key = str(key_node.value)
            if key in first:
                self._complain(key_node, (*path, key), f"written twice, first in line {first[key]}")
                continue
            first[key] = _line(key_node)
            if key in merged:
                self._forget((*path, key))
            self.lines[(*path, key)] = _line(key_node)
            values[key] = self.read(value_node, (*path, key), depth + 1, text_key=key in TEXT_KEYS)
        return {**merged, **values}

    def _merged(self, node: MappingNode, path: KeyPath, depth: int) -> dict[str, Any]:
        """What `<<` brings; of several mappings the first wins, so it is read last."""
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag != _MERGE:
                continue
            for one in reversed(value_node.value) if isinstance(value_node, SequenceNode) else [value_node]:
                if not isinstance(one, MappingNode):
                    self._complain(one, path, "<< takes a mapping or a list of mappings")
                    continue
                for key in merged.keys() & {
                    str(inner.value) for inner, _ in one.value if isinstance(inner, ScalarNode)
                }:
                    self._forget((*path, key))
                inner = self.read(one, path, depth + 1)
                merged |= inner if isinstance(inner, dict) else {}
        return merged

    def _forget(self, path: KeyPath) -> None:
        """A value that another one replaces leaves no references behind."""
        for known in [known for known in self.references if known[: len(path)] == path]:
            del self.references[known]

    def _scalar(self, node: ScalarNode, path: KeyPath, *, text_key: bool) -> Any:
        if node.tag == "!secret":
            return self._refer(node, path, self._from_secrets, text_key=text_key)
        if node.tag == "!env_var":
            return self._refer(node, path, self._from_environment, text_key=text_key)
        if node.tag in _TEXT or (node.tag in _CONVERTED and text_key and node.tag != _TAG + "null"):
            return str(node.value)
        if node.tag in _CONVERTED:
            return plain_value(str(node.value))
        self._complain(node, path, _FOREIGN_TAG)
        return None

    def _refer(self, node: ScalarNode, path: KeyPath, find: Callable[[str], str], *, text_key: bool) -> Any:
        argument = str(node.value).strip()
        try:
            value = find(argument)
        except LookupError as error:
            self._complain(node, path, str(error.args[0]))
            return None
        self.references[path] = Reference(f"{node.tag} {argument}", value)
        return value if text_key else plain_value(value)

    def _from_secrets(self, argument: str) -> str:
        if not re.fullmatch(r"\S+", argument):
            raise LookupError("!secret needs the name of a secret")
        return self._secret(argument)

    def _from_environment(self, argument: str) -> str:
        name, _, default = argument.partition(" ")
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise LookupError("!env_var needs the name of a variable, then, if wanted, a default")
        value = self._environment.get(name, default.strip() or None)
        if value is None:
            raise LookupError(f"the environment has no variable {name}; set it or write a default behind the name")
        return value

    def _complain(self, node: Node, path: KeyPath, text: str) -> None:
        self.problems.append(Problem(text, path, _line(node)))


def plain_value(text: str) -> Any:
    """What an unquoted scalar means in YAML 1.2; text that is no number, boolean or null stays text."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    digits = text.replace("_", "")
    try:
        if re.fullmatch(r"[-+]?[0-9]{1,18}", digits):
            return int(digits)
        if re.fullmatch(r"0x[0-9a-fA-F]{1,15}|0o[0-7]{1,20}", digits):
            return int(digits, 0)
        if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", digits):
            return float(digits)
    except (ValueError, OverflowError):
        return text
    infinite = re.fullmatch(r"([-+]?)\.(inf|Inf|INF)", text)
    if infinite:
        return -math.inf if infinite[1] == "-" else math.inf
    return math.nan if text in {".nan", ".NaN", ".NAN"} else text


def unknown_secret(name: str, known: Mapping[str, str], file: str) -> LookupError:
    return LookupError(f"{file} has no secret {name}{nearest(name, known)}")


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
