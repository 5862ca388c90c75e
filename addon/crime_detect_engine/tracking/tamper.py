"""Owns the watch over the camera itself: covered, sprayed, blinded, defocused or moved.

The edges of the picture are compared with those that this camera normally shows. A lamp, the exposure, dusk or rain
change the light and leave the edges; a hand takes them all at once, paint takes them one by one, a lens out of focus
takes the fine ones first, and a turned camera brings others. A frozen picture is told by the capture thread.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.types import Image
from crime_detect_engine.domain.units import parse_duration

from .glance import glance
from .view_judge import BLINDED, COVERED, DEFOCUSED, MOVED, SPRAYED, Judged, ViewJudge

KINDS = (COVERED, SPRAYED, BLINDED, DEFOCUSED, MOVED)
_PICTURES = 3
"""Fewest pictures that are told from."""
_BACK_S = 2.0
"""The view must have been there for so long before all is well again."""


@dataclass(frozen=True, slots=True)
class TamperOptions:
    """`after_s`: how long the view must be lost. `dark_after_s`: the same for a picture that went black at once,
    which is a lamp switched off more often than a bag; None: black is never told. `accept_s`: what a turned camera
    shows becomes normal."""

    enabled: bool = True
    after_s: float = 5.0
    dark_after_s: float | None = 20.0
    accept_s: float = 600.0


def _within(low_s: float, high_s: float, words: str, *, never: bool = False) -> Any:
    def check(value: object) -> float | bool | None:
        if value is None or (never and value is False):
            return value
        try:
            seconds = parse_duration(value)
        except ValueError:
            seconds = -1.0
        if not low_s <= seconds <= high_s:
            raise vol.Invalid(f"expected a duration {words}")
        return seconds

    return check


def _flag(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def _options(value: dict[str, Any]) -> TamperOptions:
    names = {"after": "after_s", "dark_after": "dark_after_s", "accept_after": "accept_s"}
    given = {names.get(key, key): part for key, part in value.items() if part is not None}
    if given.get("dark_after_s") is False:
        given["dark_after_s"] = None
    return TamperOptions(**given)


SCHEMA = vol.All(
    vol.Schema(
        {
            "enabled": _flag,
            "after": _within(2, 300, "from 2s to 5min"),
            "dark_after": _within(2, 3600, "from 2s to 1h, or false", never=True),
            "accept_after": _within(30, 7 * 86400, "from 30s to 7d"),
        }
    ),
    _options,
)
"""Yields TamperOptions."""


@dataclass(frozen=True, slots=True)
class TamperState:
    """`kind` None: the view is as it should be, or nobody can say. `since_tick_s`: from when on it is so."""

    kind: str | None = None
    since_tick_s: float = 0.0
    confidence: float = 0.0


class TamperWatch:
    """Tells from small pictures of one camera, two a second while anything moves, whether somebody tampers with it.

    A camera that starts covered or turned away cannot be known: what it shows first is what it calls normal, and
    a view without texture from the start is only watched for glare.
    """

    def __init__(self, options: TamperOptions | None = None) -> None:
        self._options = options or TamperOptions()
        self._state = TamperState()
        self._forget()

    @property
    def state(self) -> TamperState:
        return self._state

    @property
    def suspicious(self) -> bool:
        """Something is amiss or was told: look twice a second even if nothing moves."""
        return self._since_s is not None

    def accept(self) -> None:
        """A person says that the view is as it should be: it is learned anew."""
        self._state = TamperState()
        self._forget()

    def observe(self, image: Image, tick_s: float, *, cut: bool) -> TamperState:
        """`image` RGB uint8 HxWx3, masks burned in black. `cut`: the picture does not continue the one before."""
        if not self._options.enabled:
            return self._state
        seen = glance(image)
        if not self._judge.fits(seen):
            self.accept()
        self._follow(self._judge.judge(seen, tick_s, cut=cut, calm=self._since_s is None), tick_s)
        return self._state

    def _forget(self) -> None:
        self._judge = ViewJudge()
        self._since_s: float | None = None
        self._normal_s: float | None = None
        self._votes: Counter[str] = Counter()
        self._extent = 0.0
        self._pictures = 0

    def _follow(self, judged: Judged, tick_s: float) -> None:
        if judged.kind is None or (judged.black and self._options.dark_after_s is None):
            self._pass(tick_s)
            return
        self._normal_s = None
        if self._since_s is None:
            self._since_s, self._extent, self._pictures = tick_s, 0.0, 0
            self._votes.clear()
        self._votes[judged.kind] += 1
        self._pictures += 1
        self._extent += (judged.extent - self._extent) / self._pictures
        if (
            self._state.kind is None
            and self._pictures >= _PICTURES
            and tick_s - self._since_s >= self._needed_s(judged)
        ):
            kind = self._votes.most_common(1)[0][0]
            self._state = TamperState(kind, self._since_s, round(min(0.99, 0.5 + self._extent / 2), 3))
        if self._state.kind == MOVED and tick_s - self._since_s >= self._options.accept_s:
            self.accept()

    def _needed_s(self, judged: Judged) -> float:
        return (self._options.dark_after_s if judged.black else None) or self._options.after_s

    def _pass(self, tick_s: float) -> None:
        """The view is there, or at least nothing can be said against it."""
        if self._since_s is None:
            return
        if self._normal_s is None:
            self._normal_s = tick_s
        if tick_s - self._normal_s >= _BACK_S:
            self._since_s = self._normal_s = None
            if self._state.kind is not None:
                self._state = TamperState(None, tick_s)
