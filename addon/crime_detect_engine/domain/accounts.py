"""Owns accounts: which roles there are, who signed in, and what the web may ask of those who keep people and tokens."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from .administration import Actor
from .errors import InvalidInputError
from .roles import CAMERA_ROLES as CAMERA_ROLES
from .roles import PERSONAL_ROLES as PERSONAL_ROLES
from .roles import ROLES as ROLES
from .roles import includes as includes

AT_THE_MACHINE = Actor("command line", "admin")
"""Who can read the data directory needs nobody's leave."""
CameraGrants = Mapping[str, str | None]
"""A role by camera id; None is the account's own role."""


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who proved who they are. `generation` counts up whenever all sessions of the account end."""

    actor: Actor
    user_id: int
    generation: int
    must_change: bool = False
    """Somebody else chose the password: nothing is allowed before it is another one."""


@dataclass(frozen=True, slots=True)
class UserInfo:
    """An account without its password. `issuer` is who vouches for people that have none here."""

    id: int
    name: str
    display_name: str | None
    role: str
    cameras: CameraGrants | None
    issuer: str | None
    created_at: datetime
    changed_at: datetime
    last_login_at: datetime | None
    disabled: bool
    must_change: bool


@dataclass(frozen=True, slots=True)
class UserChange:
    """What to change of an account; None leaves it. `grants` says whether `cameras` is meant, whose None is all."""

    display_name: str | None = None
    role: str | None = None
    cameras: CameraGrants | None = None
    grants: bool = False
    disabled: bool | None = None
    password: str | None = field(default=None, repr=False)
    must_change: bool | None = None


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A token without its secret."""

    id: int
    name: str
    role: str
    cameras: CameraGrants | None
    scopes: frozenset[str] | None
    """What it may be used for; None is all that the role may."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class People(Protocol):
    """Changes are audited in the name of `actor`. Raises NotFoundError, InvalidInputError and StoreError.

    The last way in as an admin of all cameras cannot be taken away.
    """

    async def verify(self, name: str, password: str) -> Login | None:
        """None for an unknown name, a wrong password, and a disabled account alike, at the same cost. Raises BusyError
        when too many wait."""
        ...

    async def renew(self, login: Login) -> Login | None:
        """Who this is by now; None when the account is gone or disabled, or all of its sessions were ended."""
        ...

    async def refused(self, name: str, attempts: int, details: Mapping[str, object]) -> None:
        """For the audit; a name that nobody has is not kept: it may be a password in the wrong field."""
        ...

    async def list(self) -> Sequence[UserInfo]: ...

    async def get(self, user_id: int) -> UserInfo: ...

    async def create(
        self,
        name: str,
        password: str,
        role: str,
        cameras: CameraGrants | None,
        actor: Actor,
        *,
        display_name: str | None = None,
        must_change: bool = False,
    ) -> UserInfo: ...

    async def change(self, user_id: int, change: UserChange, actor: Actor) -> UserInfo:
        """Another password, or disabling, ends all sessions."""
        ...

    async def change_own_password(self, login: Login, current: str, new: str) -> Login | None:
        """None where `current` is wrong. All other sessions end."""
        ...

    async def end_sessions(self, user_id: int, actor: Actor) -> int:
        """The new generation."""
        ...

    async def delete(self, user_id: int, actor: Actor) -> None: ...


class TokenKeeper(Protocol):
    async def issue(
        self,
        name: str,
        role: str,
        cameras: CameraGrants | None,
        actor: Actor,
        *,
        scopes: frozenset[str] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[str, TokenInfo]:
        """The secret, shown once, and what is known of it."""
        ...

    async def list(self) -> Sequence[TokenInfo]: ...

    async def revoke(self, token_id: int, actor: Actor) -> None: ...


def name_key(name: str) -> str:
    """What makes two names one: neither case nor another way to write the same letters tells people apart."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def check_grants(role: str, cameras: CameraGrants | None, roles: Sequence[str] = ROLES) -> None:
    """Raises InvalidInputError for an unknown role, and for a role at a camera above the account's own."""
    if role not in roles:
        raise InvalidInputError(f"role must be one of {', '.join(roles)}", {"role": f"not {role[:40]!r}"})
    for camera, at_camera in (cameras or {}).items():
        if at_camera is None or at_camera == role:
            continue
        if at_camera not in CAMERA_ROLES:
            raise InvalidInputError(
                f"the role at a camera must be one of {', '.join(CAMERA_ROLES)}", {"cameras": f"at {camera[:40]!r}"}
            )
        if not includes(role, at_camera):
            raise InvalidInputError(
                f"the role at a camera cannot be above the role itself, {role}", {"cameras": f"at {camera[:40]!r}"}
            )


def actor_of(name: str, role: str, cameras: CameraGrants | None, scopes: frozenset[str] | None = None) -> Actor:
    if cameras is None:
        return Actor(name, role, scopes=scopes)
    roles = {camera: at_camera for camera, at_camera in cameras.items() if at_camera is not None}
    return Actor(name, role, frozenset(cameras), roles, scopes)
