"""Owns the configuration file that a container makes at its first start: nothing set, everything explained."""

from __future__ import annotations

import os
from pathlib import Path

from crime_detect_engine.domain.errors import ConfigError

_STARTER = Path(__file__).with_name("starter.yaml")


def write_starter(path: Path) -> bool:
    """Makes the file unless it is there; True when it was made. Only its owner may read it: addresses hold passwords.

    Raises ConfigError when it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigError(f"{path} cannot be made: {error.strerror or error}") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(_STARTER.read_text())
    return True
