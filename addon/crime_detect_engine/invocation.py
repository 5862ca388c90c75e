"""Owns the `run` command: which configuration its arguments mean, and the service from start to signal."""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace

from .app import Service
from .config import Config, data_dir, from_arguments
from .config.editor import ConfigEditor
from .config.places import SupervisorAccess, app_log_level, container_config, in_container, supervisor_access
from .config.starter import write_starter
from .domain.clock import SystemClock
from .domain.errors import ConfigError
from .supervisor import Supervisor
from .web.server import Server

_LOG = logging.getLogger(__name__)
CAMERA_NAME = r"[a-z0-9_]{1,32}"


def read_config(arguments: argparse.Namespace) -> tuple[Config, ConfigEditor | None]:
    """The file's cameras and those of `--camera`. A container without either runs with a file of its own, which is made
    at its first start. Raises ConfigError."""
    cameras = {}
    for item in arguments.camera:
        name, separator, url = item.partition("=")
        if not separator or not url or not re.fullmatch(CAMERA_NAME, name):
            # Never what was given: it may hold a password.
            raise ConfigError("--camera wants NAME=URL, like front=rtsp://10.0.0.5/stream; a name is a-z, 0-9 and _")
        cameras[name] = url
    file = arguments.config
    if file is None and not cameras and not arguments.demo:
        file = container_config()
        if file is not None and write_starter(file):
            _LOG.info("made %s, which explains itself; add cameras there or in Home Assistant", file)
    if file is None:
        return from_arguments(cameras, arguments.demo), None
    editor = ConfigEditor(file)
    config = editor.load()
    if not cameras and not arguments.demo:
        return config, editor
    added = from_arguments(cameras, arguments.demo).cameras
    if taken := set(added) & set(config.cameras):
        raise ConfigError(f"{', '.join(sorted(taken))}: named by --camera and by {file.name}")
    return replace(config, cameras={**config.cameras, **added}), editor


def run_command(arguments: argparse.Namespace) -> int:
    """`crime-detect run`, until SIGTERM or SIGINT."""
    access = supervisor_access()
    data = data_dir(arguments.data)
    if access is not None and (level := app_log_level(data)) is not None:
        logging.getLogger().setLevel(level)
    config, editor = read_config(arguments)
    for warning in config.warnings:
        _LOG.warning("%s", warning)
    host = arguments.host or ("0.0.0.0" if in_container() else "127.0.0.1")  # noqa: S104 a container's own network
    in_file = editor.settings().get("cameras") or {} if editor else {}
    extra = frozenset(config.cameras) - frozenset(in_file)

    def build(supervisor: Supervisor | None) -> Service:
        return Service(config, data, editor, SystemClock(), extra, supervisor)

    asyncio.run(_serve(build, access, host, arguments.port))
    return 0


async def _serve(
    build: Callable[[Supervisor | None], Service], access: SupervisorAccess | None, host: str, port: int
) -> None:
    if access is None:
        await _serve_until_stopped(build(None), host, port, _greet)
        return
    supervisor = Supervisor(access, SystemClock())
    await supervisor.open()
    try:
        await _serve_until_stopped(build(supervisor), host, port, _greet_in_app)
    finally:
        await supervisor.close()


async def _serve_until_stopped(
    service: Service, host: str, port: int, greet: Callable[[Service, Server], None]
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await service.start(host, port)
    try:
        greet(service, server)
        await stopped.wait()
    finally:
        _LOG.info("stopping")
        await service.stop()


def _greet_in_app(service: Service, _server: Server) -> None:
    _LOG.info("watching %d cameras; the page opens in Home Assistant", len(service.config.cameras))


def _greet(service: Service, server: Server) -> None:
    host = "127.0.0.1" if server.host == "0.0.0.0" else server.host  # noqa: S104 compared, not bound
    page = f"{'https' if server.secure else 'http'}://{host}:{server.port}"
    _LOG.info("watching %d cameras; the page is %s/", len(service.config.cameras), page)
    token = service.admin_token
    if not token.exists():
        return
    _LOG.info("sign in with the token in %s", token)
    if sys.stderr.isatty():
        # Only to a person at the terminal: a log is read by others, and a fragment reaches no server's log.
        print(f"open {page}/login#token={token.read_text().strip()}", file=sys.stderr)
