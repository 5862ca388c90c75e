"""Owns a real PostgreSQL server for tests: a private cluster in a folder of its own, ended with the session."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.rig.mosquitto import free_port

USER, PASSWORD = "crime_detect", "correct horse: @/?#"
QUOTED = "correct%20horse%3A%20%40%2F%3F%23"
OWNER = "postgres"
_READY_S = 30.0


def _binary(name: str) -> str | None:
    """The newest of Debian's, which are not on the path, else what is there."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(versions[-1]) if versions else shutil.which(name)


def _memory() -> Path | None:
    """A disk in memory, where there is a roomy one: a database for each test is a thousand files."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 10**9
    return memory if roomy else None


def postgres_missing() -> str | None:
    """Why there is no PostgreSQL to test with, or None."""
    if _binary("initdb") is None or _binary("postgres") is None:
        return "PostgreSQL is not installed (apt install postgresql)"
    if importlib.util.find_spec("psycopg") is None:
        return "the driver is not installed (the extra `postgres`)"
    return None


class Postgres:
    """`with Postgres() as server:`. Databases are made by name, as copies of `template` where one is named.

    A server refuses to run as root: then it runs as the system's user `postgres`, else `nobody`.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="crime-detect-postgres-", dir=_memory()))
        self._process: subprocess.Popen[bytes] | None = None
        self.owner = os.geteuid(), os.getegid()
        self._as: dict[str, Any] = {}
        self._made = self._version = 0
        self.template = ""

    def __enter__(self) -> Postgres:
        if os.geteuid() == 0:
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = names.get("postgres") or names["nobody"]
            self.owner = entry.pw_uid, entry.pw_gid
            os.chown(self.folder, *self.owner)
            self._as = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        initdb = [_binary("initdb"), "-D", self._data, "-U", OWNER, "-A", "scram-sha-256", "--pwfile", password]
        options = ["-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        subprocess.run(
            [*initdb, *options], check=True, capture_output=True, cwd=self.folder, env=environment, **self._as
        )
        self.start()
        self._version = int(self.run("SHOW server_version_num")[0][0])
        self.run(f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{PASSWORD}'")
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder,
            "fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_connections": 40,
            "shared_buffers": "16MB", "max_wal_size": "256MB",
        }  # fmt: skip
        command = [str(_binary("postgres")), "-D", str(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self._as)
        log.close()
        end = time.monotonic() + _READY_S
        while True:
            try:
                self.run("SELECT 1")
            except RuntimeError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self.folder / "log").read_text()[-2000:]) from error
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends its connections and stops; SIGQUIT is as a crash, with what is committed to be recovered."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_READY_S)
            self._process = None

    def url(self, database: str, user: str = USER, password: str = QUOTED) -> str:
        return f"postgresql+psycopg://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """As the owner of the cluster, each statement a transaction of its own."""
        import psycopg  # where it is not installed, nothing of this is used

        try:
            with psycopg.connect(
                host="127.0.0.1", port=self.port, user=OWNER, password=PASSWORD, dbname=database, autocommit=True
            ) as connection:
                cursor = connection.execute(statement.encode())
                return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError as error:
            raise RuntimeError(str(error)) from error

    def create(self, options: str | None = None) -> str:
        """A new database that `USER` owns, like `template`; its name."""
        self._made += 1
        name = f"test{self._made}"
        if options is None:
            # Copied as files, where a server has the choice: half the time of the way through the log.
            strategy = "STRATEGY file_copy" if self._version >= 150_000 else ""
            options = f"TEMPLATE {self.template} {strategy}" if self.template else ""
        self.run(f"CREATE DATABASE {name} OWNER {USER} {options}")
        return name

    def drop(self, name: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
