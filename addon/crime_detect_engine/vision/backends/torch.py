"""Owns inference with torch, on CUDA or, where OpenVINO is absent, on the CPU."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from crime_detect_engine.domain.errors import BackendError, CheckpointError
from crime_detect_engine.vision.checkpoint import WEIGHTS_FILE, Checkpoint
from crime_detect_engine.vision.network import restore_network

from .checks import finite


class TorchBackend:
    """One checkpoint's network in fp32; one instance a worker thread.

    Raises CheckpointError for weights that do not fit, BackendError when the device is absent or fails.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
        self.device = device
        self.precision = "fp32"
        if device == "cuda" and not torch.cuda.is_available():
            raise BackendError("torch finds no CUDA device")
        if device == "cpu":
            torch.set_num_threads(1)
        try:
            tensors = load_file(str(checkpoint.path(WEIGHTS_FILE)))
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{checkpoint.folder / WEIGHTS_FILE} cannot be read: {error}") from error
        network = restore_network(checkpoint.spec, tensors)
        try:
            self._network = network.to(device, memory_format=torch.channels_last)
        except RuntimeError as error:
            raise BackendError(f"torch cannot use {device}: {error}") from error

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 [N, S, S, 3] → float32 [N, D]. Raises BackendError, also for values that are not finite."""
        return finite(self._run(self._network.encoder, images), "features")

    def logits(self, windows: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [N, T, D] and mask [N, T] → float32 [N, C]. Raises BackendError."""
        return finite(self._run(self._network.head, windows, mask), "logits")

    def close(self) -> None:
        del self._network
        if self.device == "cuda":
            torch.cuda.empty_cache()

    def _run(self, module: torch.nn.Module, *inputs: NDArray[np.generic]) -> NDArray[np.float32]:
        try:
            with torch.inference_mode():
                # A copy, because torch refuses read-only arrays and frames are read-only.
                tensors = [torch.tensor(value, device=self.device) for value in inputs]
                result: NDArray[np.float32] = module(*tensors).float().cpu().numpy()
        except RuntimeError as error:
            raise BackendError(f"torch failed on {self.device}: {error}") from error
        return result
