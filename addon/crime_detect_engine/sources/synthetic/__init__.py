"""Owns the synthetic camera: procedural scenes with people, for the demo and for training its checkpoint."""

from .camera import SCHEMA, SyntheticOptions, SyntheticSource, parse_address
from .scene import FIGHTING, fights, render
from .script import Pace

__all__ = [
    "FIGHTING",
    "SCHEMA",
    "Pace",
    "SyntheticOptions",
    "SyntheticSource",
    "fights",
    "parse_address",
    "render",
]
