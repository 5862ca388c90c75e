"""Owns the way from `evaluate --stress` to the hard questions: the networks, their clips, where pictures go."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.learning.evaluate import Measured
from crime_detect_engine.learning.recipe import DataFolder, read_recipe
from crime_detect_engine.learning.subjects import Material, fold_subjects, model_subject
from crime_detect_engine.training import ServingFootage
from crime_detect_engine.vision.checkpoint import find_checkpoint

from .sections import SECTIONS, Questioning
from .spoil import frames_of


def stress(
    arguments: argparse.Namespace, measured: Measured, models: Sequence[Path], tell: Any
) -> dict[str, dict[str, Any]]:
    """The sections that `--stress` asks for, `all` of them by default. Raises CrimeDetectError."""
    wanted = tuple(SECTIONS) if arguments.stress == "all" else tuple(arguments.stress.split(","))
    subjects, material = _asked(arguments, measured, models, tell)
    pictures = arguments.report / f"{measured.spec.name}-occlusion" if arguments.report else None
    questioning = Questioning(
        subjects, material, footage_under, tell, tuple(arguments.footage or ()), arguments.hard_negatives,
        measured.scored, pictures,
    )  # fmt: skip
    return questioning.ask(wanted)


def footage_under(spec: ModelSpec, condition: str) -> ServingFootage:
    return ServingFootage(spec, lambda path: frames_of(path, condition))


def _asked(arguments: argparse.Namespace, measured: Measured, models: Sequence[Path], tell: Any) -> Any:
    if arguments.model:
        groups = str(arguments.groups.resolve()) if arguments.groups else None
        subject = model_subject(find_checkpoint(arguments.model, models))
        folder = DataFolder(layout=arguments.layout, groups=groups)
        return [subject], Material(arguments.data, (folder,), 1, arguments.split or "all")
    recipe = read_recipe(arguments.recipe)
    data = arguments.data or arguments.recipe.parent
    if not measured.runs:
        raise InvalidInputError("--stress needs the networks of the folds")
    temperature = float(measured.report["temperature"])
    subjects = fold_subjects(recipe, data, measured.runs[0], temperature, ServingFootage(recipe.spec), tell)
    return subjects, Material(data, recipe.data, recipe.training.folds or 1)
