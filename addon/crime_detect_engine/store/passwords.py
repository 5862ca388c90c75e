"""Owns passwords: what is refused as one, and the slow digest (argon2id) that is kept, made in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crime_detect_engine.domain.errors import BusyError, InvalidInputError

MIN_LENGTH, MAX_LENGTH = 12, 200
MAX_WAITING = 8
_NICENESS = 5
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "09876543210", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop")
_COMMON = """
password passwort wachtwoord contrasena motdepasse secret welcome welkom willkommen admin administrator changeme
letmein iloveyou sunshine princess football baseball superman batman trustno dragon monkey master shadow michael
jennifer liverpool chelsea arsenal barcelona charlie computer internet starwars pokemon minecraft security camera
cameras crimedetect homeassistant raspberry hikvision dahua default guest login qwerty azerty zaq1zaq1 q1w2e3r4
correcthorsebatterystaple abcd1234 passw0rd p@ssword p@ssw0rd passw0rt 1q2w3e4r 1qaz2wsx qazwsx asdfgh zxcvbn
"""
_WORDS = frozenset(_COMMON.split())
"""What the most common long passwords are put together from, with numbers and signs around it."""
_T = TypeVar("_T")


def normalized(password: str) -> str:
    """The same however a keyboard composes its letters."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, name: str) -> None:
    """Raises InvalidInputError that says why nobody should use it. Length is what counts; no signs are demanded."""
    why = _why_weak(normalized(password), unicodedata.normalize("NFKC", name).casefold())
    if why is not None:
        raise InvalidInputError(f"the password {why}", {"password": why})


def _why_weak(password: str, name: str) -> str | None:
    if len(password) < MIN_LENGTH:
        return f"needs {MIN_LENGTH} characters or more; a few words in a row are easy to remember"
    if len(password) > MAX_LENGTH:
        return f"may have {MAX_LENGTH} characters"
    folded = password.casefold()
    if len(name) >= 3 and len(folded.replace(name, "")) < MIN_LENGTH - 4:
        return "is little more than the name"
    letters = "".join(sign for sign in folded if sign.isalnum())
    if _unit(letters) <= 4:
        return "repeats a few characters"
    left = letters
    for row in _ROWS:
        left = _without_runs(left, row)
    for word in sorted(_WORDS, key=len, reverse=True):
        left = left.replace("".join(sign for sign in word if sign.isalnum()), "")
    if sum(not sign.isdigit() for sign in left) < 3:
        return "is one of the first that somebody tries"
    return None


def _unit(text: str) -> int:
    """The length of what `text` repeats; its own length when it repeats nothing."""
    return (text + text).find(text, 1) if text else 0


def _without_runs(text: str, row: str) -> str:
    for length in range(len(row), 3, -1):
        for start in range(len(row) - length + 1):
            text = text.replace(row[start : start + length], "")
    return text


def _be_nice() -> None:
    # On Linux niceness belongs to the thread, and those that argon2 starts inherit it.
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class Passwords:
    """One digest at a time: each takes 64 MiB and all cores for a moment, however many try to get in."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._executor = ThreadPoolExecutor(1, "passwords", initializer=_be_nice)
        self._waiting = 0
        self._nobody: str | None = None

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def digest(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(normalized(password)))

    async def verify(self, digest: str | None, password: str) -> tuple[bool, str | None]:
        """Whether it fits, and a digest by today's parameters where the old one is by others.

        Without a digest the same work is done for nothing, so that the time tells nobody which names there are.
        """
        return await self._run(lambda: self._verify(digest, normalized(password)[: MAX_LENGTH + 1]))

    def _verify(self, digest: str | None, password: str) -> tuple[bool, str | None]:
        if not digest and self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_hex(16))
        try:
            self._hasher.verify(digest or self._nobody or "", password)
        except (VerificationError, InvalidHashError):
            return False, None
        if not digest:
            return False, None
        return True, self._hasher.hash(password) if self._hasher.check_needs_rehash(digest) else None

    async def _run(self, job: Callable[[], _T]) -> _T:
        if self._waiting >= MAX_WAITING:
            raise BusyError("Too many people sign in at once; try again in a while.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, job)
        finally:
            self._waiting -= 1
