"""Owns who asks, and what may be asked of the engine's set-up: cameras, retention, what MQTT tells Home Assistant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .types import Location


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: for roles, for cameras they may see, and for the audit."""

    name: str
    role: str
    """The highest that they have anywhere, and the one where no single camera is concerned."""
    cameras: frozenset[str] | None = None
    """None is all cameras."""
    roles: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Lower roles at single cameras."""
    scopes: frozenset[str] | None = None
    """What their token may be used for; None is all that the role may."""

    def may_see(self, camera: str) -> bool:
        return self.cameras is None or camera in self.cameras

    def role_at(self, camera: str) -> str:
        """Says nothing of whether they may see it."""
        return self.roles.get(camera, self.role)


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera as people see it: configuration and state together."""

    id: str
    name: str
    source: str
    """The address with credentials removed."""
    location: Location | None
    masked: bool
    state: Mapping[str, Any]
    """The `<camera>/state` payload."""
    problem: str | None = None
    """Why there is no picture, free of credentials."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What `Administration.change_camera` may change, as it holds now; nothing secret."""


class Administration(Protocol):
    """Changes are written to the configuration file (comments kept), are in force on return, and are audited.

    Raises ConfigError where there is no file to keep them in, InvalidInputError for a value that is not allowed.
    """

    async def add_camera(self, camera: str | None, source: str, name: str | None, actor: Actor) -> CameraView:
        """`camera` None makes an id from the name. Raises InvalidInputError when the id is taken."""
        ...

    async def remove_camera(self, camera: str, actor: Actor) -> None:
        """What was stored of it stays until retention takes it. Raises NotFoundError."""
        ...

    async def change_camera(self, camera: str, changes: Mapping[str, Any], actor: Actor) -> None:
        """`name`, `source`, `per_class`, `schedule`, `masks`, `zones`, `lines`, `detector` as below the
        camera in the file; None takes the default.

        Other masks are another line: no picture taken under the old ones is shown once this has returned.
        A `source` as `CameraView.source` shows it (credentials hidden) changes nothing.
        """
        ...

    def why_fixed(self, camera: str) -> str | None:
        """Why `change_camera` cannot keep anything of this camera, for people; None where it can."""
        ...

    async def try_source(self, source: str) -> bytes:
        """One JPEG of what would be a camera, within 15 s. Raises SourceError, free of credentials."""
        ...

    def frigate_cameras(self) -> Sequence[tuple[str, str]]:
        """(source, name) of the cameras that Frigate has and that are not watched."""
        ...

    def retention(self) -> Mapping[str, Any]:
        """`{incidents, below_threshold, per_class, media_quota}` as texts like 30d and 20GB."""
        ...

    async def set_retention(self, changes: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        """Keys as `retention` answers them; None takes the default, what is left out stays. Returns `retention`."""
        ...

    async def end_mqtt_discovery(self, actor: Actor) -> None:
        """Home Assistant is not told of cameras over MQTT any more, and forgets those it was told of."""
        ...

    async def models(self) -> Sequence[Mapping[str, Any]]:
        """`{name, version, labels, active, cameras, usable, error, demo, metrics}` of each model that is here."""
        ...

    async def activate_model(self, name: str, actor: Actor) -> None:
        """Cameras that read another model until now are rebuilt, no others; a name that is active already has its model
        loaded anew. Raises NotFoundError, CheckpointError, and ConfigError for one that cannot be loaded: the one
        before goes on then.
        """
        ...

    async def roll_back_model(self, name: str, actor: Actor) -> str:
        """Activates the model that was in force before `name`, and returns its name. Raises InvalidInputError when
        `name` is not active, ConfigError when nobody remembers another."""
        ...
