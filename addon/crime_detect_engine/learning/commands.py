"""Owns the learning commands as plain functions; the command line hands in how videos are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.checkpoint import (
    WEIGHTS_FILE,
    Checkpoint,
    file_digest,
    find_checkpoint,
    write_checkpoint,
)
from crime_detect_engine.vision.network import Network, restore_network

from .calibration import fit_temperature
from .conversion import Exported, export_files, export_in_place
from .curves import write_curves
from .datasets import ClipFile, Footage, Part, Sample, load_samples
from .evaluate import Measured, build_report, calibrated, clip_arrays, cross_validate_seeds, part_report, score_clips
from .hierarchy import coarse_figures
from .initialise import initialise_head
from .recipe import DataFolder, Recipe, read_recipe
from .registry import describe_making, store_model, training_clips
from .scoring import ScoredClip, read_run
from .search import nested_search, settled
from .subgroups import groups_of
from .train import Report, start_network, train_network
from .withholding import without_names

FootageOf = Callable[[ModelSpec], Footage]
"""Gives what reads and composes videos for a model."""
Question = Callable[[Measured], dict[str, Any]]
"""Asks the networks of the folds more, by `--stress`; gives sections of the report by name."""
OFFICIAL_TEST = "official test part"


def train(
    recipe_file: Path, data: Path, models: Path, footage_of: FootageOf, clock: Clock, report: Report,
    question: Question | None = None,
) -> Checkpoint:  # fmt: skip
    """Folds, calibration, final training, export and card in one go; continues where it was cut off.

    The checkpoint comes to `models/<name>`; what is under way lies in `models/.work/<name>`. `question` adds sections
    to the report of the folds.
    """
    recipe = read_recipe(recipe_file)
    footage = footage_of(recipe.spec)
    samples, files = _load(recipe, data, footage)
    manifest = _digests(data, files)
    return train_samples(recipe, samples, data, models, clock, report, footage, manifest=manifest, question=question)


def train_samples(
    recipe: Recipe, samples: Sequence[Sample], data: Path, models: Path, clock: Clock, report: Report,
    footage: Footage, *, manifest: Sequence[str] = (), question: Question | None = None,
) -> Checkpoint:  # fmt: skip
    """The same for clips that are already in memory (procedural scenes). `folds = 0` in the recipe skips the folds."""
    if question and not recipe.training.folds:
        raise InvalidInputError("--stress asks the networks of the folds, and this recipe has folds = 0")
    work = models / ".work" / recipe.name
    began = _began(work, clock.now())
    measured = _measure(recipe, samples, data, work, report, footage) if recipe.training.folds else None
    figures = _published(measured, question) if measured else {}
    network = train_network(settled(recipe, work), samples, data, work / "final", report, footage)
    for suffix in (".png", ".html"):
        write_curves([work], work / f"curves{suffix}")
    figures["made"] = describe_making(began, clock.now())
    checkpoint = store_model(recipe, network, figures, manifest, models)
    report(f"wrote {checkpoint.folder}")
    return checkpoint


def _published(measured: Measured, question: Question | None) -> dict[str, Any]:
    return without_names(measured.report | (question(measured) if question else {}), measured.scored)


def evaluate_recipe(
    recipe_file: Path, data: Path, work: Path, footage_of: FootageOf, report: Report, part: Part = "train"
) -> Measured:
    """Retrains per fold and seed and pools the out-of-fold scores; `test`: trains once, scores the official test part.

    Raises ConfigError, InvalidInputError.
    """
    recipe = read_recipe(recipe_file)
    footage = footage_of(recipe.spec)
    samples, _ = _load(recipe, data, footage)
    if part == "train":
        return _measure(recipe, samples, data, work / recipe.name, report, footage)
    held_back, _ = _load(recipe, data, footage, part)
    network = train_network(recipe, samples, data, work / recipe.name / "final", report, footage)
    return _measure_finished(network, recipe, held_back, footage, OFFICIAL_TEST, seen=0)


def evaluate_scores(recipe_file: Path, runs: Sequence[Path], data: Path | None, footage_of: FootageOf) -> Measured:
    """The figures of folds that were trained elsewhere: `runs` hold fold*/scores.json, one folder a seed.

    Without `data` nothing is said of what the clips show.
    """
    recipe = read_recipe(recipe_file)
    samples = _load(recipe, data, footage_of(recipe.spec))[0] if data else []
    by_seed = dict(enumerate((read_run(run) for run in runs), recipe.training.seed))
    return _report_folds(recipe, by_seed, samples, runs)


def evaluate_model(
    name: str, data: Path, folder: DataFolder, folders: Sequence[Path], footage_of: FootageOf,
    *, allow_train: bool, part: Part = "all",
) -> Measured:  # fmt: skip
    """Figures of a finished model on the clips of `folder`. Refuses clips it was trained on unless `allow_train`.

    Raises CheckpointError, InvalidInputError.
    """
    checkpoint = find_checkpoint(name, folders)
    spec = checkpoint.spec
    footage = footage_of(spec)
    samples, files = load_samples(data, folder, spec, 1, footage, part)
    if not samples:
        raise InvalidInputError(f"{data / folder.folder} has no {part} clips of {', '.join(spec.labels)}")
    known = training_clips(spec)
    seen = sorted(file.path for file in files if file_digest(data / file.path) in known)
    if seen and not allow_train:
        raise InvalidInputError(
            f"{name} was trained on {len(seen)} of {len(files)} clips ({seen[0]}, …): figures on them say nothing "
            "about new footage; --allow-train computes them anyway and says so in the report"
        )
    split = "clips that the model was trained on, among others" if seen else "clips it was not trained on"
    recipe = replace(read_recipe(checkpoint.folder / "recipe.toml"), spec=spec)
    split = OFFICIAL_TEST if part == "test" else split
    return _measure_finished(_restored(checkpoint), recipe, samples, footage, split, len(seen))


def _measure_finished(
    network: Network, recipe: Recipe, samples: Sequence[Sample], footage: Footage, split: str, seen: int
) -> Measured:
    spec = recipe.spec
    scored = score_clips(network, spec, samples, footage)
    # The model's own temperature is applied, not fitted anew on what is measured.
    scaled = [replace(c, windows=tuple(tuple(v / spec.temperature for v in w) for w in c.windows)) for c in scored]
    report = {
        "model": spec.name,
        "version": spec.version,
        **build_report(spec, scaled, groups=groups_of(samples), rescale=False),
        **_coarse_report(recipe, scaled, rescale=False),
        "split": split,
        "trained_on_these_clips": seen,
    }
    return Measured(report, spec, scaled, samples, rescale=False)


def calibrate(name: str, data: Path, folder: DataFolder, folders: Sequence[Path], footage_of: FootageOf) -> float:
    """Fits the temperature on clips the model never saw and writes it into the user's checkpoint.

    Raises InvalidInputError for clips it was trained on, or for a shipped checkpoint, which is not edited in place.
    """
    checkpoint = find_checkpoint(name, folders)
    if checkpoint.folder.parent not in folders:
        raise InvalidInputError(f"{name} is shipped with the engine; copy it to your models first")
    footage = footage_of(checkpoint.spec)
    samples, files = load_samples(data, folder, checkpoint.spec, 1, footage)
    if any(file_digest(data / file.path) in training_clips(checkpoint.spec) for file in files):
        raise InvalidInputError("calibration needs clips that the model was not trained on")
    scored = score_clips(_restored(checkpoint), checkpoint.spec, samples, footage)
    logits, labels = clip_arrays(checkpoint.spec, scored)
    temperature = fit_temperature(logits, labels)
    write_checkpoint(checkpoint.folder, replace(checkpoint.spec, temperature=temperature))
    return temperature


def export(
    name: str, out: Path | None, folders: Sequence[Path], data: Path | None = None, footage_of: FootageOf | None = None
) -> Exported:
    """Writes the OpenVINO form of a model to `out`, or anew into the user's own checkpoint where `out` is None.

    With `data`, where the clips of the model's own recipe lie, int8 is calibrated and each precision proven on these.
    Raises CheckpointError, InvalidInputError.
    """
    checkpoint = find_checkpoint(name, folders)
    if data is None or footage_of is None:
        if out is None:
            raise InvalidInputError("export needs --out, or --data to prove the precisions of a model of yours")
        return export_files(checkpoint, out, (), None)
    footage = footage_of(checkpoint.spec)
    samples, _ = _load(read_recipe(checkpoint.folder / "recipe.toml"), data, footage)
    if out is None:
        return export_in_place(checkpoint, folders, samples, footage)
    return export_files(checkpoint, out, samples, footage)


def _measure(
    recipe: Recipe, samples: Sequence[Sample], data: Path, work: Path, report: Report, footage: Footage
) -> Measured:
    work.mkdir(parents=True, exist_ok=True)
    if recipe.search.keys:
        return _search(recipe, samples, data, work, report, footage)
    by_seed = cross_validate_seeds(recipe, samples, data, work, report, footage)
    runs = [work if seed == recipe.training.seed else work / f"seed{seed}" for seed in by_seed]
    measured = _report_folds(recipe, by_seed, samples, runs)
    measured.report["baseline"] = _baseline(recipe, samples, data, work, footage)
    return measured


def _search(
    recipe: Recipe, samples: Sequence[Sample], data: Path, work: Path, report: Report, footage: Footage
) -> Measured:
    """What was tried counts by itself: `configurations_tried` in a recipe is what was tried before it."""
    found = nested_search(recipe, samples, data, work, report, footage)
    measured = _report_folds(recipe, {recipe.training.seed: found.scored}, samples, [])
    measured.report["configurations_tried"] += found.report["configurations"]
    measured.report["search"] = found.report
    measured.report["baseline"] = _baseline(recipe, samples, data, work, footage)
    return measured


def _report_folds(
    recipe: Recipe, by_seed: Mapping[int, Sequence[ScoredClip]], samples: Sequence[Sample], runs: Sequence[Path]
) -> Measured:
    scored = next(iter(by_seed.values()))
    looks = {"test_zooms": list(recipe.training.test_zooms)} if len(recipe.training.test_zooms) > 1 else {}
    report = {
        **looks,
        "model": recipe.name,
        "version": recipe.spec.version,
        "configurations_tried": recipe.training.configurations_tried,
        "seed": next(iter(by_seed)),
        **build_report(recipe.spec, scored, by_seed=by_seed, groups=groups_of(samples)),
        **_coarse_report(recipe, scored),
    }
    return Measured(report, recipe.spec, scored, samples, runs)


def _coarse_report(recipe: Recipe, scored: Sequence[ScoredClip], *, rescale: bool = True) -> dict[str, Any]:
    """Nothing for a recipe without a hierarchy."""
    if not recipe.hierarchy:
        return {}
    main = [clip for clip in scored if not clip.extra]
    probabilities = calibrated(recipe.spec, main, rescale=rescale)
    labels = clip_arrays(recipe.spec, main)[1]
    return {"coarse": coarse_figures(labels, probabilities, recipe.spec.labels, recipe.hierarchy)}


def _baseline(recipe: Recipe, samples: Sequence[Sample], data: Path, work: Path, footage: Footage) -> dict[str, Any]:
    """The figures of the start of every fold: what fine-tuning has to beat."""
    kept = work / "baseline.json"
    if not kept.exists():
        scored = []
        for fold in sorted({sample.fold for sample in samples if not sample.extra}):
            network = start_network(recipe, data)
            initialise_head(network, recipe, [s for s in samples if s.fold != fold], footage)
            own = [s for s in samples if s.fold == fold and not s.extra]
            scored += score_clips(network, recipe.spec, own, footage)
        part = part_report(recipe.spec, scored)
        kept.write_text(json.dumps({k: part["after_scaling"][k] for k in ("accuracy", "roc_auc")}), encoding="utf-8")
    baseline: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return baseline


def _began(work: Path, now: datetime) -> datetime:
    """When the oldest thing under way was written: a run that was cut off counts from there."""
    times = [datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in work.rglob("*") if path.is_file()]
    return min([now, *times])


def _load(recipe: Recipe, data: Path, footage: Footage, part: Part = "train") -> tuple[list[Sample], list[ClipFile]]:
    samples: list[Sample] = []
    files: list[ClipFile] = []
    for folder in recipe.data:
        own, listed = load_samples(data, folder, recipe.spec, recipe.training.folds or 1, footage, part)
        samples += own
        files += listed
    if not samples:
        raise InvalidInputError(f"{recipe.name}: no {part} clips; has any set of it an official split?")
    return samples, files


def _digests(data: Path, files: Sequence[ClipFile]) -> list[str]:
    return [file_digest(data / file.path) for file in files]


def _restored(checkpoint: Checkpoint) -> Network:
    return restore_network(checkpoint.spec, load_file(str(checkpoint.path(WEIGHTS_FILE))))
