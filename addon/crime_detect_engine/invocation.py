"""Owns which configuration a command line means."""

from __future__ import annotations

import argparse
from dataclasses import replace

from .config import Config, from_arguments
from .config.editor import ConfigEditor
from .domain.errors import ConfigError


def read_config(arguments: argparse.Namespace) -> tuple[Config, ConfigEditor | None]:
    """The file's cameras and those of `--camera`. Raises ConfigError."""
    cameras = {}
    for item in arguments.camera:
        name, separator, url = item.partition("=")
        if not separator or not url:
            raise ConfigError(f"--camera wants NAME=URL, like front=rtsp://10.0.0.5/stream; got {name!r} alone")
        cameras[name] = url
    if arguments.config is None:
        return from_arguments(cameras, arguments.demo), None
    editor = ConfigEditor(arguments.config)
    config = editor.load()
    if not cameras and not arguments.demo:
        return config, editor
    added = from_arguments(cameras, arguments.demo).cameras
    if taken := set(added) & set(config.cameras):
        raise ConfigError(f"{', '.join(sorted(taken))}: named by --camera and by {arguments.config.name}")
    return replace(config, cameras={**config.cameras, **added}), editor
