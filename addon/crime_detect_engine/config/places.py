"""Owns where the engine keeps its data and what it reads of the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

CONTAINER_VARIABLE = "CRIME_DETECT_CONTAINER"
CONTAINER_DATA = Path("/data")
MODELS_VARIABLE = "CRIME_DETECT_MODELS"
SUPERVISOR_URL = "http://supervisor"
CONTAINER_CONFIG = Path("/config/crime_detect.yaml")
APP_OPTIONS = "options.json"
"""What a person chose on the app's page in Home Assistant; the Supervisor writes it into the data folder."""


@dataclass(frozen=True, slots=True)
class SupervisorAccess:
    """Where the Supervisor of Home Assistant answers the app that this is, and its token. `ingress_peer` is the
    address that its requests for people come from."""

    url: str = SUPERVISOR_URL
    token: str = field(default="", repr=False)
    ingress_peer: str = "172.30.32.2"


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


def detector_folders(data: Path, environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Where the weights of detectors are looked for: what CRIME_DETECT_MODELS names, then the data folder's own.

    What is fetched is kept in the last.
    """
    named = (os.environ if environment is None else environment).get(MODELS_VARIABLE)
    own = data / "models" / "detectors"
    return (Path(named).expanduser().absolute(), own) if named else (own,)


def container_config(environment: Mapping[str, str] | None = None, file: Path = CONTAINER_CONFIG) -> Path | None:
    """The configuration that a container without arguments runs with; None elsewhere. The file may be absent."""
    return file if in_container(environment) and file.parent.is_dir() else None


def supervisor_access(environment: Mapping[str, str] | None = None) -> SupervisorAccess | None:
    """None unless this is the app that a Supervisor of Home Assistant started."""
    variables = os.environ if environment is None else environment
    token = variables.get("SUPERVISOR_TOKEN", "")
    if not token or not in_container(variables):
        return None
    return SupervisorAccess(variables.get("SUPERVISOR_API", SUPERVISOR_URL).rstrip("/"), token)


def app_log_level(data: Path) -> str | None:
    """The level chosen on the app's page, upper case as logging has it; None where nothing usable is chosen."""
    try:
        options: Any = json.loads((data / APP_OPTIONS).read_text())
    except (OSError, ValueError):
        return None
    level = options.get("log_level") if isinstance(options, dict) else None
    return level.upper() if level in ("debug", "info", "warning", "error") else None
