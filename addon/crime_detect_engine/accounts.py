"""Owns the commands about people and tokens, at the machine itself: they work beside the service and without it."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from .administration import open_store
from .config import data_dir
from .domain.accounts import AT_THE_MACHINE, CameraGrants, TokenInfo, UserChange, UserInfo
from .domain.clock import SystemClock
from .domain.errors import CrimeDetectError, InvalidInputError
from .domain.scopes import SCOPES
from .domain.units import parse_duration
from .domain.wire import timestamp
from .store.store import Store

_STDIN = Path("-")


def add_user_command(arguments: argparse.Namespace) -> int:
    """`crime-detect user add NAME --role ROLE`."""
    cameras, password = grants(arguments.cameras), _password(arguments.password_file)

    async def work(store: Store) -> None:
        await store.users.create(
            arguments.name,
            password,
            arguments.role,
            cameras,
            AT_THE_MACHINE,
            display_name=arguments.display_name,
            must_change=arguments.must_change,
        )

    _with_store(arguments, work)
    print(f"{arguments.name} may sign in", file=sys.stderr)
    return 0


def change_user_command(arguments: argparse.Namespace) -> int:
    """`crime-detect user change|disable|enable NAME`."""
    disabled = {"disable": True, "enable": False}.get(arguments.action)
    cameras = grants(getattr(arguments, "cameras", None))
    all_cameras = getattr(arguments, "all_cameras", False)
    change = UserChange(
        role=getattr(arguments, "role", None),
        cameras=None if all_cameras else cameras,
        grants=all_cameras or cameras is not None,
        disabled=disabled,
    )
    if change == UserChange():
        raise InvalidInputError("nothing to change: give --role, --cameras or --all-cameras")
    _change(arguments, change)
    return 0


def password_command(arguments: argparse.Namespace) -> int:
    """`crime-detect user password NAME`: the way back in for who has lost theirs."""
    _change(arguments, UserChange(password=_password(arguments.password_file), must_change=bool(arguments.must_change)))
    print(f"{arguments.name} has another password, and is signed out everywhere", file=sys.stderr)
    return 0


def remove_user_command(arguments: argparse.Namespace) -> int:
    """`crime-detect user remove NAME`."""

    async def work(store: Store) -> None:
        user = await store.users.named(arguments.name)
        await store.users.delete(user.id, AT_THE_MACHINE)

    _with_store(arguments, work)
    return 0


def list_users_command(arguments: argparse.Namespace) -> int:
    """`crime-detect user list`."""
    users = _with_store(arguments, lambda store: store.users.list())
    _print([_user_row(user) for user in users], as_json=arguments.json)
    return 0


def create_token_command(arguments: argparse.Namespace) -> int:
    """`crime-detect token create`: prints the token, the only time it is shown."""
    cameras, scopes = grants(arguments.cameras), _scopes(arguments.scopes)
    ends = None
    if arguments.expires is not None:
        try:
            ends = SystemClock().now() + timedelta(seconds=parse_duration(arguments.expires))
        except ValueError as error:
            raise InvalidInputError(f"--expires: {error}") from error

    async def work(store: Store) -> str:
        secret, _ = await store.tokens.issue(
            arguments.name, arguments.role, cameras, AT_THE_MACHINE, scopes=scopes, expires_at=ends
        )
        return secret

    token = _with_store(arguments, work)
    print(f"role {arguments.role}; keep it now, it is not shown again:", file=sys.stderr)
    print(token)
    return 0


def list_tokens_command(arguments: argparse.Namespace) -> int:
    """`crime-detect token list`: those that are valid."""
    tokens = _with_store(arguments, lambda store: store.tokens.list())
    _print([_token_row(token) for token in tokens if token.revoked_at is None], as_json=arguments.json)
    return 0


def revoke_token_command(arguments: argparse.Namespace) -> int:
    """`crime-detect token revoke ID`."""
    _with_store(arguments, lambda store: store.tokens.revoke(arguments.id, AT_THE_MACHINE))
    return 0


def grants(given: list[str] | None) -> CameraGrants | None:
    """`yard` or `yard=viewer`, as on the command line. Raises InvalidInputError."""
    if given is None:
        return None
    found: dict[str, str | None] = {}
    for item in given:
        camera, separator, role = item.partition("=")
        if not camera or (separator and not role):
            raise InvalidInputError("--cameras wants CAMERA or CAMERA=ROLE, like yard or gate=operator")
        found[camera] = role or None
    return found


def _scopes(given: list[str] | None) -> frozenset[str] | None:
    if given is None:
        return None
    if unknown := sorted(set(given) - set(SCOPES)):
        raise InvalidInputError(f"--scopes: {', '.join(unknown)} is none of {', '.join(SCOPES)}")
    return frozenset(given)


def _change(arguments: argparse.Namespace, change: UserChange) -> None:
    async def work(store: Store) -> None:
        user = await store.users.named(arguments.name)
        await store.users.change(user.id, change, AT_THE_MACHINE)

    _with_store(arguments, work)


def _with_store(arguments: argparse.Namespace, work: Callable[[Store], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        store = await open_store(data_dir(arguments.data), arguments.config)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def _password(file: Path | None) -> str:
    """From a file, from a pipe, or asked for twice; never an argument, which all of the machine could read."""
    if file is not None:
        try:
            text = sys.stdin.readline() if file == _STDIN else file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CrimeDetectError(f"the password cannot be read from {file}") from error
        return text.rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InvalidInputError("nobody can be asked for the password here: give --password-file FILE, or - for a pipe")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Password again: "):
        raise InvalidInputError("the password was not the same twice")
    return password


def _user_row(user: UserInfo) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role,
        "cameras": None if user.cameras is None else dict(user.cameras),
        "issuer": user.issuer,
        "disabled": user.disabled,
        "last_login_at": timestamp(user.last_login_at),
    }


def _token_row(token: TokenInfo) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "cameras": None if token.cameras is None else dict(token.cameras),
        "scopes": None if token.scopes is None else sorted(token.scopes),
        "expires_at": timestamp(token.expires_at),
        "last_used_at": timestamp(token.last_used_at),
    }


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """One line each: JSON for programs, columns for people."""
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    texts = [[_shown(key, value) for key, value in row.items()] for row in rows]
    lines = [[key.replace("_", " ") for key in rows[0]], *texts] if rows else []
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))] if lines else []
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "all" if key in ("cameras", "scopes") else "-"
    if isinstance(value, dict):
        return " ".join(camera if role is None else f"{camera}={role}" for camera, role in value.items()) or "none"
    if isinstance(value, list):
        return " ".join(value) or "none"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
