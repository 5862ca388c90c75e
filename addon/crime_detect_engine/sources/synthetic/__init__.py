"""Owns the synthetic camera: procedural scenes with people, for the demo and for training its checkpoint."""

from .camera import SCHEMA, SyntheticOptions, SyntheticSource, parse_address
from .scene import FIGHTING, NORMAL, render
from .script import Pace

__all__ = ["FIGHTING", "NORMAL", "SCHEMA", "Pace", "SyntheticOptions", "SyntheticSource", "parse_address", "render"]
