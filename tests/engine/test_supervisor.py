"""Owns the tests of the engine as an app of Home Assistant: its broker, its discovery, its people, and nothing of it
elsewhere."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from crime_detect_engine.app import Service
from crime_detect_engine.config import parse_config
from crime_detect_engine.config.places import SupervisorAccess, supervisor_access
from crime_detect_engine.domain.clock import ManualClock, SystemClock
from crime_detect_engine.domain.errors import CheckpointError, ConfigError
from crime_detect_engine.supervisor import ROLES_KEPT_S, ROLES_RETRY_S, Supervisor
from crime_detect_engine.vision.checkpoint import find_checkpoint

from tests.fakes import NOON
from tests.rig.certificates import Authority
from tests.rig.mosquitto import Mosquitto, free_port, mosquitto_missing
from tests.rig.supervisor import FakeSupervisor

BROKER = {"host": "core-mosquitto", "port": 1883, "username": "addons", "password": "p4ssw0rd", "ssl": False}
APP = {"CRIME_DETECT_CONTAINER": "1", "SUPERVISOR_TOKEN": "app-token"}
INGRESS = {"X-Remote-User-Id": "anna", "X-Remote-User-Name": "anna", "X-Ingress-Path": "/api/hassio_ingress/abc"}

try:
    find_checkpoint("default")
except CheckpointError:
    NO_MODEL = True
else:
    NO_MODEL = False
needs_model = pytest.mark.skipif(NO_MODEL, reason="the shipped model is absent")


@pytest.fixture
async def home() -> AsyncIterator[FakeSupervisor]:
    async with FakeSupervisor() as supervisor:
        yield supervisor


@pytest.fixture
async def join(home: FakeSupervisor) -> AsyncIterator[Callable[..., Any]]:
    """`await join()`: our side, opened."""
    opened: list[Supervisor] = []

    async def make(clock: Any = None, url: str | None = None) -> Supervisor:
        access = SupervisorAccess(url or home.url, home.token, ingress_peer="127.0.0.1")
        opened.append(Supervisor(access, clock or SystemClock(), pause_s=0.01))
        await opened[-1].open()
        return opened[-1]

    yield make
    for one in opened:
        await one.close()


def config_of(text: str, tmp_path: Path) -> Any:
    return parse_config(f"timezone: UTC\n{text}", tmp_path / "c.yaml", APP)


# --- the broker ----------------------------------------------------------------------------------------------------


async def test_the_broker_of_home_assistant_is_used_and_its_password_never_shown(
    home: FakeSupervisor, join: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.broker = BROKER
    ours = await join()
    mqtt = ours.complete(config_of("", tmp_path)).mqtt
    assert (mqtt.host, mqtt.port, mqtt.username, mqtt.password) == ("core-mosquitto", 1883, "addons", "p4ssw0rd")
    assert mqtt.commands_on, "the broker knows who we are, so commands are obeyed"
    assert mqtt.tls is None
    assert "p4ssw0rd" not in caplog.text + repr(mqtt) + repr(ours._broker)
    assert "app-token" not in caplog.text + repr(SupervisorAccess("x", "app-token"))


async def test_what_the_file_says_of_mqtt_is_kept_and_its_host_wins(
    home: FakeSupervisor, join: Any, tmp_path: Path
) -> None:
    home.broker = {**BROKER, "ssl": True}
    ours = await join()
    completed = ours.complete(config_of("mqtt: {prefix: cameras, media: off}", tmp_path)).mqtt
    assert (completed.host, completed.prefix, completed.media) == ("core-mosquitto", "cameras", "off")
    assert completed.tls.insecure, "an encrypted broker inside the house has no certificate for its container's name"
    own = ours.complete(config_of("mqtt: {host: 10.0.0.2}", tmp_path)).mqtt
    assert (own.host, own.username) == ("10.0.0.2", None)


async def test_without_a_broker_it_says_so_and_goes_on(home: FakeSupervisor, join: Any, tmp_path: Path) -> None:
    ours = await join()
    config = ours.complete(config_of("mqtt: {prefix: cameras}", tmp_path))
    assert config.mqtt is None
    (note,) = ours.notes(config)
    assert "Mosquitto broker" in note
    assert home.requests == ["GET /services/mqtt"], "a clear no is not asked again"


async def test_a_supervisor_that_is_still_starting_is_waited_for(
    home: FakeSupervisor, join: Any, tmp_path: Path
) -> None:
    home.broker, home.failing = BROKER, 2
    assert (await join()).complete(config_of("", tmp_path)).mqtt.host == "core-mosquitto"


async def test_a_supervisor_that_never_answers_is_not_fatal(join: Any, tmp_path: Path) -> None:
    ours = await join(url=f"http://127.0.0.1:{free_port()}")
    assert ours.complete(config_of("", tmp_path)).mqtt is None
    assert await ours.role_of("anna") == "viewer"


def test_elsewhere_a_section_mqtt_needs_its_host(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mqtt\.host"):
        parse_config("mqtt: {prefix: cameras}", tmp_path / "c.yaml", {"SUPERVISOR_TOKEN": "but no container of ours"})


@pytest.mark.parametrize("variables", [{}, {"SUPERVISOR_TOKEN": "x"}, {"CRIME_DETECT_CONTAINER": "1"}])
def test_outside_an_app_nothing_of_it_is_active(variables: dict[str, str]) -> None:
    assert supervisor_access(variables) is None
    assert supervisor_access(APP) == SupervisorAccess("http://supervisor", "app-token")


# --- people --------------------------------------------------------------------------------------------------------


async def test_administrators_are_admins_and_everybody_else_looks(home: FakeSupervisor, join: Any) -> None:
    home.add_user("anna", "system-admin")
    home.add_user("otto", "system-users", owner=True)
    home.add_user("ben", "system-users")
    home.add_user("gone", "system-admin", active=False)
    ours = await join()
    roles = {name: await ours.role_of(name) for name in ("anna", "otto", "ben", "gone", "nobody")}
    assert roles == {"anna": "admin", "otto": "admin", "ben": "viewer", "gone": "viewer", "nobody": "viewer"}
    assert home.requests.count("GET /core/websocket") == 1, "asked once for all"


async def test_a_role_is_forgotten_after_minutes_and_when_it_cannot_be_asked(home: FakeSupervisor, join: Any) -> None:
    clock = ManualClock(NOON)
    home.add_user("anna", "system-admin")
    ours = await join(clock)
    assert await ours.role_of("anna") == "admin"
    home.users.clear()
    assert await ours.role_of("anna") == "admin"
    clock.advance(ROLES_KEPT_S + 1)
    assert await ours.role_of("anna") == "viewer"
    home.add_user("anna", "system-admin")
    clock.advance(ROLES_KEPT_S + 1)
    home.failing = 1
    assert await ours.role_of("anna") == "viewer", "no answer makes nobody an admin"
    clock.advance(ROLES_RETRY_S + 1)
    assert await ours.role_of("anna") == "admin", "and it is asked again soon"
    home.core_allowed = False
    clock.advance(ROLES_KEPT_S + 1)
    assert await ours.role_of("anna") == "viewer"


# --- the whole service ---------------------------------------------------------------------------------------------


@pytest.fixture
async def app(home: FakeSupervisor, join: Any, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """`await app(text)`: the service as an app with that configuration on `tmp_path/data`, and its address; stopped
    after the test."""
    services: list[Service] = []

    async def start(text: str = "") -> tuple[Service, str]:
        config = config_of(text, tmp_path)
        services.append(Service(config, tmp_path / "data", None, SystemClock(), supervisor=await join()))
        server = await services[-1].start("127.0.0.1", 0)
        return services[-1], f"http://127.0.0.1:{server.port}"

    yield start
    for service in services:
        await service.stop()


@needs_model
async def test_home_assistant_is_told_where_we_are_with_a_token_that_opens(
    home: FakeSupervisor, app: Any, until: Any, tmp_path: Path
) -> None:
    home.failing = 3
    service, address = await app()
    (told,) = await until(lambda: home.announced)
    assert set(told) == {"host", "port", "token", "uuid"}
    assert told["uuid"] == (tmp_path / "data" / "engine-uuid").read_text().strip()
    assert told["port"] == int(address.rsplit(":", 1)[1])
    headers = {"Authorization": f"Bearer {told['token']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{address}/api/v1/info") as answer:
            assert answer.status == 200
        async with session.delete(f"{address}/api/v1/incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV") as answer:
            assert answer.status == 403, "it is the integration's token, not an admin's"
    kept = tmp_path / "data" / "integration-token"
    assert kept.read_text().strip() == told["token"]
    assert kept.stat().st_mode & 0o777 == 0o600
    await service.stop()
    _, address = await app()
    again = (await until(lambda: home.announced[1:]))[0]
    assert again["token"] == told["token"], "Home Assistant keeps working over a restart"


@needs_model
async def test_a_token_that_was_revoked_or_lost_is_made_anew(
    home: FakeSupervisor, app: Any, until: Any, tmp_path: Path
) -> None:
    service, _ = await app()
    first = (await until(lambda: home.announced))[0]["token"]
    (tmp_path / "data" / "integration-token").unlink()
    await service.stop()
    service, _ = await app()
    second = (await until(lambda: home.announced[1:]))[0]["token"]
    assert await service._store.tokens.find(first) is None, "what nobody holds any more opens nothing"
    found = await service._store.tokens.find(second)
    assert found is not None
    assert found.role == "integration"
    live = [one for one in await service._store.tokens.list() if one.name == found.name and one.revoked_at is None]
    assert len(live) == 1


@needs_model
async def test_people_come_in_by_ingress_with_their_role(home: FakeSupervisor, app: Any) -> None:
    home.add_user("anna", "system-admin")
    home.add_user("ben", "system-users")
    _, address = await app()
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{address}/", headers=INGRESS) as answer:
            page = await answer.text()
            assert answer.status == 200
        assert not re.findall(r'(?:href|src|action)="/', page), "every link works below the ingress path"
        assert 'href="analyze"' in page
        async with session.get(f"{address}/", headers={**INGRESS, "X-Remote-User-Id": "ben"}) as answer:
            assert 'href="analyze"' not in await answer.text(), "ben only looks"
        async with session.get(
            f"{address}/incidents", headers={"X-Ingress-Path": "/x"}, allow_redirects=False
        ) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, "./login?next=incidents")


@needs_model
async def test_people_of_home_assistant_get_the_roles_that_the_configuration_gives_them(
    home: FakeSupervisor, app: Any
) -> None:
    for user, group in (("anna", "system-admin"), ("ben", "system-users"), ("cleo", "system-users")):
        home.add_user(user, group)
    users = "anna: viewer, cleo: none, kiosk: {role: operator, cameras: [yard]}"
    _, address = await app(
        "cameras: {yard: {source: 'synthetic:yard'}, gate: {source: 'synthetic:street'}}\n"
        f"access: {{ingress: {{users: {{{users}}}, others: analyst}}}}"
    )

    async def asks(user: str, path: str, name: str | None = None) -> tuple[int, Any]:
        headers = {**INGRESS, "X-Remote-User-Id": user, "X-Remote-User-Name": name or user}
        async with aiohttp.ClientSession() as session, session.get(f"{address}{path}", headers=headers) as answer:
            return answer.status, await answer.json()

    assert (await asks("anna", "/api/v1/users"))[0] == 403, "an administrator there, and a viewer here"
    assert (await asks("anna", "/api/v1/incidents"))[0] == 200
    assert (await asks("ben", "/api/v1/incidents"))[0] == 403, "who is not named is an analyst"
    assert (await asks("cleo", "/api/v1/cameras"))[0] == 403
    _, seen = await asks("f00", "/api/v1/cameras", "kiosk")
    assert [camera["id"] for camera in seen["items"]] == ["yard"]


@needs_model
async def test_with_tls_an_app_speaks_both(home: FakeSupervisor, join: Any, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server")
    config = config_of(f"tls: {{certificate: {certificate}, key: {key}}}", tmp_path)
    service = Service(config, tmp_path / "data", None, SystemClock(), supervisor=await join())
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crime_detect_engine.door.TLS_PORT_IN_APP", port)
        server = await service.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession() as session:
            for address in (f"http://127.0.0.1:{server.port}", f"https://localhost:{port}"):
                async with session.get(f"{address}/health", ssl=authority.trusting()) as answer:
                    assert answer.status in (200, 503)
                    assert "Strict-Transport-Security" not in answer.headers
    finally:
        await service.stop()


@needs_model
async def test_a_change_of_the_file_does_not_lose_the_broker(home: FakeSupervisor, join: Any, tmp_path: Path) -> None:
    home.broker = {**BROKER, "host": "127.0.0.1", "port": free_port()}
    service = Service(config_of("", tmp_path), tmp_path / "data", None, SystemClock(), supervisor=await join())
    await service.start("127.0.0.1", 0)
    try:
        before = service.config.mqtt
        await service._apply(config_of("retention: {incidents: 3d}", tmp_path))
        assert service.config.mqtt == before
        assert not [note for note in service._notes() if "after a restart" in note]
    finally:
        await service.stop()


# --- the real process ----------------------------------------------------------------------------------------------


@needs_model
@pytest.mark.skipif(mosquitto_missing() is not None, reason=str(mosquitto_missing()))
async def test_the_command_of_the_image_runs_as_an_app(home: FakeSupervisor, until: Any, tmp_path: Path) -> None:
    """`crime-detect run` with the environment that the Supervisor makes: broker, discovery, log level, a clean stop."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "options.json").write_text(json.dumps({"log_level": "warning"}))
    log = tmp_path / "log"
    with Mosquitto(tmp_path / "broker", password=True) as broker, log.open("wb") as output:
        home.broker = {
            **BROKER,
            "host": "127.0.0.1",
            "port": broker.port,
            "username": "engine",
            "password": "correct horse",
        }
        environment = {**os.environ, **APP, "SUPERVISOR_API": home.url, "TZ": "Europe/Amsterdam"}
        # Without /config this machine's engine runs without a file; in the image that folder is there.
        command = [sys.executable, "-m", "crime_detect_engine.cli", "run", "--data", str(data), "--port", "0"]
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=output, stderr=output)
        try:
            (told,) = await until(lambda: home.announced)
            headers = {"Authorization": f"Bearer {told['token']}"}
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.get(f"http://127.0.0.1:{told['port']}/api/v1/info") as answer,
            ):
                assert answer.status == 200
            await until(lambda: "crime_detect/home/info" in (broker.folder / "mosquitto.log").read_text())
        finally:
            process.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(process.wait(), 60)
    assert code == 0, log.read_text()
    assert " INFO " not in log.read_text(), "the level that was chosen on the app's page"
