"""Owns the proof of torchvision's detectors with random weights, and of what is said where real ones cannot be had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from crime_detect_engine.domain.errors import BackendError, CheckpointError

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

from crime_detect_engine.vision.detectors.torchvision import TorchvisionDetector  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def detector() -> TorchvisionDetector:
    torch.manual_seed(0)
    return TorchvisionDetector("ssdlite", "cpu", pretrained=False)


def test_each_picture_of_a_batch_has_its_answer(detector: TorchvisionDetector) -> None:
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (*shape, 3), np.uint8) for shape in ((180, 320), (320, 180), (1, 1))]
    found = detector.detect(pictures)
    assert len(found) == 3
    for one in (one for objects in found for one in objects):
        assert one.label in detector.labels
        assert 0 <= one.box.left < one.box.right <= 1
        assert 0 <= one.box.top < one.box.bottom <= 1
    assert detector.detect([]) == []


def test_its_classes_are_named_as_everywhere_else(detector: TorchvisionDetector) -> None:
    """torchvision counts 91 with gaps; ours are 80."""
    output = {
        "boxes": torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40], [50, 50, 60, 60], [0, 70, 9, 80]]),
        "scores": torch.tensor([0.9, 0.8, 0.7, 0.6]),
        "labels": torch.tensor([1, 39, 0, 12]),
    }
    found = detector._named(output, np.zeros((100, 100, 3), np.uint8))
    assert [one.label for one in found] == ["person", "baseball bat"], "background and gaps are nothing"
    assert found[1].box == pytest.approx((0.2, 0.2, 0.4, 0.4))


def test_faster_rcnn_runs_with_random_weights() -> None:
    torch.manual_seed(0)
    detector = TorchvisionDetector("fasterrcnn", "cpu", pretrained=False)
    assert len(detector.detect([np.zeros((64, 96, 3), np.uint8)])) == 1


def test_without_internet_it_says_what_to_put_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="connect once to the internet") as caught:
        TorchvisionDetector("ssdlite", "cpu")
    assert "ssdlite320_mobilenet_v3_large_coco-a79551df.pth" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_weights_are_taken_from_the_cache_only_with_their_digest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    kept = tmp_path / "hub" / "checkpoints" / "ssdlite320_mobilenet_v3_large_coco-a79551df.pth"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"altered")
    with pytest.raises(CheckpointError, match="altered or cut off"):
        TorchvisionDetector("ssdlite", "cpu")


def test_cached_weights_are_loaded_and_found_things_are_theirs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detector: TorchvisionDetector
) -> None:
    """A stand-in for the real file: random weights under the name that their own digest asks for."""
    import dataclasses

    from crime_detect_engine.vision.checkpoint import file_digest
    from crime_detect_engine.vision.detectors import torchvision

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(detector._network.state_dict(), folder / "new.pth")
    name = f"ssdlite-{file_digest(folder / 'new.pth')[:8]}.pth"
    (folder / "new.pth").rename(folder / name)
    build, weights, size = torchvision.NETWORKS["ssdlite"]
    known = dataclasses.replace(weights.value, url=f"https://localhost:9/{name}")
    monkeypatch.setitem(torchvision.NETWORKS, "ssdlite", (build, known, size))
    picture = np.random.default_rng(0).integers(0, 256, (180, 320, 3), np.uint8)
    assert TorchvisionDetector("ssdlite", "cpu").detect([picture]) == detector.detect([picture])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_an_absent_gpu_is_said() -> None:
    with pytest.raises(BackendError, match="no CUDA device"):
        TorchvisionDetector("ssdlite", "cuda", pretrained=False)
