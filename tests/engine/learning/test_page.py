"""Owns the proof that the page shows mistakes and alerts, needs nothing else, and that the report shows neither."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.datasets import Sample  # noqa: E402
from crime_detect_engine.learning.evaluate import Measured, build_report  # noqa: E402
from crime_detect_engine.learning.page import write_page  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402
from crime_detect_engine.learning.scoring import ScoredClip  # noqa: E402
from crime_detect_engine.learning.subgroups import groups_of  # noqa: E402


@pytest.fixture(scope="module")
def measured(recipe_text: str) -> Measured:
    """Twelve clips, one of them wrong, and an ordinary one with an alert after 31.5 seconds."""
    random = np.random.default_rng(0)
    spec = parse_recipe(recipe_text).spec
    scored, samples = [], []
    for n in range(12):
        label, path = n % 2, f"clip{n}<b>.mp4"
        margin = (3.0 if label else -3.0) * (-1 if n == 5 else 1) + n / 10
        scored.append(ScoredClip(path, label, f"s{n // 2}", (n // 2) % 2, "", False, ((0.0, margin),), (2.0,)))
        samples.append(Sample(path, random.integers(0, 255, (8, 32, 32, 3), np.uint8), label, "", 0))
    scored.append(
        ScoredClip("street.mp4", 0, "street", 0, "ordinary", True, ((3.0, 0.0), (0.0, 9.0)), (2.0, 31.5)),
    )
    report = {"model": "tiny", "version": "1", "configurations_tried": 3}
    report |= build_report(spec, scored, groups=groups_of(samples))
    report["robustness"] = {"blur": {"accuracy": 0.625}}
    return Measured(report, spec, scored, samples)


@pytest.fixture(scope="module")
def page(measured: Measured, footage: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(tmp_path_factory.mktemp("report"), measured, footage).read_text(encoding="utf-8")


def test_the_page_says_first_that_it_must_stay_here(page: str) -> None:
    body = page.split("<body>")[1]
    assert body.strip().startswith('<p class="private"><strong>For this machine only.')


def test_the_wrong_clip_is_shown_with_what_the_camera_and_the_network_saw(page: str) -> None:
    mistakes = re.findall(r'<figure class="mistake">(.*?)</figure>', page, re.DOTALL)
    assert len(mistakes) == 1
    assert "clip5&lt;b&gt;.mp4" in mistakes[0]
    assert "fighting, said normal" in mistakes[0]
    pictures = re.findall(r"data:image/jpeg;base64,([^\"]+)", mistakes[0])
    assert len(pictures) == 2
    assert all(base64.b64decode(picture)[:2] == b"\xff\xd8" for picture in pictures)


def test_a_false_alert_is_listed_by_clip_and_time(page: str) -> None:
    row = re.search(r"<tr><td>ordinary</td><td>street.mp4</td>(.*?)</tr>", page)
    assert row
    assert "<td>31.5</td>" in row[1]


def test_sections_of_others_are_there_too(page: str) -> None:
    assert '<h2 id="robustness">Robustness</h2>' in page
    assert "0.625" in page


def test_the_page_needs_no_other_file_and_names_in_it_cannot_break_it(page: str) -> None:
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "<b>.mp4" not in page


def test_the_report_itself_names_no_clip_and_has_no_frame(measured: Measured) -> None:
    text = json.dumps(measured.report)
    assert "mp4" not in text
    assert "base64" not in text
    assert measured.report["parts"]["all"]["after_scaling"]["accuracy"] == pytest.approx(11 / 12, abs=1e-4)
