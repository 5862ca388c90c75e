"""What people judged becomes a folder to learn from: the right class and stretch, while they mean it."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.cli import main
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.types import Alert, ChangeType, Grounds, IncidentSource, Score, Severity, Verdict
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.learning.draft import draft_recipe
from crime_detect_engine.learning.layouts.folders import list_folders
from crime_detect_engine.learning.layouts.listing import Request
from crime_detect_engine.learning.recipe import parse_recipe
from crime_detect_engine.store.incidents import IncidentContext
from crime_detect_engine.store.privacy import PrivacyOptions
from crime_detect_engine.store.store import Store

from tests.fakes import NOON

ANNA = Actor("anna", "operator")
FPS = 10
SURE, UNSURE = 0.9, 0.3
# Two seconds of windows, one score a second: unsure, sure, sure, then the quiet at the end.
PROBABILITIES = (UNSURE, SURE, SURE, UNSURE, UNSURE, UNSURE)


def incident(number: int, camera: str = "yard", label: str = "fighting", clip_s: float = 12.0) -> dict[str, Any]:
    return {"number": number, "camera": camera, "label": label, "clip_s": clip_s}


def run(data: Path, job: Callable[[Store], Any]) -> Any:
    async def work() -> Any:
        privacy = PrivacyOptions(encrypt_media=True)
        store = await Store.open(data, ManualClock(NOON), reserve_bytes=0, privacy=privacy)
        try:
            return await job(store)
        finally:
            await store.close()

    return asyncio.run(work())


async def add(
    store: Store, number: int, camera: str, label: str, clip_s: float, source: IncidentSource = IncidentSource.MODEL
) -> str:
    """An incident that is over; its clip ends with its last score."""
    at = NOON + timedelta(hours=number)
    scores = tuple(
        Score(camera, at + timedelta(seconds=n), n, {"normal": 1 - p, label: p}, "m", 5.0)
        for n, p in enumerate(PROBABILITIES)
    )
    alert = Alert(
        ulid(at, camera, label), camera, ChangeType.NEW, label, SURE, 0.8, Severity.ALERT, True, None, at, at, scores,
        best=True,
    )  # fmt: skip
    await store.write(alert, None, context=IncidentContext(grounds=Grounds(source=source)))
    clip = None
    if clip_s:
        shown = [(n / FPS, np.full((48, 64, 3), n, np.uint8)) for n in range(int(clip_s * FPS) + 1)]
        clip = await store.clips.encode(alert.incident_id, shown)
    await store.write(replace(alert, type=ChangeType.END, at=scores[-1].at, scores=()), None, clip=clip)
    return alert.incident_id


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def judged(data: Path) -> dict[str, str]:
    """Three nights of two cameras; what a person said is in the names."""

    async def write(store: Store) -> dict[str, str]:
        ids = {
            "real": await add(store, 0, "yard", "fighting", 12.0),
            "false": await add(store, 1, "yard", "fighting", 12.0),
            "false elsewhere": await add(store, 30, "shop_1", "fighting", 12.0),
            "nobody looked": await add(store, 3, "yard", "fighting", 12.0),
            "real, of a rule": await add(store, 4, "yard", "loitering", 12.0, IncidentSource.ZONE),
            "false, of a rule": await add(store, 5, "yard", "loitering", 12.0, IncidentSource.ZONE),
            "real, no clip": await add(store, 6, "yard", "fighting", 0.0),
            "real, with a gap": await add(store, 7, "yard", "fighting", 4.0),
        }
        for name, incident_id in ids.items():
            if name != "nobody looked":
                verdict = Verdict.CONFIRMED if name.startswith("real") else Verdict.FALSE_ALARM
                await store.set_verdict(incident_id, verdict, ANNA)
        return ids

    found: dict[str, str] = run(data, write)
    return found


def collect(data: Path, out: Path, *more: str) -> int:
    return main(["media", "collect", str(out), "--data", str(data), *more])


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "clips.csv").open(newline="") as stream:
        return {row["path"]: row for row in csv.DictReader(stream)}


def test_what_people_judged_becomes_a_folder_that_a_recipe_reads(judged, data, tmp_path, capsys):
    out = tmp_path / "judged"
    assert collect(data, out) == 0
    real, false, elsewhere, rule = (
        f"{folder}/{camera}-{judged[name]}.mp4"
        for folder, camera, name in (
            ("fighting", "yard", "real"), ("normal", "yard", "false"), ("normal", "shop_1", "false elsewhere"),
            ("normal", "yard", "false, of a rule"),
        )
    )  # fmt: skip
    found = rows(out)
    assert set(found) == {real, false, elsewhere, rule}
    assert {str(path.relative_to(out)) for path in out.rglob("*.mp4")} == set(found)
    assert {(out / path).stat().st_mode & 0o777 for path in found} == {0o600}
    # The clip ends with the last score, which came 4 s after the first sure one; its window began 2 s before that.
    assert (int(found[real]["first"]), int(found[real]["last"])) == (60, 90)
    assert (found[false]["first"], found[false]["verdict"]) == ("", "false_alarm")
    assert found[real]["group"] == found[false]["group"] != found[elsewhere]["group"], "a night is one occasion"
    said = capsys.readouterr().err
    assert "1 fighting (nights of a camera: 1), 3 normal (nights of a camera: 2)" in said
    for what in ("1 have no clip yet", "1 are of rules", "1 have a clip with a gap", "retention does not delete"):
        assert what in said
    clips = {clip.path: clip for clip in list_folders(Request(out, ("normal", "fighting"), groups="clips.csv"))}
    assert (clips[real].spans, clips[real].rest_unknown, clips[false].spans) == (((60, 90),), True, None)
    recipe = parse_recipe(draft_recipe(out, "site").text)
    assert (recipe.spec.labels, recipe.data[0].groups) == (("normal", "fighting"), "clips.csv")


def test_again_it_takes_what_is_new_and_what_people_think_now(judged, data, tmp_path, capsys):
    out = tmp_path / "judged"
    collect(data, out, "--camera", "yard")
    assert not [path for path in rows(out) if "shop_1" in path]
    before = {path: (out / path).stat().st_mtime_ns for path in rows(out)}

    async def change(store: Store) -> None:
        await store.set_verdict(judged["real"], Verdict.FALSE_ALARM, ANNA)
        await store.set_verdict(judged["false"], None, ANNA)
        await store.set_verdict(judged["nobody looked"], Verdict.CONFIRMED, ANNA)
        await store.delete(judged["false, of a rule"], ANNA)

    run(data, change)
    capsys.readouterr()
    assert collect(data, out) == 0
    now = rows(out)
    assert {path.partition("-")[2]: path.partition("/")[0] for path in now} == {
        f"{judged['real']}.mp4": "normal",
        f"{judged['nobody looked']}.mp4": "fighting",
        f"{judged['false elsewhere']}.mp4": "normal",
        f"{judged['false, of a rule']}.mp4": "normal",
    }
    assert {str(path.relative_to(out)) for path in out.rglob("*.mp4")} == set(now)
    kept = f"normal/yard-{judged['false, of a rule']}.mp4"
    assert (out / kept).stat().st_mtime_ns == before[kept], "nothing is copied twice"
    said = capsys.readouterr().err
    assert "1 were taken out: nobody judges them any more" in said
    assert "1 are still here although the incident is deleted" in said
    (out / kept).unlink()
    collect(data, out)
    assert "still here" not in capsys.readouterr().err
    assert kept not in rows(out), "who removed it need not hear of it for ever"


def test_what_it_cannot_do_is_said(judged, data, tmp_path, capsys):
    out = tmp_path / "own"
    out.mkdir()
    for own in ("path,group\nnormal/a.mp4,a\n", "path,group\n"):
        (out / "clips.csv").write_text(own)
        assert collect(data, out) == 1
        assert "is not of this command" in capsys.readouterr().err
        assert (out / "clips.csv").read_text() == own
    (tmp_path / "file").write_text("")
    assert collect(data, tmp_path / "file" / "x") == 1
    assert "cannot be written" in capsys.readouterr().err
    assert collect(data, tmp_path / "none", "--camera", "roof") == 0
    assert "nobody has judged an incident that has a clip" in capsys.readouterr().err
