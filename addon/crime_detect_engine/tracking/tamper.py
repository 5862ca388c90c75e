"""Owns the watch over the camera itself: covered, sprayed, blinded, defocused or moved.

The edges of the picture are compared with those that this camera normally shows. A lamp, the exposure, dusk or rain
change the light and leave the edges; a hand takes them all at once, paint takes them one by one, a lens out of focus
takes the fine ones first, and a turned camera brings others. A frozen picture is told by the capture thread.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import voluptuous as vol
from numpy.typing import NDArray

from crime_detect_engine.domain.types import Image
from crime_detect_engine.domain.units import parse_duration

from .glance import Array, Edges, Glance, alike, blurred_alike, edges, glance, shift_between, shifted

COVERED, SPRAYED, BLINDED, DEFOCUSED, MOVED = "covered", "sprayed", "blinded", "defocused", "moved"
KINDS = (COVERED, SPRAYED, BLINDED, DEFOCUSED, MOVED)

_LEARN_S, _LEARN_PICTURES = 10.0, 4
"""Before this much of it was seen, nothing is said of a view."""
_SLOW_S = 300.0
"""Time constant of the reference: the sun's shadows are followed, a hand is not."""
_RECENT_S = 1.5
"""Pictures are averaged over this long to find edges in the noise of the dark and behind rain."""
_CHANGE = 2.5
"""Levels by which half of the picture differs from that average: another picture, to be looked at alone."""
_HIDDEN = 0.1
"""How much slower is learned while something hides a part of the view, or does away with it bit by bit."""
_ANCHOR = 1.0
"""Gradient in levels a pixel that a block must have, on average, to be held on to."""
_FEWEST = 8
"""With fewer such blocks the view has nothing to recognise it by."""
_HELD = 0.35
"""A block that correlates so well with the reference shows the same thing."""
_FAINT = 0.2
"""… if it has this share of the edges that the light lets expect."""
_SEEN, _GONE = 0.45, 0.18
"""Share of the anchors from which on the view is there, and below which it is not."""
_FLAT = 0.45
"""A block with less than this share of its edges has lost its texture."""
_MOSTLY = 0.6
_BLURRED = 0.92
"""Correlation of two views as far out of focus, when they are the same."""
_GLARE = 0.3
"""More of the picture saturated than normally."""
_DARK = 22.0
_SUDDEN = 0.5
"""Dark is sudden when this share of the light of the last seconds is gone; dusk takes minutes."""
_SHARP = 0.42
"""Share of its fine detail that a lens keeps while it is in focus."""
_DETAIL, _LIT = 0.8, 0.4
"""Levels of fine detail that can be measured, and the share of the usual light: in the dark it drowns in noise."""
_NEW = 0.08
"""Share of the blocks with edges that are not the view's own: there is another view, no hand and no paint."""
_QUICK_S = 1.6
"""A hand or a cloth covers within this; paint takes longer."""
_WEATHER_S = 60.0
"""What hides the view more slowly than this is fog or snow."""
_SHAKE_PX, _MOVED_PX = 2, 3
"""Of 104: what the wind does to a pole, and what is another direction."""
_COLOUR, _GREY = 8.0, 2.5
_BACK_S = 2.0
"""The view must have been there for so long before all is well again."""
_STILL = 0.6


@dataclass(frozen=True, slots=True)
class TamperOptions:
    """`after_s`: how long the view must be lost. `dark_after_s`: the same for a picture that went black at once,
    which is a lamp switched off more often than a bag. `accept_s`: what a turned camera shows becomes normal."""

    enabled: bool = True
    after_s: float = 5.0
    dark_after_s: float = 20.0
    accept_s: float = 600.0


def _within(low_s: float, high_s: float, words: str) -> Any:
    def check(value: object) -> float:
        try:
            seconds = parse_duration(value)
        except ValueError:
            seconds = -1.0
        if not low_s <= seconds <= high_s:
            raise vol.Invalid(f"expected a duration {words}")
        return seconds

    return check


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def _options(value: dict[str, Any]) -> TamperOptions:
    names = {"after": "after_s", "dark_after": "dark_after_s", "accept_after": "accept_s"}
    return TamperOptions(**{names.get(key, key): part for key, part in value.items() if part is not None})


SCHEMA = vol.All(
    vol.Schema(
        {
            "enabled": vol.Maybe(_flag),
            "after": vol.Maybe(_within(2, 300, "from 2s to 5min")),
            "dark_after": vol.Maybe(_within(2, 3600, "from 2s to 1h")),
            "accept_after": vol.Maybe(_within(30, 7 * 86400, "from 30s to 7d")),
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


class _Reference:
    """What the camera shows by one kind of light, day or infrared, averaged over minutes."""

    def __init__(self, seen: Glance, tick_s: float) -> None:
        self.luma = seen.luma.copy()
        self.fine = seen.fine.copy()
        self.light = seen.light
        self.saturated = seen.saturated
        self.masked = seen.masked.copy()
        self.steady = np.ones(seen.fine.shape, np.float32)
        """How well each block has been recognised: leaves and traffic are not to be held on to."""
        self.edges = edges(self.luma)
        self._since_s = self._last_s = tick_s
        self._pictures = 1

    @property
    def known(self) -> bool:
        return self._pictures >= _LEARN_PICTURES and self._last_s - self._since_s >= _LEARN_S

    def learn(self, seen: Glance, held: Array, tick_s: float, speed: float) -> None:
        passed_s = speed * min(max(tick_s - self._last_s, 0.0), 10.0)
        memory_s = min(max(tick_s - self._since_s, 2.0), _SLOW_S)
        share = np.float32(max(1 - np.exp(-passed_s / memory_s), 1 / (self._pictures + 1) if not self.known else 0.0))
        self.luma += share * (seen.luma - self.luma)
        self.fine += share * (seen.fine - self.fine)
        self.steady += share * (held - self.steady)
        self.light += float(share) * (seen.light - self.light)
        self.saturated += float(share) * (seen.saturated - self.saturated)
        self.masked &= seen.masked
        self.edges = edges(self.luma)
        self._last_s = tick_s
        self._pictures += 1

    def anchors(self) -> NDArray[np.bool_]:
        """Blocks to recognise the view by. The first and last rows carry the camera's own clock and name, which stay
        whatever is done to the lens: they count only where there is nothing else."""
        found = (self.edges.energy > _ANCHOR) & (self.steady > _HELD) & ~self.masked
        inner = found.copy()
        inner[[0, -1]] = False
        return inner if np.count_nonzero(inner) >= _FEWEST else found


@dataclass(frozen=True, slots=True)
class _Judged:
    """Of one picture. `kept` is the share of the anchors that are recognised, None where there are too few."""

    kind: str | None
    extent: float
    kept: float | None


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
        if self._recent is not None and self._recent.shape != seen.luma.shape:
            self.accept()
        self._average(seen, tick_s, cut=cut)
        judged = self._judge(seen, tick_s)
        self._follow(judged, tick_s)
        if self._state.kind is None and judged.kind is None and not self._dusk:
            self._learn(seen, tick_s, judged.kept)
        self._last_s = tick_s
        return self._state

    def _forget(self) -> None:
        self._references: dict[bool, _Reference] = {}
        self._grey = False
        self._recent: Array | None = None
        self._last_s = 0.0
        self._usual_light = 0.0
        self._usual_kept = 1.0
        self._whole_s = 0.0
        self._lost_s: float | None = None
        self._fall_s = 0.0
        self._dusk = False
        self._standing: tuple[Edges, float] | None = None
        self._since_s: float | None = None
        self._normal_s: float | None = None
        self._votes: Counter[str] = Counter()
        self._extent = 0.0
        self._pictures = 0

    def _average(self, seen: Glance, tick_s: float, *, cut: bool) -> None:
        passed_s = tick_s - self._last_s
        recent = self._recent
        if cut or recent is None or float(np.median(np.abs(seen.luma - recent))) > _CHANGE:
            self._recent = seen.luma.copy()
        else:
            recent += np.float32(1 - np.exp(-max(passed_s, 0.0) / _RECENT_S)) * (seen.luma - recent)
        if not self._references:
            self._usual_light = seen.light
            self._grey = seen.colour < _GREY

    def _learn(self, seen: Glance, tick_s: float, kept: float | None) -> None:
        self._usual_light += (1 - np.exp(-(tick_s - self._last_s) / 20.0)) * (seen.light - self._usual_light)
        grey = seen.colour < _GREY or (self._grey and seen.colour < _COLOUR)
        self._grey = grey
        reference = self._references.get(grey)
        if reference is None:
            self._references[grey] = _Reference(seen, tick_s)
        else:
            whole = kept is None or kept > 0.8 * self._usual_kept
            reference.learn(seen, np.maximum(self._held, 0), tick_s, 1.0 if whole else _HIDDEN)

    # --- one picture ----------------------------------------------------------------------------------------------

    def _judge(self, seen: Glance, tick_s: float) -> _Judged:
        known = {grey: one for grey, one in self._references.items() if one.known}
        self._held = np.ones(seen.fine.shape, np.float32)
        self._light = seen.light
        if not known:
            return _Judged(None, 0.0, None)
        reference = known.get(seen.colour < _GREY) or next(iter(known.values()))
        anchors = reference.anchors()
        if np.count_nonzero(anchors) < _FEWEST:
            glare = seen.saturated - reference.saturated
            return _Judged(BLINDED if glare > 2 * _GLARE else None, glare, None)
        now = edges(seen.luma)
        kept, shake = self._recognise(reference, now, anchors)
        if kept < _SEEN:
            now = edges(self._recent)  # type: ignore[arg-type]
            kept, shake = max(((kept, shake), self._recognise(reference, now, anchors)), key=lambda one: one[0])
            for other in known.values():
                if other is not reference or (seen.colour < _GREY) not in known:
                    kept = max(kept, float((alike(other.edges, now, inverted=True)[other.anchors()] > _HELD).mean()))
        self._remember_fall(kept, tick_s)
        if seen.saturated - reference.saturated > (_GLARE if kept < _SEEN else 2 * _GLARE):
            return _Judged(BLINDED, seen.saturated, kept)
        if kept >= _SEEN:
            self._dusk = False
            self._standing = None
            return self._defocus(seen, now, reference, anchors, kept)
        return self._lost(seen, reference, now, anchors, kept, tick_s)

    def _recognise(self, reference: _Reference, now: Edges, anchors: NDArray[np.bool_]) -> tuple[float, bool]:
        held = self._alike(reference, reference.edges, now)
        kept = float((held[anchors] > _HELD).mean())
        self._held = held
        if kept < _SEEN:
            x, y, _ = shift_between(reference.edges, now)
            if 0 < max(abs(x), abs(y)) <= _SHAKE_PX:
                held = self._alike(reference, shifted(reference.edges, x, y), now)
                shaken = float((held[anchors] > _HELD).mean())
                if shaken > kept:
                    self._held = held
                    return shaken, True
        return kept, False

    def _alike(self, reference: _Reference, usual: Edges, now: Edges) -> Array:
        expected = min(1.0, self._light / max(reference.light, 1.0)) * usual.energy
        return np.where(now.energy > _FAINT * expected, alike(usual, now), np.float32(0))

    def _remember_fall(self, kept: float, tick_s: float) -> None:
        """Over how many seconds the view was lost, from the last whole picture to the first without it."""
        if kept >= _SEEN and self._state.kind is None:
            self._usual_kept += 0.1 * (kept - self._usual_kept)
        if kept > 0.75 * self._usual_kept:
            self._whole_s = tick_s
            self._lost_s = None
        elif kept < _GONE and self._lost_s is None:
            self._lost_s = tick_s
        self._fall_s = (self._lost_s if self._lost_s is not None else tick_s) - self._whole_s

    def _defocus(
        self, seen: Glance, now: Edges, reference: _Reference, anchors: NDArray[np.bool_], kept: float
    ) -> _Judged:
        """Fine detail against coarse edges in what is recognised: neither light nor a veil changes their ratio."""
        seen_here = anchors & (self._held > _HELD) & (reference.fine > _DETAIL)
        lit = seen.light / max(reference.light, 1.0)
        if not _LIT < lit < 1 / _LIT or np.count_nonzero(seen_here) < _FEWEST:
            return _Judged(None, 0.0, kept)
        fine = seen.fine / np.maximum(reference.fine, _DETAIL)
        coarse = np.minimum(now.energy / reference.edges.energy, 1.0)
        sharp = float(np.median((fine / np.maximum(coarse, 0.05))[seen_here]))
        return _Judged(DEFOCUSED if sharp < _SHARP else None, 1 - sharp, kept)

    def _lost(
        self,
        seen: Glance,
        reference: _Reference,
        now: Edges,
        anchors: NDArray[np.bool_],
        kept: float,
        tick_s: float,
    ) -> _Judged:
        if seen.light < _DARK:
            if self._since_s is None and seen.light > _SUDDEN * self._usual_light:
                self._dusk = True
            return _Judged(None if self._dusk else COVERED, 1 - kept, kept)
        flat = float((now.energy < _FLAT * reference.edges.energy)[anchors].mean())
        if flat >= _FLAT and blurred_alike(reference.luma, seen.luma, ~reference.masked) > _BLURRED:
            return _Judged(DEFOCUSED, flat, kept)
        if flat >= _MOSTLY and self._fall_s > _WEATHER_S:
            return _Judged(None, 0.0, kept)
        other = float(((now.energy > 2 * _ANCHOR) & (self._held < _HELD) & ~reference.masked).mean())
        if flat >= _MOSTLY and other < _NEW:
            quick = kept < _GONE and self._fall_s <= _QUICK_S
            return _Judged(COVERED if quick else SPRAYED, 1 - kept, kept)
        return self._elsewhere(seen, reference, now, kept, tick_s)

    def _elsewhere(self, seen: Glance, reference: _Reference, now: Edges, kept: float, tick_s: float) -> _Judged:
        """A view with texture that is not the camera's own: another one when it stands still."""
        if self._other_light(seen):
            return _Judged(None, 0.0, kept)
        x, y, clear = shift_between(reference.edges, now)
        if max(abs(x), abs(y)) >= _MOVED_PX and clear > 0.1:
            there = alike(shifted(reference.edges, x, y), now)
            found = shifted(reference.edges, x, y).energy > _ANCHOR
            if np.count_nonzero(found) >= _FEWEST and (there[found] > _HELD).mean() > _SEEN:
                return _Judged(MOVED, 1 - kept, kept)
        textured = now.energy > _ANCHOR
        if self._standing is None:
            self._standing = (now, tick_s)
            return _Judged(None, 0.0, kept)
        before, since_s = self._standing
        same = float((alike(before, now)[textured] > _HELD).mean()) if textured.any() else 0.0
        if same < _STILL:
            self._standing = (now, tick_s)
            return _Judged(None, 0.0, kept)
        stood = kept < _SEEN and tick_s - since_s >= _BACK_S
        return _Judged(MOVED if stood else None, 1 - kept, kept)

    def _other_light(self, seen: Glance) -> bool:
        """The first infrared night, or the first day: what it shows cannot be compared, and is learned."""
        grey = seen.colour < _GREY
        other = self._references.get(grey)
        return (grey != self._grey and seen.colour < _GREY) or (
            seen.colour > _COLOUR and (other is None or not other.known)
        )

    # --- over time ------------------------------------------------------------------------------------------------

    def _follow(self, judged: _Judged, tick_s: float) -> None:
        if judged.kind is None:
            self._pass(tick_s)
            return
        self._normal_s = None
        if self._since_s is None:
            self._since_s, self._extent, self._pictures = tick_s, 0.0, 0
            self._votes.clear()
        self._votes[judged.kind] += 1
        self._pictures += 1
        self._extent += (judged.extent - self._extent) / self._pictures
        if self._state.kind is None and tick_s - self._since_s >= self._needed_s() and self._pictures >= 3:
            kind = self._votes.most_common(1)[0][0]
            self._state = TamperState(kind, self._since_s, round(min(0.99, 0.5 + self._extent / 2), 3))
        if self._state.kind == MOVED and tick_s - self._since_s >= self._options.accept_s:
            self.accept()

    def _needed_s(self) -> float:
        dark = self._recent is not None and float(self._recent.mean()) < _DARK
        return self._options.dark_after_s if dark else self._options.after_s

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
