"""Owns where the engine keeps its data and what it reads of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

CONTAINER_VARIABLE = "CRIME_DETECT_CONTAINER"
CONTAINER_DATA = Path("/data")


def in_container(environment: Mapping[str, str] | None = None) -> bool:
    """True in the project's images, which set CRIME_DETECT_CONTAINER=1."""
    return (os.environ if environment is None else environment).get(CONTAINER_VARIABLE) == "1"


def data_dir(
    argument: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
    container_data: Path = CONTAINER_DATA,
) -> Path:
    """The folder of `--data`; else /data in a container that mounts it; else the user's data folder. Not created."""
    if argument is not None:
        return Path(argument).expanduser().absolute()
    if in_container(environment) and container_data.is_dir():
        return container_data
    return Path(platformdirs.user_data_dir("crime-detect", appauthor=False))
