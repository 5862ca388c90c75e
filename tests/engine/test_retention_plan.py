"""Owns the tests of the command that says what the next clean-up would do."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from crime_detect_engine.cli import main
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.ports import Actor, ManualReport
from crime_detect_engine.store.store import Store

BOSS = Actor("boss", "admin")


def test_the_plan_is_told_by_the_rules_of_the_file_and_nothing_is_done(tmp_path: Path, capsys: Any) -> None:
    async def fill() -> None:
        store = await Store.open(tmp_path / "data", SystemClock())
        for days in (2, 4, 40):
            at = SystemClock().now() - timedelta(days=days)
            await store.report(ManualReport("yard", "robbery", at, at, None), BOSS)
        await store.close()

    asyncio.run(fill())
    config = tmp_path / "c.yaml"
    config.write_text("timezone: UTC\nretention: {incidents: 3d}\n")
    arguments = ["retention", "plan", "--data", str(tmp_path / "data"), "--config", str(config)]
    for _ in range(2):
        assert main([*arguments, "--json"]) == 0
        plan = json.loads(capsys.readouterr().out)
        assert (plan["totals"]["deletions"], [one["reason"] for one in plan["items"]]) == (
            2, ["robbery older than 3 days"] * 2,
        )  # fmt: skip
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("2 deletions, 0.0 MB")
    assert main(["retention", "plan", "--data", str(tmp_path / "nowhere")]) == 1
