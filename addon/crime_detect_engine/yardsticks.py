"""Owns what the benchmark compares with: the naive pipeline, its network run our way, and the machine's own limit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .analysis import read_frames
from .domain.clock import cpu_s
from .domain.errors import InvalidInputError
from .domain.types import ModelSpec
from .sources.file import FileSource
from .vision.checkpoint import Checkpoint, write_checkpoint
from .vision.classifier import NetworkClassifier
from .vision.preprocess import compose
from .vision.sequences import SlidingWindow

NAIVE = Path(__file__).resolve().parents[2] / "bench" / "naive.py"
FPS, WINDOW = 5.0, 30
"""Of the naive pipeline: every fifth frame of 25, the last thirty."""
SIDE = 1024
CAP: Mapping[str, str] = {
    "ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2",
    "OPENBLAS_CORETYPE": "Haswell",
}  # fmt: skip
"""What holds the products of OpenVINO, torch and NumPy to AVX2. The decoder and OpenCV have no such switch, nor has
what OpenVINO does between convolutions (in the default model one layer: the mean over places)."""


class NaivePipeline:
    """bench/naive.py in a process of its own, which takes turns with ours.

    Raises InvalidInputError where it cannot run.
    """

    def __init__(self) -> None:
        if not NAIVE.exists():
            raise InvalidInputError("bench/naive.py belongs to the source tree and is not here")
        self._process = subprocess.Popen(
            [sys.executable, str(NAIVE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._process.communicate()

    def cpu_ms_a_camera_second(self, clip: Path) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{clip}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self._process.stdout.readline()
        if not answer:
            raise InvalidInputError(self._process.communicate()[1].strip() or "the naive pipeline ended without a word")
        return float(json.loads(answer)["cpu_ms_a_camera_second"])


@dataclass(frozen=True, slots=True)
class Line:
    """One camera's work from file to score, in this process."""

    classifier: NetworkClassifier
    clip: Path
    seconds: float

    def cpu_ms_a_camera_second(self) -> float:
        """Decoding, sampling, composing, CNN in batches of eight as with eight cameras, LSTM when a score is due."""
        began_s = cpu_s()
        frames = list(read_frames(self.clip, self.classifier.spec))
        windows = SlidingWindow(self.classifier.spec)
        for at in range(0, len(frames), 8):
            batch = frames[at : at + 8]
            for frame, vector in zip(batch, self.classifier.features(batch), strict=True):
                window = windows.push(frame, vector)
                if window is not None:
                    self.classifier.probabilities([window])
        return (cpu_s() - began_s) * 1000 / self.seconds


def naive_network(spec: ModelSpec) -> ModelSpec:
    """The naive pipeline's ResNet50 + LSTM as a model of ours: its input, its rate, its window."""
    return replace(
        spec, name="resnet50", network="resnet50-lstm", feature_dim=2048, hidden_dim=256, size=224, input="rgb",
        fps=FPS, frames=WINDOW, min_frames=10, region="full", source_size=None, lag=1, options={}, sha256={},
        metrics={}, precisions={}, training={},
    )  # fmt: skip


def export_random(spec: ModelSpec, clip: Path, folder: Path) -> Checkpoint:
    """A checkpoint of the spec with random weights, int8 calibrated on `clip`.

    Raises InvalidInputError without torch.
    """
    missing = [name for name in ("torch", "torchvision", "nncf") if find_spec(name) is None]
    if missing:
        raise InvalidInputError(f"{', '.join(missing)} not installed: pip install 'crime-detect[train]'")
    network = import_module(".vision.network", __package__).build_network(spec).eval()
    import_module(".learning.export", __package__).export_openvino(network, spec, folder / "openvino")
    add_int8(spec, clip, folder)
    return write_checkpoint(folder, spec)


def add_int8(spec: ModelSpec, clip: Path, folder: Path) -> None:
    """Writes the int8 form beside the export in `folder`, for its speed only."""
    composed = [compose(frame, spec) for frame in read_frames(clip, spec)]
    inputs = np.stack([image for image in composed if image is not None][:16])
    import_module(".learning.precisions", __package__).quantise(folder / "openvino", inputs)


def decode_ms_a_second(clip: Path, seconds: float) -> float:
    """The decoder alone: what no pipeline that looks at every frame can go below."""
    began_s = cpu_s()
    for _ in FileSource(clip).frames():
        pass
    return (cpu_s() - began_s) * 1000 / seconds


def matrix_gflops() -> float:
    """Billions of operations a processor-second in a plain float32 product: the machine's own limit."""
    left: NDArray[np.float32] = np.ones((SIDE, SIDE), np.float32)
    began_s = cpu_s()
    for _ in range(8):
        left @ left
    return 8 * 2 * SIDE**3 / (cpu_s() - began_s) / 1e9


def instruction_sets(kernels: Counter[str]) -> dict[str, int]:
    """How many convolutions run in kernels of which instruction set, by OpenVINO's own account of what it chose."""
    found: Counter[str] = Counter()
    for kernel, count in kernels.items():
        name = next((isa for isa in ("avx512", "avx2", "sse") if isa in kernel), None)
        if name is not None:
            found[name] += count
    return dict(found)
