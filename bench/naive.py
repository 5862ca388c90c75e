"""Owns the yardstick: paper S2's pipeline as it is usually written, for `crime-detect bench` to compare with.

OpenCV reads every frame, every fifth goes through PIL to 224 pixels, ResNet50 in fp32 takes one at a time, an LSTM
reads the last 30 features again at every step. Random weights: only the work counts here.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

SKIP, WINDOW, SECONDS = 5, 30, 8.0


def main(path: str) -> int:
    try:
        import cv2
        import numpy as np
        import torch
        from PIL import Image
        from torchvision.models import resnet50
    except ImportError as error:
        print(f"the naive pipeline needs {error.name}: pip install 'crime-detect[train]'", file=sys.stderr)
        return 1
    torch.set_num_threads(1)
    network = resnet50(weights=None).eval()
    network.fc = torch.nn.Identity()
    lstm = torch.nn.LSTM(2048, 256, batch_first=True).eval()
    features: list[Any] = []
    capture = cv2.VideoCapture(path)
    fps = capture.get(cv2.CAP_PROP_FPS)
    frames = sampled = 0
    began_s = time.process_time()
    with torch.inference_mode():
        while frames < SECONDS * fps:
            read, image = capture.read()
            if not read:
                break
            frames += 1
            if frames % SKIP:
                continue
            picture = Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).resize((224, 224))
            tensor = torch.from_numpy(np.asarray(picture, np.float32))[None]
            features = [*features, network(tensor.permute(0, 3, 1, 2) / 255)][-WINDOW:]
            lstm(torch.stack(features, 1))
            sampled += 1
    took_s = time.process_time() - began_s
    figures = {
        "frames": frames,
        "sampled": sampled,
        "ms_a_sampled_frame": round(took_s * 1000 / max(1, sampled), 1),
        "cpu_ms_a_camera_second": round(took_s * 1000 / max(1, frames) * fps, 1),
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
