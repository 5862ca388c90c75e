"""Owns the configuration: one YAML file → checked by voluptuous → frozen dataclasses; and the environment."""

from .changes import ConfigChange, changes
from .complaints import InvalidConfig, Problem
from .editor import ConfigEditor
from .loading import from_arguments, load_config, parse_config
from .places import data_dir
from .settings import CameraConfig, Config, ModelOptions, model_name

__all__ = [
    "CameraConfig",
    "Config",
    "ConfigChange",
    "ConfigEditor",
    "InvalidConfig",
    "ModelOptions",
    "Problem",
    "changes",
    "data_dir",
    "from_arguments",
    "load_config",
    "model_name",
    "parse_config",
]
