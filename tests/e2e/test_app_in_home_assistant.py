"""Owns the test of the app beside a real Home Assistant: found by it, added without a question, its page inside it.

Only the Supervisor between them is a double.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.rig.engine import EngineProcess, wait_until
from tests.rig.homeassistant import RealHomeAssistant, homeassistant_missing
from tests.rig.loop import LoopThread
from tests.rig.supervisor_beside import PEER, SupervisorBeside

DOMAIN = "crime_detect"
PAGE = "/api/hassio_ingress/door"
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def address() -> Iterator[None]:
    """The Supervisor's address on this machine's loopback, for as long as the test needs it."""
    ip = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if sys.platform != "linux" or os.geteuid() != 0 or ip is None:
        pytest.skip("the Supervisor's address needs root and `ip` (apt install iproute2)")
    made = subprocess.run([ip, "address", "add", f"{PEER}/32", "dev", "lo"], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"{PEER} cannot be had here: {made.stderr.decode().strip()}")
    yield
    subprocess.run([ip, "address", "del", f"{PEER}/32", "dev", "lo"], check=False)


class House:
    """Home Assistant, the Supervisor and the engine as its app."""

    def __init__(self, folder: Path, supervisor: SupervisorBeside, loop: LoopThread) -> None:
        self.supervisor = supervisor
        self.loop = loop
        self.home = RealHomeAssistant(folder / "home")
        self.engine = EngineProcess(folder / "engine", "timezone: UTC\n")

    def visit(self, user: str, path: str = "/") -> tuple[int, str]:
        """The app's page as this user of Home Assistant sees it."""
        self.supervisor.visitor = {"X-Remote-User-Id": user, "X-Remote-User-Name": "Somebody"}

        async def ask() -> tuple[int, str]:
            async with aiohttp.ClientSession() as session, session.get(f"{self.home.address}{PAGE}{path}") as answer:
                return answer.status, await answer.text()

        found: tuple[int, str] = self.loop.run(ask())
        return found


@pytest.fixture(scope="module")
def house(address: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    if missing := homeassistant_missing():
        pytest.skip(missing)
    loop, supervisor = LoopThread(), SupervisorBeside()
    loop.run(supervisor.__aenter__())
    made = House(tmp_path_factory.mktemp("app"), supervisor, loop)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SUPERVISOR", f"127.0.0.1:{supervisor.port}")  # what Home Assistant reads
        environment.setenv("SUPERVISOR_API", supervisor.url)  # what the engine reads
        environment.setenv("SUPERVISOR_TOKEN", supervisor.token)
        with made.home as home:
            supervisor.home, supervisor.home_token = home.address, home.token
            supervisor.engine = made.engine.port
            environment.setenv("CRIME_DETECT_CONTAINER", "1")
            try:
                made.engine.start()
                yield made
            finally:
                made.engine.close()
    loop.run(supervisor.__aexit__())
    loop.close()


def test_home_assistant_finds_the_app_and_adds_it_without_asking_for_anything(house: House) -> None:
    home = house.home
    (flow,) = wait_until(lambda: home.discovered(DOMAIN), 30, home.log)
    assert flow["context"]["source"] == "hassio"
    result = home.answer(flow | {"type": "form"}, {})
    assert result["type"] == "create_entry", result
    (entry,) = home.entries(DOMAIN)
    wait_until(lambda: home.entries(DOMAIN)[0]["state"] == "loaded", 30, home.log)
    assert entry["source"] == "hassio"
    assert house.engine.token not in json.dumps(house.supervisor.announced), (
        "Home Assistant never gets the admin's token"
    )


def test_the_page_opens_in_home_assistant_and_everybody_has_their_role(house: House) -> None:
    users = {user["name"]: user["id"] for user in house.home.command("config/auth/list")}
    guest = house.home.command("config/auth/create", name="Guest", group_ids=["system-users"])["user"]["id"]
    status, page = house.visit(users["Anna"])
    assert status == 200
    assert not re.findall(r'(?:href|src|action)="/', page), "every link works below the ingress path"
    assert 'href="analyze"' in page, "the owner is an admin"
    status, page = house.visit(guest)
    assert (status, 'href="analyze"' in page) == (200, False)
    for path, kind in (("/static/app.css", "{"), ("/static/page.js", "import"), ("/incidents", "<!doctype html>")):
        status, text = house.visit(guest, path)
        assert (status, kind in text) == (200, True), path


def test_the_event_stream_of_the_page_goes_through_ingress(house: House) -> None:
    users = {user["name"]: user["id"] for user in house.home.command("config/auth/list")}
    house.supervisor.visitor = {"X-Remote-User-Id": users["Anna"]}

    async def first() -> Any:
        address = f"{house.home.address}{PAGE}/api/v1/events"
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
            return await socket.receive_json(timeout=60)

    hello = house.loop.run(first())
    assert hello["kind"] == "hello"
    assert hello["uuid"] == house.engine.get("/info")["uuid"]


def test_nobody_comes_in_by_claiming_to_be_somebody(house: House) -> None:
    """The same headers from any other address are worth nothing."""

    async def ask() -> int:
        headers = {"X-Remote-User-Id": "anna", "X-Forwarded-For": PEER}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{house.engine.address}/api/v1/info") as answer,
        ):
            return answer.status

    assert house.loop.run(ask()) == 401
