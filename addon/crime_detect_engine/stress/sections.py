"""Owns the order of the hard questions: which network judges which file, and the sections that come of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import NORMAL, ModelSpec, Rules
from crime_detect_engine.learning.adversarial import adversarial_section
from crime_detect_engine.learning.datasets import SUFFIXES, Footage
from crime_detect_engine.learning.robustness import robustness_section
from crime_detect_engine.learning.scoring import ScoredClip, suspicion_of
from crime_detect_engine.learning.subjects import Clip, Material, Subject, trained_on
from crime_detect_engine.store.heat_map import write_heat_map
from crime_detect_engine.vision.classifier import NetworkClassifier

from .footage import Ordinary, Seen, footage_section, hard_negatives_section, watch_ordinary
from .occlusion import GRID, explain_file
from .splices import Piece, plan_splices, play_splice, splices_section
from .spoil import CONDITIONS

PROCEDURAL_FILE = "procedural.json"
"""In a folder of hard negatives: {"kinds": […]}, those that are drawn."""
MISTAKES, SURE = 4, 2
"""Decisions that are explained: the worst mistakes, and the surest that were right."""

FootageUnder = Callable[[ModelSpec, str], Footage]
"""What reads the clips for a model under a condition of CONDITIONS."""


@dataclass(slots=True, eq=False)
class Questioning:
    """One model, or the networks of its folds, and all that it is asked about."""

    subjects: Sequence[Subject]
    material: Material
    footage_under: FootageUnder
    tell: Callable[[str], None]
    footage: Sequence[Path] = ()
    """More folders of ordinary footage."""
    hard_negatives: Path | None = None
    """DIR/<kind>/*.mp4."""
    scored: Sequence[ScoredClip] = ()
    """The clean decisions, of which some are explained."""
    pictures: Path | None = None
    """Where heat maps go; they show the people of the clips and stay on this machine."""
    rules: Rules = field(default_factory=Rules)
    _classifiers: dict[int, NetworkClassifier] = field(default_factory=dict)
    _seen: tuple[list[Seen], list[dict[str, str]]] | None = None

    def ask(self, wanted: Sequence[str]) -> dict[str, Any]:
        """The report's sections by name. Raises InvalidInputError for one that is not known."""
        unknown = sorted(set(wanted) - set(SECTIONS))
        if unknown:
            raise InvalidInputError(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
        return {name: section(self) for name, section in SECTIONS.items() if name in wanted}

    @property
    def spec(self) -> ModelSpec:
        return self.subjects[0].spec

    def clips(self) -> list[Clip]:
        return list(self.material.clips(self.spec.labels))

    def judge(self, fold: int) -> Subject:
        """The network that may judge clips of a fold; raises InvalidInputError where there is none."""
        for subject in self.subjects:
            if subject.may_judge(fold):
                return subject
        raise InvalidInputError(f"no network for the clips of fold {fold}")

    def classifier(self, subject: Subject) -> NetworkClassifier:
        return self._classifiers.setdefault(id(subject), subject.classifier())

    def seen(self) -> tuple[list[Seen], list[dict[str, str]]]:
        """All ordinary footage, watched once for the sections that are about it."""
        if self._seen is None:
            self._seen = watch_ordinary(self._ordinary(), self.rules, self.tell)
        return self._seen

    def _ordinary(self) -> Iterator[Ordinary]:
        clips = self.clips()
        for clip in (*[c for c in clips if c.extra], *[c for c in clips if c.normal and not c.extra]):
            kind = clip.folder if clip.extra else NORMAL_CLIPS
            yield self._file(clip.path, clip.file.path, kind, self.judge(clip.fold))
        for folder in self.footage:
            for path in _videos(folder):
                yield self._file(path, f"{folder.name}/{path.relative_to(folder)}", folder.name, self.subjects[0])
        if self.hard_negatives is not None:
            drawn = _drawn_kinds(self.hard_negatives)
            for path in _videos(self.hard_negatives):
                name = path.relative_to(self.hard_negatives)
                kind = name.parts[0]
                yield self._file(path, f"{HARD}/{name}", f"{HARD}/{kind}", self.subjects[0], procedural=kind in drawn)

    def _file(self, path: Path, name: str, kind: str, subject: Subject, *, procedural: bool = False) -> Ordinary:
        return Ordinary(path, name, kind, self.classifier(subject), trained_on(subject, path), procedural)


NORMAL_CLIPS = "normal clips"
HARD = "hard_negatives"


def _robustness(asked: Questioning) -> dict[str, Any]:
    footages = {name: asked.footage_under(asked.spec, name) for name in CONDITIONS}
    about = {name: condition.about for name, condition in CONDITIONS.items()}
    return robustness_section(asked.subjects, asked.material, footages, about, asked.tell)


def _footage(asked: Questioning) -> dict[str, Any]:
    seen, left_out = asked.seen()
    return footage_section([one for one in seen if not one.file.kind.startswith(f"{HARD}/")], left_out, asked.rules)


def _hard_negatives(asked: Questioning) -> dict[str, Any]:
    seen, _ = asked.seen()
    section = hard_negatives_section([one for one in seen if one.file.kind != NORMAL_CLIPS], asked.rules)
    section["kinds"] = {kind.removeprefix(f"{HARD}/"): found for kind, found in section["kinds"].items()}
    return section


def _splices(asked: Questioning) -> dict[str, Any]:
    own = [clip for clip in asked.clips() if not clip.extra]
    spliced = []
    for subject in asked.subjects:
        pieces = [Piece(clip.path, clip.file.label) for clip in own if subject.may_judge(clip.fold)]
        for number, order in enumerate(plan_splices(pieces)):
            spliced.append(play_splice(order, asked.classifier(subject), asked.rules))
            asked.tell(f"splice {number + 1}: {len(order)} clips, {len(spliced[-1].notices)} alerts")
    return splices_section(spliced, asked.spec, asked.rules)


def _adversarial(asked: Questioning) -> dict[str, Any]:
    return adversarial_section(asked.subjects, asked.material, asked.footage_under(asked.spec, "clean"), asked.tell)


def _occlusion(asked: Questioning) -> dict[str, Any]:
    rows = []
    for number, (clip, right) in enumerate(_to_explain(asked.scored, asked.spec), 1):
        found = explain_file(asked.material.root / clip.path, asked.classifier(asked.judge(clip.fold)))
        row: dict[str, Any] = {"file": clip.path, "true": asked.spec.labels[clip.label], "right": right}
        if asked.pictures is not None:
            row["overlay"] = f"{asked.pictures.name}/{number:02d}.png"
            write_heat_map(found.picture, found.drops, asked.pictures / f"{number:02d}.png")
        rows.append(row | found.as_json())
        asked.tell(f"explained {clip.path}")
    return {
        "method": f"a grey patch over one cell of {GRID} x {GRID} in all pictures of the most suspicious window; how "
        "much of the score of its likeliest incident is lost",
        "decisions": rows,
    }


def _to_explain(scored: Sequence[ScoredClip], spec: ModelSpec) -> list[tuple[ScoredClip, bool]]:
    normal = spec.labels.index(NORMAL)

    def wrongness(clip: ScoredClip) -> float:
        value = suspicion_of(clip.worst(normal), normal)
        return value if clip.label == normal else -value

    main = sorted((clip for clip in scored if not clip.extra), key=wrongness, reverse=True)
    wrong = [(clip, False) for clip in main if wrongness(clip) > 0][:MISTAKES]
    incidents = [(clip, True) for clip in reversed(main) if clip.label != normal and wrongness(clip) <= 0][:SURE]
    return wrong + incidents


SECTIONS: Mapping[str, Callable[[Questioning], dict[str, Any]]] = {
    "robustness": _robustness,
    "footage": _footage,
    "splices": _splices,
    "occlusion": _occlusion,
    "adversarial": _adversarial,
    "hard_negatives": _hard_negatives,
}


def _videos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is not a folder")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _drawn_kinds(folder: Path) -> frozenset[str]:
    path = folder / PROCEDURAL_FILE
    if not path.is_file():
        return frozenset()
    try:
        return frozenset(json.loads(path.read_text(encoding="utf-8"))["kinds"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"{path} does not say which kinds are drawn: {error}") from error
