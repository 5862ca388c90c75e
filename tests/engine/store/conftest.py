"""Owns what the store's tests share: a clock, alerts, and stores on real files that are closed afterwards."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.types import Alert, ChangeType, Score, Severity
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.store import opening
from crime_detect_engine.store.address import DatabaseOptions
from crime_detect_engine.store.store import Store

from tests.rig.postgres import USER, Postgres

START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
NEXT_STEP = '''
"""Owns a step that a later version might take."""
import sqlalchemy as sa
from alembic import op
revision = "later"
down_revision = "{head}"
def upgrade():
    op.add_column("incidents", sa.Column("weather", sa.Text()))
    {then}
'''
OpenStore = Callable[..., Awaitable[Store]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], DatabaseOptions]]:
    """What a data directory keeps its records in: the same database for the same directory, an empty one at first."""
    if request.param == "sqlite":
        yield lambda _data_dir: DatabaseOptions()
        return
    server: Postgres = request.getfixturevalue("postgres")
    names: dict[Path, str] = {}

    def of(data_dir: Path) -> DatabaseOptions:
        if data_dir not in names:
            names[data_dir] = server.create()
        return DatabaseOptions(server.url(names[data_dir]))

    yield of
    for name in names.values():
        server.drop(name)


@pytest.fixture
def lose_database(
    request: pytest.FixtureRequest, tmp_path: Path, database: Callable[[Path], DatabaseOptions]
) -> Callable[[], None]:
    """Call when the store of `tmp_path/data` is closed: what it kept in its database is gone."""

    def lose() -> None:
        url = database(tmp_path / "data").url
        if url is None:
            for path in (tmp_path / "data").glob("crime_detect.db*"):
                path.unlink()
        else:
            server, name = request.getfixturevalue("postgres"), url.rpartition("/")[2]
            server.drop(name)
            server.run(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE {server.template}")

    return lose


@pytest.fixture
async def open_store(
    tmp_path: Path, clock: ManualClock, database: Callable[[Path], DatabaseOptions]
) -> AsyncIterator[OpenStore]:
    """Opens `tmp_path/data` (or `data_dir`); closing twice is fine. A test that asks for this runs with each database,

    but for one that is marked `parametrize("database", ["sqlite"], indirect=True)`.
    """
    opened: list[Store] = []

    async def open_one(data_dir: Path | None = None, **options: Any) -> Store:
        folder = data_dir or tmp_path / "data"
        given = {"reserve_bytes": 0, "database": database(folder), **options}
        store = await Store.open(folder, clock, **given)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        if not store.closed:
            await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store(deliveries_for=lambda _event: [("mqtt", "yard"), ("sms", "owner")])


@pytest.fixture
def later_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the code one migration newer; call with a statement that the step runs at its end."""
    head = ScriptDirectory.from_config(opening._scripts()).get_current_head()

    def install(then: str = "pass") -> None:
        scripts = tmp_path / "migrations"
        shutil.rmtree(scripts, ignore_errors=True)
        shutil.copytree(Path(opening.__file__).with_name("migrations"), scripts)
        (scripts / "versions" / "v9999_weather.py").write_text(NEXT_STEP.format(head=head, then=then))
        config = Config()
        config.set_main_option("script_location", str(scripts))
        monkeypatch.setattr(opening, "_scripts", lambda: config)

    return install


@pytest.fixture
def make_alert(clock: ManualClock) -> Callable[..., Alert]:
    """An alert about the incident that began at `started_at`, with one score."""

    def make(type_: ChangeType = ChangeType.NEW, confidence: float = 0.9, **changes: Any) -> Alert:
        camera = changes.get("camera", "yard")
        label = changes.get("label", "fighting")
        started_at = changes.get("started_at", START)
        at = changes.get("at", max(clock.now(), started_at))
        probabilities = {"normal": 1 - confidence, label: confidence}
        values: dict[str, Any] = {
            "incident_id": ulid(started_at, camera, label),
            "camera": camera,
            "type": type_,
            "label": label,
            "confidence": confidence,
            "threshold": 0.8,
            "severity": Severity.ALERT,
            "notify": True,
            "suppressed_by": None,
            "started_at": started_at,
            "at": at,
            "scores": (Score(camera, at, 1.0, probabilities, "m", 5.0),),
            "best": True,
        }
        return Alert(**{**values, **changes})

    return make


@pytest.fixture
def add_incident(store: Store, make_alert: Callable[..., Alert]) -> Callable[..., Awaitable[str]]:
    """Writes a whole incident, `age` before the clock's now, 10 s long; returns its id."""

    async def add(age: timedelta = timedelta(), picture: bytes | None = b"jpeg", **changes: Any) -> str:
        started_at = changes.pop("started_at", START - age)
        first = make_alert(started_at=started_at, at=started_at, **changes)
        await store.write(first, picture)
        end_at = started_at + timedelta(seconds=10)
        await store.write(make_alert(ChangeType.END, started_at=started_at, at=end_at, **changes), None)
        return first.incident_id

    return add


@pytest.fixture
def mount() -> Iterator[Callable[[Path, str], Path]]:
    """`mount(folder, size)`: a file system of its own there, gone after the test."""
    mounted: list[Path] = []

    def make(folder: Path, size: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("mounting a small file system is not allowed here")
        mounted.append(folder)
        return folder

    yield make
    for folder in reversed(mounted):
        if folder.is_mount():
            subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
