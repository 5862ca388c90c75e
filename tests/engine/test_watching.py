"""Owns the proof that watching a file is what the pipeline would have done: alerts, cooldown, cuts, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.types import ModelSpec, Rules
from crime_detect_engine.sources.pictures import picture_frames
from crime_detect_engine.watching import Watch, watch, watch_file

from tests.fakes import ScriptedClassifier
from tests.rig.videos import scene, write_video

FPS = 16


def pictures(fights: tuple[tuple[float, float], ...], seconds: float, seed_of: Any = None) -> Iterator[Any]:
    """A moving scene whose first pixels say how probable a fight is; `seed_of(seconds)` chooses the background."""
    for n in range(round(seconds * FPS)):
        at_s = n / FPS
        image = scene(n, seed=seed_of(at_s) if seed_of else 1).copy()
        image[:24, :24] = 95 if any(start <= at_s < end for start, end in fights) else 0
        yield at_s, image


def seen(spec: ModelSpec, *fights: tuple[float, float], seconds: float = 20.0, **options: Any) -> Watch:
    frames = picture_frames(pictures(fights, seconds, options.pop("seed_of", None)))
    return watch(frames, ScriptedClassifier(spec), **options)


def test_a_fight_is_told_once_and_calm_is_not(small_spec: ModelSpec) -> None:
    found = seen(small_spec, (6.0, 10.0))
    assert [one.label for one in found.notices] == ["fighting"]
    # Three votes half a second apart.
    assert 6.9 <= found.notices[0].at_s <= 7.6
    assert found.notices[0].confidence == pytest.approx(0.95, abs=0.02)
    assert found.seconds == pytest.approx(20.0, abs=0.1)
    assert seen(small_spec).notices == []


def test_the_cooldown_is_kept_and_the_incident_is_still_listed(small_spec: ModelSpec) -> None:
    fights = ((3.0, 6.0), (14.0, 18.0))
    assert [one.notify for one in seen(small_spec, *fights).notices] == [True, False]
    assert [one.notify for one in seen(small_spec, *fights, rules=Rules(cooldown_s=0)).notices] == [True, True]


def test_an_alert_after_a_cut_says_so(small_spec: ModelSpec) -> None:
    found = seen(small_spec, (8.0, 12.0), seed_of=lambda at_s: 1 if at_s < 8.0 else 9)
    assert found.cuts == [pytest.approx(8.0, abs=0.13)]
    assert found.notices[0].since_cut_s is not None
    assert found.notices[0].at_cut
    later = seen(small_spec, (12.0, 15.0), seed_of=lambda at_s: 1 if at_s < 8.0 else 9)
    assert not later.notices[0].at_cut
    assert seen(small_spec, (6.0, 9.0)).notices[0].since_cut_s is None


def test_watching_again_says_the_same(small_spec: ModelSpec) -> None:
    first, second = (seen(small_spec, (6.0, 10.0)) for _ in range(2))
    assert first.suspicions() == second.suspicions()
    assert first.notices == second.notices
    assert 0 < first.notices[0].moving_share < 0.5


def test_a_still_file_is_watched_and_nothing_is_scored_after_its_last_motion(
    small_spec: ModelSpec, tmp_path: Path
) -> None:
    path = write_video(tmp_path / "still.mp4", [image for _, image in pictures((), 0.1)][:1] * 200, 25)
    found = watch_file(path, ScriptedClassifier(small_spec))
    assert found.seconds == pytest.approx(8.0, abs=0.1)
    assert found.moving < found.frames
    assert max(at_s for at_s, _ in found.suspicions()) < 3.0


def test_a_file_that_is_none_is_named(small_spec: ModelSpec, tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    with pytest.raises(SourceError):
        watch_file(path, ScriptedClassifier(small_spec))
