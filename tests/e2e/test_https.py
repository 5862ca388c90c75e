"""An engine with a certificate, seen from a real Home Assistant: trusted, not trusted, and not checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest

from tests.rig.certificates import Authority
from tests.rig.engine import EngineProcess, wait_until
from tests.rig.homeassistant import RealHomeAssistant, homeassistant_missing
from tests.rig.household import DOMAIN

pytestmark = pytest.mark.timeout(300)
Json = dict[str, Any]
CONFIG = """
timezone: UTC
model: {name: demo}
cameras:
  gate: {source: 'synthetic:shop?seed=1', detection: {cooldown: 2s}}
"""
INCIDENT_S = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("https")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(folder / "engine", CONFIG, authority=Authority(folder, "trusted"))
    engine.start()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def home(folder: Path, engine: EngineProcess) -> Iterator[RealHomeAssistant]:
    """It trusts, beside what it always does, the authority of the first engine, as of one at home."""
    if missing := homeassistant_missing():
        pytest.skip(missing)
    bundle = folder / "trusted.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes() + (folder / "trusted.crt").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        with RealHomeAssistant(folder / "home") as home:
            yield home


def entry_of(home: RealHomeAssistant, entry_id: str) -> Json:
    return next(entry for entry in home.entries(DOMAIN) if entry["entry_id"] == entry_id)


def entity(home: RealHomeAssistant, engine: EngineProcess, key: str) -> str:
    platform, _, name = key.partition(".")
    unique_id = f"{engine.get('/info')['uuid']}_gate_{name}"
    found = [one["entity_id"] for one in home.entities(DOMAIN) if one["unique_id"] == unique_id]
    return str(next(one for one in found if one.startswith(f"{platform}.")))


def test_what_happens_there_reaches_a_home_that_trusts_its_certificate(
    home: RealHomeAssistant, engine: EngineProcess
) -> None:
    result = home.submit(home.flow(DOMAIN), url=engine.address, token=engine.make_token("integration"))
    assert result["type"] == "create_entry", result
    entry_id = result["result"]["entry_id"]
    wait_until(lambda: entry_of(home, entry_id)["state"] == "loaded", 30, lambda: home.log()[-5000:])
    online, live = entity(home, engine, "binary_sensor.online"), entity(home, engine, "camera.live")
    wait_until(lambda: home.state(online)["state"] == "on", 30, lambda: home.log()[-5000:])
    status, headers, picture = home.request("GET", f"/api/camera_proxy/{live}")
    assert (status, headers["Content-Type"], picture[:2]) == (200, "image/jpeg", b"\xff\xd8")

    event, image = entity(home, engine, "event.incident"), entity(home, engine, "image.last_incident")

    def seen() -> Json | None:
        told = home.state(event)
        return told["attributes"] if told["attributes"].get("incident_id") else None

    incident_id = wait_until(seen, INCIDENT_S, lambda: f"{engine.log()}\n{home.log()[-5000:]}")["incident_id"]
    status, headers, picture = home.request("GET", f"/api/image_proxy/{image}")
    assert (status, headers["Content-Type"], picture[:2]) == (200, "image/jpeg", b"\xff\xd8")
    wait_until(
        lambda: engine.get(f"/incidents/{incident_id}")["media"].get("clip"), INCIDENT_S, "the incident has no clip"
    )
    found = clips(home, f"media-source://{DOMAIN}/{entry_id}")
    item = next((key for key in found if incident_id in key), None)
    assert item, f"{incident_id} is not in {sorted(found)}"
    resolved = home.resolve(item)
    status, headers, body = home.request("GET", resolved["url"], headers={"Range": "bytes=0-99"})
    assert (status, len(body), headers["Content-Type"]) == (206, 100, "video/mp4")


def clips(home: RealHomeAssistant, content_id: str) -> list[str]:
    """Everything playable below."""
    found: list[str] = []
    for child in home.browse(content_id)["children"]:
        key = child["media_content_id"]
        found += clips(home, key) if child["can_expand"] else [key]
    return found


def used(engine: EngineProcess) -> bool:
    """Whether anybody came with a token of the integration's."""
    return any(one["last_used_at"] for one in engine.get("/tokens")["items"] if one["role"] == "integration")


def test_a_certificate_of_a_stranger_is_said_and_the_token_stays_here_until_a_person_says_so(
    home: RealHomeAssistant, folder: Path
) -> None:
    other = EngineProcess(folder / "other", CONFIG, authority=Authority(folder, "stranger"))
    other.start()
    try:
        token = other.make_token("integration")
        answers = {"url": other.address, "token": token}
        result = home.submit(home.flow(DOMAIN), **answers)
        assert (result["type"], result["errors"]) == ("form", {"base": "certificate"}), result
        assert not used(other)
        result = home.submit(result, **answers, verify_ssl=False)
        assert result["type"] == "create_entry", result
        entry_id = result["result"]["entry_id"]
        wait_until(lambda: entry_of(home, entry_id)["state"] == "loaded", 30, lambda: home.log()[-5000:])
        online = entity(home, other, "binary_sensor.online")
        wait_until(lambda: home.state(online)["state"] == "on", 30, lambda: home.log()[-5000:])
        wait_until(lambda: used(other), 10, "nobody came with the token")
        assert token not in home.log()
    finally:
        other.close()
