"""Owns how tests reach the scripts beside the package (bench/, models/): as modules, by their place."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def load_script(place: str) -> ModuleType:
    """The script at `place` below the project's root, run once more as a module."""
    path = ROOT / place
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look there for their annotations
    spec.loader.exec_module(module)
    return module
