"""Owns the way from an empty Home Assistant to the first notification: each step as a person does it, with its time.

usage: python -m tests.rig.try_home_assistant [--folder DIR] [VIDEO]

Without a video the real clips are played where they are, else the engine draws its demo.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.rig.engine import EngineProcess, wait_until
from tests.rig.homeassistant import RealHomeAssistant
from tests.rig.loops import first_of_each_source, write_loop
from tests.rig.phone import Phone, Push

ROOT = Path(__file__).resolve().parents[2]
CLIPS = Path(os.environ.get("CRIME_DETECT_TEST_DATA") or ROOT.parent / "shared" / "data")
FIRST_FIGHT_S = 240
BEGAN_S = float(os.environ.get("TRY_BEGAN_AT") or time.time())
"""The script sets it before it makes environments."""


def say(text: str) -> None:
    print(f"{time.time() - BEGAN_S:6.1f} s  {text}", file=sys.stderr, flush=True)


def find_video(folder: Path) -> Path | None:
    if not (CLIPS / "surveillance_fight" / "clips.csv").is_file():
        return None
    video = folder / "clips.mp4"
    write_loop(first_of_each_source(CLIPS, "fighting")[:3] + first_of_each_source(CLIPS, "normal")[:3], video)
    return video


def first_push(folder: Path, video: Path | None) -> Push:
    # A fight that comes before the phone is a recipient must not silence the next one for a minute.
    camera = f"{{source: 'loop:{video}', name: Front door, detection: {{cooldown: 2s}}}}"
    config = None if video is None else f"cameras: {{front_door: {camera}}}\n"
    engine = EngineProcess(folder / "engine", config, *([] if config else ["--demo"]))
    phone = Phone("My phone")
    home = RealHomeAssistant(folder / "home")
    try:
        with home:
            say("Home Assistant has an owner")
            phone.register(home)
            say(f"the companion app is signed in: notify.{phone.action}")
            engine.start()
            say(f"the engine watches {video or 'its demo'}")
            address = {"url": engine.address, "token": engine.make_token("integration")}
            entry = home.submit(home.flow("crime_detect"), **address)["result"]
            say(f"the integration is set up: {entry['title']}")
            form = home.flow([entry["entry_id"], "recipient"], kind="subentries/flow")
            home.submit(form, "/api/config/config_entries/subentries/flow", action=phone.action)
            say("the phone is a recipient; waiting for the first incident")
            wait_until(
                lambda: phone.pushes, FIRST_FIGHT_S, lambda: f"nothing came\n{engine.log()}\n{home.log()[-3000:]}"
            )
            return phone.pushes[0]
    finally:
        engine.close()
        phone.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="try-home-assistant", description="from an empty Home Assistant to a message")
    parser.add_argument("video", nargs="?", type=Path, metavar="VIDEO")
    parser.add_argument("--folder", type=Path, help="stays, with all that was written; else a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        push = first_push(folder, arguments.video.resolve() if arguments.video else find_video(folder))
    say(f"the first notification, and its picture of {len(push.picture)} bytes")
    print(json.dumps(push.body, indent=2, ensure_ascii=False))
    return 0 if push.status == 200 and push.picture[:2] == b"\xff\xd8" else 1


if __name__ == "__main__":
    sys.exit(main())
