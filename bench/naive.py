"""Owns the yardstick: paper S2's pipeline as it is usually written, for `crime-detect bench` to compare with.

OpenCV reads every frame, every fifth goes through PIL to 224 pixels, ResNet50 in fp32 takes one at a time, an LSTM
reads the last 30 features again at every step. Random weights: only the work counts here.

`naive.py VIDEO` measures once. `naive.py` alone measures each video that is named on a line of its input, so that its
passes can take turns with another program's.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

SKIP, WINDOW, SECONDS = 5, 30, 8.0


class Naive:
    """The networks, loaded once. Raises ImportError naming what is not installed."""

    def __init__(self) -> None:
        import cv2
        import numpy as np
        import torch
        from PIL import Image
        from torchvision.models import resnet50

        self._cv2, self._np, self._torch, self._image = cv2, np, torch, Image
        torch.set_num_threads(1)
        self._network = resnet50(weights=None).eval()
        self._network.fc = torch.nn.Identity()
        self._lstm = torch.nn.LSTM(2048, 256, batch_first=True).eval()

    def measure(self, path: str) -> dict[str, Any]:
        """Milliseconds of processor time over the first `SECONDS` of a video."""
        features: list[Any] = []
        capture = self._cv2.VideoCapture(path)
        fps = capture.get(self._cv2.CAP_PROP_FPS)
        frames = sampled = 0
        began_s = time.process_time()
        with self._torch.inference_mode():
            while frames < SECONDS * fps:
                read, image = capture.read()
                if not read:
                    break
                frames += 1
                if frames % SKIP:
                    continue
                features = [*features, self._describe(image)][-WINDOW:]
                self._lstm(self._torch.stack(features, 1))
                sampled += 1
        took_s = time.process_time() - began_s
        return {
            "frames": frames,
            "sampled": sampled,
            "ms_a_sampled_frame": round(took_s * 1000 / max(1, sampled), 1),
            "cpu_ms_a_camera_second": round(took_s * 1000 / max(1, frames) * fps, 1),
        }

    def _describe(self, image: Any) -> Any:
        colours = self._cv2.cvtColor(image, self._cv2.COLOR_BGR2RGB)
        picture = self._image.fromarray(colours).resize((224, 224))
        tensor = self._torch.from_numpy(self._np.asarray(picture, self._np.float32))[None]
        return self._network(tensor.permute(0, 3, 1, 2) / 255)


def main(arguments: list[str]) -> int:
    try:
        naive = Naive()
    except ImportError as error:
        print(f"the naive pipeline needs {error.name}: pip install 'crime-detect[train]'", file=sys.stderr)
        return 1
    for line in arguments or sys.stdin:
        print(json.dumps(naive.measure(line.strip())), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
