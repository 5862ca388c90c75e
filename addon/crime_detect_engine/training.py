"""Owns the learning commands: gives the learning stage its videos as serving would sample them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .assembly import model_folders
from .config import data_dir
from .domain.clock import SystemClock
from .domain.errors import InvalidInputError
from .domain.ports import RawFrame
from .domain.types import Image, ModelSpec
from .learning.cache import GIGABYTE, CachedFootage
from .learning.cutting import Cutting, Piece, SampledFrame, cut_frames
from .learning.recipe import DataFolder
from .sampling.sampler import FixedRateSampler
from .sampling.views import clip_views
from .sources.file import FileSource
from .vision.checkpoint import list_checkpoints
from .vision.preprocess import compose_views

_NEEDED = ("torch", "torchvision", "openvino", "sklearn", "matplotlib")


class ServingFootage:
    """A learning `Footage`: the engine's own source and sampler, so that training sees what serving sees."""

    def __init__(self, spec: ModelSpec, raw: Callable[[Path], Iterable[RawFrame]] | None = None) -> None:
        """`raw` decodes a video; by default as it was recorded."""
        self._spec = spec
        self._raw = raw or (lambda path: FileSource(path).frames())

    def frames(self, path: Path) -> Iterator[SampledFrame]:
        """Every frame of one video that serving would sample, as it is decoded."""
        whole = replace(self._spec, size=self._spec.picture_size, region="full", lag=1, enhance="none")
        sampler = FixedRateSampler(path.name, whole, gate=False)
        for number, raw in enumerate(self._raw(path)):
            frame = sampler.offer(raw)
            if frame is not None:
                yield SampledFrame(number, frame.image, frame.cut)

    def cut(self, path: Path, cutting: Cutting) -> Sequence[tuple[Piece, Image]]:
        return cut_frames(self.frames(path), cutting, path)

    def read(self, path: Path) -> Sequence[Image]:
        """All of one video: its unbroken stretches, each uint8 [T, P, P, 3]."""
        return [clip for _, clip in self.cut(path, Cutting(length=sys.maxsize // 3, shortest=1))]

    def compose(self, clip: Image, zoom: float = 1.0, region: str | None = None) -> Image:
        spec = self._spec if region is None else replace(self._spec, region=region)
        return compose_views(clip_views(clip, spec, zoom), spec)


def train_command(arguments: argparse.Namespace) -> int:
    data = arguments.data or arguments.recipe.parent
    commands = _learning()
    out = arguments.out or data_dir() / "models"  # where a running engine finds it
    question = (lambda measured: _stress(arguments, measured)) if arguments.stress else None
    footage_of = _cached(arguments, out)
    name = commands.train(arguments.recipe, data, out, footage_of, SystemClock(), _tell, question).spec.name
    _tell(f"put it in force: crime-detect models activate {name}")
    return 0


def evaluate_command(arguments: argparse.Namespace) -> int:
    measured = _measure(_learning(), arguments)
    if arguments.stress:
        measured.report.update(_stress(arguments, measured))
    report = import_module(".learning.withholding", __package__).without_names(measured.report, measured.scored)
    if arguments.report:
        arguments.report.mkdir(parents=True, exist_ok=True)
        target = arguments.report / f"{report['model']}.json"
        target.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        _tell(f"wrote {target}")
        page = import_module(".learning.page", __package__)
        written = page.write_page(arguments.report, measured, ServingFootage(measured.spec))
        _tell(f"wrote {written}: it shows frames of people, keep it on this machine")
    _say(json.dumps(report) if arguments.json else _summary(report))
    return 0


def _stress(arguments: argparse.Namespace, measured: Any) -> dict[str, Any]:
    sections: dict[str, Any] = import_module(".stress.command", __package__).stress(
        arguments, measured, _folders(), _tell
    )
    return sections


def _measure(commands: Any, arguments: argparse.Namespace) -> Any:
    if (arguments.recipe is None) == (arguments.model is None):
        raise InvalidInputError("evaluate needs either --recipe or --model")
    beside = arguments.report or Path("reports")
    footage_of = _cached(arguments, beside)
    if arguments.model:
        if arguments.data is None:
            raise InvalidInputError("evaluate --model needs --data")
        return commands.evaluate_model(
            arguments.model, arguments.data, _folder(arguments), _folders(), footage_of,
            allow_train=arguments.allow_train, part=arguments.split or "all",
        )  # fmt: skip
    if arguments.scores:
        return commands.evaluate_scores(arguments.recipe, arguments.scores, arguments.data, footage_of)
    return commands.evaluate_recipe(
        arguments.recipe,
        arguments.data or arguments.recipe.parent,
        beside / ".work",
        footage_of,
        _tell,
        arguments.split or "train",
    )


def _cached(arguments: argparse.Namespace, beside: Path) -> Callable[[ModelSpec], CachedFootage]:
    """What decodes each video once, into `--cache` or beside what the command writes."""
    folder = arguments.cache or beside / ".cache"
    most_bytes = int(arguments.cache_gb * GIGABYTE)
    return lambda spec: CachedFootage(ServingFootage(spec), spec, folder, most_bytes)


def _folder(arguments: argparse.Namespace) -> DataFolder:
    """`--data` itself as a data folder of `--layout`."""
    groups = str(arguments.groups.resolve()) if arguments.groups else None
    return DataFolder(layout=arguments.layout, groups=groups)


def calibrate_command(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments)
    temperature = _learning().calibrate(arguments.model, arguments.data, folder, _folders(), ServingFootage)
    _say(f"temperature {temperature}")
    return 0


def export_command(arguments: argparse.Namespace) -> int:
    done = _learning().export(arguments.model, arguments.out, _folders(), arguments.data, ServingFootage)
    _say(f"wrote {done.folder}; largest difference of a score from torch {done.parity:.1e}")
    for precision, proof in done.precisions.items():
        _say(
            f"{precision} {'serves' if proof['passed'] else 'REFUSED'}: {proof['decisions_changed']} of "
            f"{proof['windows']} decisions changed, a score by {proof['mean_shift']} on average and at most "
            f"{proof['largest_shift']}; accuracy {proof['accuracy']} ({proof['accuracy_in_fp32']} in fp32)"
        )
    return 0


def models_command(arguments: argparse.Namespace) -> int:
    """All models and the networks without one; works where torch is absent."""
    for listing in list_checkpoints(_folders()):
        row = {"name": listing.name, "usable": listing.error is None, "error": listing.error}
        if listing.spec is not None:
            spec = asdict(listing.spec)
            keys = ("version", "network", "labels", "frames", "fps", "size", "input", "trained", "demo", "metrics")
            row |= {key: spec[key] for key in keys}
        _say(json.dumps(row) if arguments.json else _line(row))
    return 0


def _line(row: dict[str, Any]) -> str:
    if not row["usable"]:
        return f"{row['name']}: {row['error']}"
    knows = ", ".join(row["labels"])
    auc = row["metrics"].get("roc_auc")
    measured = f"; grouped accuracy {row['metrics']['accuracy']}, AUC {auc}" if auc else ""
    return f"{row['name']} {row['version']}{' (demo)' if row['demo'] else ''}: knows {knows}{measured}"


def _summary(report: dict[str, Any]) -> str:
    lines = []
    for name, part in report["parts"].items():
        after, interval = part["after_scaling"], part["interval_95"]
        lines.append(
            f"{name}: {after['clips']} clips of {part['sources']} sources, accuracy {after['accuracy']} "
            f"{interval['accuracy']}, ROC-AUC {after['roc_auc']} {interval['roc_auc']}, ECE {after['ece']}"
        )
    if report.get("trained_on_these_clips"):
        lines.append(f"the model was TRAINED on {report['trained_on_these_clips']} of these clips")
    return "\n".join(lines)


def _learning() -> Any:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise InvalidInputError(
            f"learning needs {', '.join(missing)}, not installed here: pip install 'crime-detect[train]'"
        )
    return import_module(".learning.commands", __package__)


def _folders() -> Sequence[Path]:
    return model_folders(data_dir())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
