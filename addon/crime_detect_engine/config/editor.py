"""Owns changes to the configuration file by the program: checked first, then replaced in one step."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crime_detect_engine.domain.errors import ConfigError, NotFoundError

from . import roundtrip
from .complaints import InvalidConfig, Problem
from .display import hide, merge, same, show_settings
from .document import Document, decode, parse, read_bytes
from .loading import secrets_beside, validate
from .settings import Config


class ConfigEditor:
    """The one writer of one file. Its methods block on the disk and may be called from any thread.

    Every change raises InvalidConfig when its result would not be valid, and ConfigError when the file was changed
    by somebody else since it was loaded; then nothing is written.
    """

    def __init__(self, path: Path, environment: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._environment = os.environ if environment is None else environment
        self._lock = threading.Lock()
        self._digest: str | None = None

    def load(self) -> Config:
        """Reads the file; from now on changes apply to this content. Raises InvalidConfig."""
        with self._lock:
            data = read_bytes(self.path)
            config = self._validated(self._parsed(decode(data, self.path.name)))
            self._digest = _digest(data)
            return config

    def settings(self) -> dict[str, Any]:
        """What stands in the file, secrets as references or `***`."""
        with self._lock:
            return show_settings(self._parsed(decode(read_bytes(self.path), self.path.name)))

    def set_threshold(self, camera: str, value: float) -> Config:
        """Raises NotFoundError for a camera that is not in the file."""
        self._require_camera(camera)
        return self.set(("cameras", camera, "detection", "threshold"), round(value, 4))

    def set(self, path: Sequence[str | int], value: Any) -> Config:
        """Sets one key to plain data; missing sections above it are made. `!secret x` becomes a reference."""
        return self._edit(lambda root, form: roundtrip.assign(root, tuple(path), form(value)))

    def remove(self, path: Sequence[str | int]) -> Config:
        return self._edit(lambda root, _: roundtrip.remove(root, tuple(path)))

    def change(self, path: Sequence[str | int], changes: Mapping[tuple[str, ...], Any]) -> Config:
        """Several keys below `path` in one step, named by the way to them; None removes one (gone already is fine)."""

        def edit(root: Any, form: Callable[[Any], Any]) -> None:
            for keys, value in changes.items():
                if value is not None:
                    roundtrip.assign(root, (*path, *keys), form(value))
                    continue
                with contextlib.suppress(LookupError, TypeError):
                    roundtrip.remove(root, (*path, *keys))

        return self._edit(edit)

    def add_camera(self, camera: str, options: Mapping[str, Any]) -> Config:
        """`options` as below `cameras.NAME` in the file. Raises ConfigError when the name is taken."""
        if camera in (self.settings().get("cameras") or {}):
            raise ConfigError(f"there is a camera {camera} already; choose another name or change that one")
        return self.set(("cameras", camera), dict(options))

    def remove_camera(self, camera: str) -> Config:
        """Raises NotFoundError for a camera that is not in the file."""
        self._require_camera(camera)
        return self.remove(("cameras", camera))

    def put_settings(self, wanted: Mapping[str, Any]) -> Config:
        """Replaces the content by what `settings()` showed and somebody changed; what was hidden is kept."""
        with self._lock:
            text, before = self._current()
            shown = show_settings(before)
            if wanted == shown:
                return self._validated(before)
            problems: list[Problem] = []
            root = merge(roundtrip.load(text), shown, dict(wanted), (), problems)
            if problems:
                raise InvalidConfig(self.path.name, problems)
            return self._replace(text, root, hide(dict(wanted)))

    def _edit(self, change: Callable[[Any, Callable[[Any], Any]], None]) -> Config:
        """Applies the change to the file and to what is shown of it: both must come out the same."""
        with self._lock:
            text, before = self._current()
            root, expected = roundtrip.load(text), copy.deepcopy(show_settings(before))
            try:
                change(root, roundtrip.written)
                change(expected, copy.deepcopy)
            except (LookupError, TypeError):
                raise NotFoundError(f"{self.path.name} has no such key") from None
            return self._replace(text, root, hide(expected))

    def _replace(self, text: str, root: Any, expected: Any) -> Config:
        changed = roundtrip.dump(root, text)
        document = self._parsed(changed)
        config = self._validated(document)
        if not same(show_settings(document), expected):
            raise ConfigError(f"{self.path.name} shares these settings by an anchor (& and *); edit the file by hand")
        self._write(changed.encode())
        return config

    def _current(self) -> tuple[str, Document]:
        data = read_bytes(self.path)
        if self._digest is not None and _digest(data) != self._digest:
            raise ConfigError(f"{self.path.name} was changed since it was read; load it again, then repeat the change")
        text = decode(data, self.path.name)
        self._digest = _digest(data)
        return text, self._parsed(text)

    def _parsed(self, text: str) -> Document:
        return parse(text, self.path.name, secrets_beside(self.path), self._environment)

    def _validated(self, document: Document) -> Config:
        return validate(document, self.path.name, self._environment)

    def _require_camera(self, camera: str) -> None:
        if camera not in (self.settings().get("cameras") or {}):
            raise NotFoundError(f"{self.path.name} has no camera {camera}")

    def _write(self, data: bytes) -> None:
        """Beside the file, to the disk, then over it: a reader finds the old content or the new, never a part."""
        target = self.path.resolve()
        temporary: Path | None = None
        try:
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            temporary = Path(name)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            stat = target.stat()
            temporary.chmod(stat.st_mode & 0o7777)
            with contextlib.suppress(PermissionError):
                os.chown(temporary, stat.st_uid, stat.st_gid)
            if _digest(read_bytes(target)) != self._digest:
                raise ConfigError(f"{self.path.name} was changed at the same moment; load it again, then repeat")
            temporary.replace(target)
            temporary = None
            _sync_folder(target.parent)
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be written: {error.strerror or error}") from None
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
        self._digest = _digest(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
