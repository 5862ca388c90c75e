"""Owns `crime-detect export`: the OpenVINO form of a finished model, and the precisions that it may serve in."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.vision.backends.precision import has_bf16
from crime_detect_engine.vision.checkpoint import PRECISIONS, WEIGHTS_FILE, Checkpoint, write_checkpoint
from crime_detect_engine.vision.network import restore_network

from .card import write_card
from .datasets import Footage, Sample
from .export import export_openvino
from .precisions import passed, prove_precisions
from .recipe import read_recipe
from .registry import replace_model


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: where, the largest difference of a score from torch, and the proofs by precision."""

    folder: Path
    parity: float
    precisions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def export_files(checkpoint: Checkpoint, out: Path, samples: Sequence[Sample], footage: Footage | None) -> Exported:
    """Writes the networks to `out`; with clips also `cnn-int8` and `precisions.json`, where the figures hold.

    bf16 is no file but a way to compute; it is proven where the processor has it.
    """
    network = restore_network(checkpoint.spec, load_file(str(checkpoint.path(WEIGHTS_FILE))))
    worst = export_openvino(network, checkpoint.spec, out)
    if footage is None:
        return Exported(out, worst)
    wanted = [name for name in PRECISIONS if name != "bf16" or has_bf16()]
    proofs = prove_precisions(network, checkpoint.spec, out, wanted, samples, footage)
    (out / "precisions.json").write_text(json.dumps(proofs, indent=1) + "\n", encoding="utf-8")
    return Exported(out, worst, proofs)


def export_in_place(
    checkpoint: Checkpoint, folders: Sequence[Path], samples: Sequence[Sample], footage: Footage
) -> Exported:
    """Puts the export, its proofs and a card that names them into the user's own checkpoint, whole or not at all.

    Raises InvalidInputError for a checkpoint that is shipped with the engine.
    """
    if checkpoint.folder.parent not in folders:
        raise InvalidInputError(f"{checkpoint.spec.name} is shipped with the engine; name a folder with --out")
    models = checkpoint.folder.parent
    folder = Path(tempfile.mkdtemp(prefix=f".{checkpoint.spec.name}.", dir=models))
    shutil.copytree(checkpoint.folder, folder, dirs_exist_ok=True)
    folder.chmod(0o755)
    shutil.rmtree(folder / "openvino")
    done = export_files(checkpoint, folder / "openvino", samples, footage)
    (folder / "openvino" / "precisions.json").unlink()
    spec = replace(checkpoint.spec, precisions=passed(done.precisions))
    report = json.loads((folder / "report.json").read_text(encoding="utf-8")) | {"precisions": dict(done.precisions)}
    (folder / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "card.md").write_text(write_card(read_recipe(folder / "recipe.toml"), spec, report), encoding="utf-8")
    write_checkpoint(folder, spec)
    replace_model(folder, checkpoint.folder)
    return replace(done, folder=checkpoint.folder)
