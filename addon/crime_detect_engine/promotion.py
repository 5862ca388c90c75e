"""Owns the user's way from clips to a model in force on the command line: `recipe`, and `models activate`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from .assembly import model_folders
from .config import ConfigEditor, data_dir
from .config.places import container_config
from .domain.errors import ConfigError, InvalidInputError
from .learning.draft import draft_recipe
from .vision.checkpoint import find_checkpoint
from .vision.classifier import load_classifier

_CONFIG = Path("crime_detect.yaml")
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def recipe_command(arguments: argparse.Namespace) -> int:
    """`crime-detect recipe DIR --name NAME`: writes a recipe and says what comes next."""
    name, data = arguments.name, arguments.folder
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"{name!r} is not a model name: a-z, 0-9, _ . and -, like shop_robberies")
    out: Path = arguments.out or Path(f"{name}.toml")
    if out.exists():
        raise InvalidInputError(f"{out} is there already; remove it, or say --out FILE")
    draft = draft_recipe(data, name, threads=os.cpu_count() or 1)
    out.write_text(draft.text, encoding="utf-8")
    _tell(f"wrote {out}: {', '.join(draft.labels)}")
    for warning in draft.warnings:
        _tell(f"warning: {warning}")
    _tell(f"next: crime-detect train --recipe {out} --data {data}\nthen: crime-detect models activate {name}")
    return 0


def activate_command(arguments: argparse.Namespace) -> int:
    """`crime-detect models activate NAME`: the file names the model, comments kept; a running engine follows."""
    name, data = arguments.name, data_dir(arguments.data)
    file = _config_file(arguments.config)
    spec = find_checkpoint(name, model_folders(data)).spec
    classifier, note = load_classifier(name, "auto", model_folders(data))
    classifier.close()
    if note:
        _tell(note)
    ConfigEditor(file).set(("model", "name"), name)
    _tell(f"{file} names {name} {spec.version} now. It knows {', '.join(spec.labels)}, and nothing else.")
    _tell("A running engine takes it within seconds and says so in its log; otherwise it is used at the next start.")
    return 0


def _config_file(asked: Path | None) -> Path:
    file: Path = asked or container_config() or _CONFIG
    if not file.is_file():
        raise ConfigError(
            f"{file} is not there: say --config FILE, the one that `crime-detect run` has. An engine without a file "
            "(--camera) keeps no choice of a model"
        )
    return file


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
