"""Owns what may be asked of the engine's set-up: cameras, retention, what Home Assistant is told over MQTT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .ports import Actor, CameraView


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
        """`name`, `source`, `per_class`, `schedule` as below the camera in the file; None takes the default.

        A `source` as `CameraView.source` shows it (credentials hidden) changes nothing.
        """
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
