"""People and tokens from the command line, beside a running service and without one, on both databases."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from crime_detect_engine import accounts
from crime_detect_engine.cli import main
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store.address import DatabaseOptions
from crime_detect_engine.store.passwords import Passwords
from crime_detect_engine.store.store import Store

from tests.rig.postgres import Postgres

PASSWORD = "seven green bottles"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Passwords.__init__, "__defaults__", (PasswordHasher(1, 8, 1),))


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[DatabaseOptions, list[str]]]:
    """Where the service keeps its records, and what tells a command so."""
    given = ["--data", str(tmp_path / "data")]
    if request.param == "sqlite":
        yield DatabaseOptions(), given
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    file = tmp_path / "crime_detect.yaml"
    file.write_text(f"cameras: {{}}\ndatabase: {json.dumps(server.url(name))}\n")
    yield DatabaseOptions(server.url(name)), [*given, "--config", str(file)]
    server.drop(name)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(PASSWORD + "\n")
    return file


@pytest.fixture
def run(kept: tuple[DatabaseOptions, list[str]], capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """A command as it is typed; its exit code and what it said."""

    def typed(line: str, *more: str | Path) -> tuple[int, str]:
        code = main([*line.split(), *map(str, more), *kept[1]])
        said = capsys.readouterr()
        return code, said.out + said.err

    return typed


def test_people_are_added_changed_and_removed(run: Callable[..., tuple[int, str]], secret: Path) -> None:
    assert run("user add boss --role admin --password-file", secret)[0] == 0
    assert run("user add ana --role operator --cameras gate yard=viewer --password-file", secret)[0] == 0
    _, said = run("user list --json")
    ana, boss = (json.loads(line) for line in said.splitlines())
    assert (ana["name"], ana["role"], ana["cameras"]) == ("ana", "operator", {"gate": None, "yard": "viewer"})
    assert (boss["role"], boss["cameras"]) == ("admin", None)
    assert run("user change ANA --role viewer --all-cameras")[0] == 0
    assert run("user disable ana")[0] == 0
    _, said = run("user list")
    assert said.splitlines()[1].split() == ["ana", "viewer", "all", "-", "yes", "-"]
    assert run("user enable ana")[0] == 0
    assert run("user remove ana")[0] == 0
    code, said = run("user remove ana")
    assert code == 1
    assert "no user" in said
    code, said = run("user remove boss")
    assert code == 1
    assert "nobody would be left" in said
    assert PASSWORD not in said


async def test_a_lost_password_is_replaced_beside_the_running_service(
    kept: tuple[DatabaseOptions, list[str]], tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    service = await Store.open(tmp_path / "data", SystemClock(), reserve_bytes=0, database=kept[0])
    try:
        boss = Actor("boss", "admin")
        await service.users.create("ana", "eight green bottles", "viewer", None, boss)
        login = await service.users.verify("ana", "eight green bottles")
        assert login is not None
        line = ["user", "password", "ana", "--password-file", str(secret), *kept[1]]
        assert await asyncio.to_thread(main, line) == 0
        assert await service.users.renew(login) is None, "who was signed in no longer is"
        assert await service.users.verify("ana", PASSWORD) is not None
        newest = (await service.audit.list())[1]
        assert (newest.actor, newest.action, newest.target) == ("command line", "user change", "ana")
    finally:
        await service.close()


def test_tokens_have_scopes_and_an_end_and_are_revoked(run: Callable[..., tuple[int, str]]) -> None:
    code, said = run("token create --role viewer --name tablet --cameras gate --scopes reports live --expires 90d")
    assert code == 0
    token = json.loads(run("token list --json")[1])
    assert (token["name"], token["role"], token["scopes"]) == ("tablet", "viewer", ["live", "reports"])
    assert token["cameras"] == {"gate": None}
    ends = datetime.fromisoformat(token["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89) < ends <= timedelta(days=90)
    assert said.splitlines()[-1] not in run("token list")[1], "the secret is shown once"
    assert run(f"token revoke {token['id']}")[0] == 0
    assert run("token list --json")[1] == ""
    for wrong in ("--scopes everything", "--expires soon", "--expires 0d", "--cameras gate="):
        assert run(f"token create --role viewer {wrong}")[0] == 1, wrong


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_a_password_is_asked_for_twice_and_never_shown(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([PASSWORD, "seven green bottle", PASSWORD, PASSWORD])
    monkeypatch.setattr(accounts.getpass, "getpass", lambda _prompt: next(answers))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    code, said = run("user add ana --role viewer")
    assert code == 1
    assert "not the same" in said
    code, said = run("user add ana --role viewer")
    assert code == 0
    assert PASSWORD not in said


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_a_pipe_gives_the_password_and_nobody_is_asked_without_one(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD + "\n"))
    assert run("user add ana --role viewer --password-file -")[0] == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, said = run("user add eve --role viewer")
    assert code == 1
    assert "--password-file" in said
    code, said = run("user add eve --role viewer --password-file", tmp_path / "missing")
    assert code == 1
    assert "cannot be read" in said


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_a_weak_password_or_a_role_at_a_camera_above_the_own_is_refused(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, secret: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("password1234\n"))
    code, said = run("user add ana --role viewer --password-file -")
    assert code == 1
    assert "first that somebody tries" in said
    code, said = run("user add ana --role viewer --cameras gate=admin --password-file", secret)
    assert code == 1
    assert "cannot be above" in said
    assert run("user list")[1] == ""
    assert run("user change ana --role admin")[0] == 1
