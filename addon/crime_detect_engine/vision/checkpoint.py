"""Owns checkpoints on disk: `model.json`, the digests of all files, and where models are found."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.types import NORMAL, REGIONS, VOCABULARY, ModelSpec

SHIPPED = Path(__file__).resolve().parent.parent / "checkpoints"
DEFAULT_NAME = "fight-mobilenet_v2-lstm"
"""What `model: {name: default}` means."""
NETWORK_NAMES = (
    "mobilenet_v2-lstm", "mobilenet_v2-gru", "mobilenet_v2-rnn", "mobilenet_v2-attention", "mobilenet_v2-tcn",
    "mobilenet_v2-transformer", "mobilenet_v2-linear", "mobilenet_v2_320-lstm", "squeezenet1_1-lstm", "resnet50-lstm",
    "densenet121",
)  # fmt: skip
"""Networks that can be trained; known here too because torch is absent where checkpoints are only served."""
FORMAT = 1
MODEL_FILE, WEIGHTS_FILE = "model.json", "weights.safetensors"
OPENVINO_FILES = ("openvino/cnn.xml", "openvino/cnn.bin", "openvino/head.xml", "openvino/head.bin")
INT8_FILES = ("openvino/cnn-int8.xml", "openvino/cnn-int8.bin")
PRECISIONS = ("bf16", "int8")
"""What a checkpoint may be proven in besides fp32."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)?")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder whose files all had the digests that its `model.json` names."""

    folder: Path
    spec: ModelSpec

    def path(self, name: str) -> Path:
        """Raises CheckpointError for a file that has no digest."""
        if name not in self.spec.sha256:
            raise CheckpointError(f"{self.folder} has no {name}")
        return self.folder / name

    @property
    def has_openvino(self) -> bool:
        return all(name in self.spec.sha256 for name in OPENVINO_FILES)


@dataclass(frozen=True, slots=True)
class Listing:
    """One line of `crime-detect models`: a checkpoint, or a network without one; `error` says what is wrong."""

    name: str
    folder: Path | None
    spec: ModelSpec | None
    error: str | None = None


def file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_checkpoint(folder: Path) -> Checkpoint:
    """Reads `model.json` and checks every digest. Raises CheckpointError naming the file that is wrong."""
    path = folder / MODEL_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder} is no checkpoint: it has no {MODEL_FILE}") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    spec = parse_spec(content, str(path))
    for name, expected in spec.sha256.items():
        _check(folder, name, expected)
    return Checkpoint(folder, spec)


def _check(folder: Path, name: str, expected: str) -> None:
    if not _FILE.fullmatch(name):
        raise CheckpointError(f"{folder / MODEL_FILE} names a file outside its folder: {name!r}")
    try:
        found = file_digest(folder / name)
    except OSError as error:
        raise CheckpointError(f"{folder / name} cannot be read: {error.strerror}; install the model again") from error
    if found != expected:
        raise CheckpointError(
            f"{folder / name} was altered or cut off: its SHA-256 is {found[:12]}…, not {expected[:12]}…; "
            "install the model again"
        )


def write_checkpoint(folder: Path, spec: ModelSpec) -> Checkpoint:
    """Writes `model.json` last, with the digests of all files that lie in the folder now."""
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name != MODEL_FILE)
    spec = replace(spec, sha256={name: file_digest(folder / name) for name in names})
    partial = folder / f"{MODEL_FILE}.partial"
    text = json.dumps({"format": FORMAT, **asdict(spec)}, indent=1, ensure_ascii=False, sort_keys=False)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(folder / MODEL_FILE)
    return read_checkpoint(folder)


def find_checkpoint(name: str, folders: Sequence[Path] = ()) -> Checkpoint:
    """The checkpoint of that name, the user's `folders` before what is shipped; `default` is the shipped default.

    Raises CheckpointError when it is missing, altered or not trained.
    """
    name = DEFAULT_NAME if name == "default" else name
    if not _NAME.fullmatch(name):
        raise CheckpointError(f"{name!r} is not a model name")
    for folder in (*folders, SHIPPED):
        if (folder / name / MODEL_FILE).is_file():
            checkpoint = read_checkpoint(folder / name)
            if not checkpoint.spec.trained:
                raise CheckpointError(f"{name} has no trained head and cannot be used for detection; train it first")
            return checkpoint
    if name in NETWORK_NAMES:
        raise CheckpointError(
            f"{name} is a network, not a trained model: `crime-detect train` makes a model of it; "
            f"models here: {', '.join(_names(folders)) or 'none'}"
        )
    raise CheckpointError(f"no model {name!r}; models here: {', '.join(_names(folders)) or 'none'}")


def list_checkpoints(folders: Sequence[Path] = ()) -> list[Listing]:
    """All models, broken ones with their error, then the networks that can be trained."""
    listings = []
    for name in _names(folders):
        folder = next(f / name for f in (*folders, SHIPPED) if (f / name / MODEL_FILE).is_file())
        try:
            listings.append(Listing(name, folder, read_checkpoint(folder).spec))
        except CheckpointError as error:
            listings.append(Listing(name, folder, None, str(error)))
    reason = "a network without a trained head: train it with a recipe"
    return listings + [Listing(name, None, None, reason) for name in NETWORK_NAMES]


def _names(folders: Sequence[Path]) -> list[str]:
    return sorted({path.parent.name for path in _model_files(folders) if _NAME.fullmatch(path.parent.name)})


def _model_files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in (*folders, SHIPPED):
        yield from folder.glob(f"*/{MODEL_FILE}")


def parse_spec(content: Any, where: str) -> ModelSpec:
    """A ModelSpec of JSON. Raises CheckpointError naming what is wrong with it."""
    try:
        if content["format"] != FORMAT:
            raise CheckpointError(f"{where} has format {content['format']}; this version reads format {FORMAT}")
        known = {field.name for field in fields(ModelSpec)}
        values = {key: value for key, value in content.items() if key in known}
        for key in ("labels", "mean", "std"):
            values[key] = tuple(values[key])
        spec = ModelSpec(**values)
        _validate(spec)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{where} is not a model description: {error}") from error
    return spec


def _validate(spec: ModelSpec) -> None:
    checks = {
        "labels": len(spec.labels) >= 2 and NORMAL in spec.labels and set(spec.labels) <= set(VOCABULARY),
        "name": bool(_NAME.fullmatch(spec.name)),
        "frames": 1 <= spec.min_frames <= spec.frames <= 50,
        "fps": math.isfinite(spec.fps) and 0 < spec.fps <= 60,
        "size": 16 <= spec.size <= 1024,
        "input": spec.input in ("rgb", "difference"),
        "gain_rule": spec.gain_rule in ("fixed", "contrast"),
        "lag": 1 <= spec.lag <= 4,
        "region": spec.region in REGIONS,
        "source_size": spec.size <= spec.picture_size <= 1024,
        "enhance": spec.enhance in ("none", "clahe", "denoise", "brightness"),
        "scale": spec.scale in ("unit", "symmetric"),
        "precisions": set(spec.precisions) <= set(PRECISIONS),
        "temperature": math.isfinite(spec.temperature) and spec.temperature > 0,
        "mean, std": len(spec.mean) == len(spec.std) == 3 and all(v > 0 for v in spec.std),
    }
    wrong = [name for name, fine in checks.items() if not fine]
    if wrong:
        raise ValueError(f"wrong value of {', '.join(wrong)}")
