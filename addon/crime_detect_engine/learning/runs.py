"""Owns a run under way: all that changes while a network learns, and how it is kept for when it is cut off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crime_detect_engine.vision.network import Network


@dataclass(slots=True)
class Run:
    """Everything that changes while a network learns; `average` is the moving average that is kept at the end."""

    network: Network
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor]
    epoch: int = 0
    step: int = 0


def save_run(run: Run, path: Path) -> None:
    """In one step: a run that is cut off while it is written keeps the epoch before."""
    tensors = {f"network.{k}": v for k, v in run.network.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in run.average.items()}
    for index, state in run.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
    tensors["progress"] = torch.tensor([run.epoch, run.step])
    partial = path.with_suffix(".partial")
    save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, str(partial))
    partial.replace(path)


def restore_run(run: Run, path: Path) -> None:
    """Puts what `save_run` wrote into a run of the same network."""
    tensors = load_file(str(path), device=str(next(run.network.parameters()).device))
    run.epoch, run.step = (int(v) for v in tensors.pop("progress"))
    run.network.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith("network.")})
    run.average = {k[8:]: v for k, v in tensors.items() if k.startswith("average.")}
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    saved = run.optimizer.state_dict()
    run.optimizer.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
