"""`./scripts/try-home-assistant`: from an empty Home Assistant to the first notification of a real clip."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.homeassistant import homeassistant_missing

ROOT = Path(__file__).resolve().parents[2]
GOAL_S = 600


@pytest.mark.usefixtures("clips")
@pytest.mark.timeout(300)
def test_the_first_notification_comes_within_ten_minutes() -> None:
    if missing := homeassistant_missing():
        pytest.skip(missing)
    command = [sys.executable, "-m", "tests.rig.try_home_assistant"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    payload = json.loads(done.stdout)
    incident_id = payload["data"]["tag"]
    assert payload["title"] == "Fighting: Front door"
    assert payload["data"]["image"] == f"/media/local/crime_detect/front_door/{incident_id}.jpg"
    assert payload["data"]["actions"][0]["action"] == f"CD_CONFIRM_{incident_id}"
    steps = re.findall(r"^ *([\d.]+) s  ", done.stderr, re.MULTILINE)
    assert len(steps) == 6
    assert float(steps[-1]) < GOAL_S
