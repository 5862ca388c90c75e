"""Owns what one picture says of a camera's view: as usual, hidden, painted over, blinded, out of focus, another one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .glance import Array, Edges, Glance, alike, blurred_alike, edges, shift_between, shifted
from .usual_view import ANCHOR, FEWEST, HELD, UsualView

COVERED, SPRAYED, BLINDED, DEFOCUSED, MOVED = "covered", "sprayed", "blinded", "defocused", "moved"

_RECENT_S = 1.5
"""Pictures are averaged over this long to find edges in the noise of the dark and behind rain."""
_CHANGE = 2.5
"""Levels by which half of the picture differs from that average: another picture, to be looked at alone."""
_HIDDEN = 0.1
"""How much slower is learned while something hides a part of the view, or does away with it bit by bit."""
_FAINT = 0.2
"""… if it has this share of the edges that the light lets expect."""
_SEEN, _GONE = 0.45, 0.18
"""Share of the anchors from which on the view is there, and below which it is not."""
_USUAL = 0.02
"""How much of each picture goes into what is usually recognised."""
_OTHER = 0.3
"""Less than this is kept by a view with nothing in common; somebody before the lens leaves more at the sides."""
_WHOLE = 0.75
"""Share of the usual anchors with which nothing is wrong."""
_BETTER, _CLEAR = 0.15, 0.1
"""What must be gained by looking elsewhere, in shares of the anchors, and how clear the shift must be: a view with
level lines looks much the same when the camera is turned sideways."""
_FLAT = 0.45
"""A block with less than this share of its edges has lost its texture."""
_MOSTLY = 0.6
_THINLY = 0.7
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
_SHAKE_PX, _MOVED_PX = 3, 4
"""Of 104: what the wind does to a pole, and what is another direction."""
_COLOUR, _GREY = 8.0, 2.5
_STILL_S, _STILL = 2.0, 0.6
"""Another view is one that stays the same for so long, in this share of its blocks."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Of one picture. `kept` is the share of the anchors that are recognised, None where there are too few.

    `black`: it is called covered for being black all at once, and nothing more is known.
    """

    kind: str | None
    extent: float
    kept: float | None
    black: bool = False


class ViewJudge:
    """One camera's view, picture by picture; it learns what `learn` is called with."""

    def __init__(self) -> None:
        self._references: dict[bool, UsualView] = {}
        self._grey = False
        self._recent: Array | None = None
        self._last_s = 0.0
        self._usual_light = 0.0
        self._usual_kept = 1.0
        self._seen = 0
        self._whole_s = 0.0
        self._lost_s: float | None = None
        self._fall_s = 0.0
        self._dusk = False
        self._standing: tuple[Edges, float] | None = None

    def fits(self, seen: Glance) -> bool:
        """Whether the picture has the shape of those before."""
        return self._recent is None or self._recent.shape == seen.luma.shape

    def judge(self, seen: Glance, tick_s: float, *, cut: bool, calm: bool) -> Judged:
        """`calm`: nothing was amiss in the picture before."""
        self._average(seen, tick_s, cut=cut)
        judged = self._judge(seen, tick_s, calm)
        if judged.kind is None and calm and not self._dusk:
            self._learn(seen, tick_s, judged.kept)
        self._last_s = tick_s
        return judged

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
            self._references[grey] = UsualView(seen, tick_s)
        else:
            whole = kept is None or kept > _WHOLE * self._usual_kept
            reference.learn(seen, np.maximum(self._held, 0), tick_s, 1.0 if whole else _HIDDEN)

    def _judge(self, seen: Glance, tick_s: float, calm: bool) -> Judged:
        known = {grey: one for grey, one in self._references.items() if one.known}
        self._held = np.ones(seen.fine.shape, np.float32)
        self._light = seen.light
        if not known:
            return Judged(None, 0.0, None)
        reference = known.get(seen.colour < _GREY) or next(iter(known.values()))
        anchors = reference.anchors()
        if np.count_nonzero(anchors) < FEWEST:
            glare = seen.saturated - reference.saturated
            return Judged(BLINDED if glare > 2 * _GLARE else None, glare, None)
        now = edges(seen.luma)
        kept = self._recognise(reference, now, anchors)
        if kept < _SEEN:
            now = edges(self._recent)  # type: ignore[arg-type]
            kept = max(kept, self._recognise(reference, now, anchors))
            for other in known.values():
                if other is not reference or (seen.colour < _GREY) not in known:
                    found = alike(other.edges, now, inverted=True)[other.anchors()]
                    kept = max(kept, float((found > HELD).mean()) if found.size >= FEWEST else 0.0)
        self._remember_fall(kept, tick_s, calm)
        if seen.saturated - reference.saturated > (_GLARE if kept < _SEEN else 2 * _GLARE):
            return Judged(BLINDED, seen.saturated, kept)
        if kept >= _SEEN:
            self._dusk = False
            self._standing = None
            if kept < _WHOLE * self._usual_kept and self._displaced(reference, now) > kept + _BETTER:
                return Judged(MOVED, 1 - kept, kept)
            soft = self._defocus(seen, now, reference, anchors, kept)
            if soft.kind is None and self._painted(seen, reference, now, anchors, kept):
                blurred = blurred_alike(reference.luma, seen.luma, ~reference.masked) > _BLURRED
                return Judged(DEFOCUSED if blurred else SPRAYED, 1 - kept, kept)
            return soft
        if seen.light < _DARK:
            if calm and (self._usual_light < _DARK or seen.light > _SUDDEN * self._usual_light):
                self._dusk = True
            return Judged(None if self._dusk else COVERED, 1 - kept, kept, black=not self._dusk)
        return self._lost(seen, reference, now, anchors, kept, tick_s)

    def _recognise(self, reference: UsualView, now: Edges, anchors: NDArray[np.bool_]) -> float:
        held = self._alike(reference, reference.edges, now)
        kept = float((held[anchors] > HELD).mean())
        self._held = held
        if kept < _SEEN:
            x, y, _ = shift_between(reference.edges, now)
            if 0 < max(abs(x), abs(y)) <= _SHAKE_PX:
                held = self._alike(reference, shifted(reference.edges, x, y), now)
                shaken = float((held[anchors] > HELD).mean())
                if shaken > kept:
                    self._held = held
                    return shaken
        return kept

    def _alike(self, reference: UsualView, usual: Edges, now: Edges) -> Array:
        expected = min(1.0, self._light / max(reference.light, 1.0)) * usual.energy
        return np.where(now.energy > _FAINT * expected, alike(usual, now), np.float32(0))

    def _remember_fall(self, kept: float, tick_s: float, calm: bool) -> None:
        """Over how many seconds the view was lost, from the last whole picture to the first without it."""
        if kept >= _SEEN and calm:
            self._seen += 1
            self._usual_kept += max(1 / self._seen, _USUAL) * (kept - self._usual_kept)
        if kept > _WHOLE * self._usual_kept:
            self._whole_s = tick_s
            self._lost_s = None
        elif kept < _GONE and self._lost_s is None:
            self._lost_s = tick_s
        self._fall_s = (self._lost_s if self._lost_s is not None else tick_s) - self._whole_s

    def _painted(self, seen: Glance, reference: UsualView, now: Edges, anchors: NDArray[np.bool_], kept: float) -> bool:
        """Much of the view is without its edges within a minute though there is light: paint that leaves gaps."""
        if kept > _WHOLE * self._usual_kept or self._fall_s > _WEATHER_S or seen.light < _LIT * reference.light:
            return False
        return float((now.energy < _FLAT * reference.edges.energy)[anchors].mean()) > _THINLY

    def _defocus(
        self, seen: Glance, now: Edges, reference: UsualView, anchors: NDArray[np.bool_], kept: float
    ) -> Judged:
        """Fine detail against coarse edges in what is recognised: neither light nor a veil changes their ratio."""
        seen_here = anchors & (self._held > HELD) & (reference.fine > _DETAIL)
        lit = seen.light / max(reference.light, 1.0)
        if seen.light < _DARK or not _LIT < lit < 1 / _LIT or np.count_nonzero(seen_here) < FEWEST:
            return Judged(None, 0.0, kept)
        fine = seen.fine / np.maximum(reference.fine, _DETAIL)
        coarse = np.minimum(now.energy / reference.edges.energy, 1.0)
        sharp = float(np.median((fine / np.maximum(coarse, 0.05))[seen_here]))
        return Judged(DEFOCUSED if sharp < _SHARP else None, 1 - sharp, kept)

    def _lost(
        self,
        seen: Glance,
        reference: UsualView,
        now: Edges,
        anchors: NDArray[np.bool_],
        kept: float,
        tick_s: float,
    ) -> Judged:
        flat = float((now.energy < _FLAT * reference.edges.energy)[anchors].mean())
        if flat >= _FLAT and blurred_alike(reference.luma, seen.luma, ~reference.masked) > _BLURRED:
            return Judged(DEFOCUSED, flat, kept)
        if flat >= _MOSTLY and self._fall_s > _WEATHER_S:
            return Judged(None, 0.0, kept)
        other = float(((now.energy > 2 * ANCHOR) & (self._held < HELD) & ~reference.masked).mean())
        if flat >= _MOSTLY and (other < _NEW or kept >= _OTHER):
            quick = kept < _GONE and self._fall_s <= _QUICK_S
            return Judged(COVERED if quick else SPRAYED, 1 - kept, kept)
        return self._elsewhere(seen, reference, now, kept, tick_s)

    def _elsewhere(self, seen: Glance, reference: UsualView, now: Edges, kept: float, tick_s: float) -> Judged:
        """A view with texture that is not the camera's own: another one when it stands still."""
        if self._other_light(seen):
            return Judged(None, 0.0, kept)
        if self._displaced(reference, now) > _SEEN:
            return Judged(MOVED, 1 - kept, kept)
        textured = now.energy > ANCHOR
        if self._standing is None:
            self._standing = (now, tick_s)
            return Judged(None, 0.0, kept)
        before, since_s = self._standing
        same = float((alike(before, now)[textured] > HELD).mean()) if textured.any() else 0.0
        if same < _STILL:
            self._standing = (now, tick_s)
            return Judged(None, 0.0, kept)
        stood = kept < _OTHER and tick_s - since_s >= _STILL_S
        return Judged(MOVED if stood else None, 1 - kept, kept)

    @staticmethod
    def _displaced(reference: UsualView, now: Edges) -> float:
        """How much of the view is recognised when the whole of it is looked for at another place."""
        x, y, clear = shift_between(reference.edges, now)
        if max(abs(x), abs(y)) < _MOVED_PX or clear < _CLEAR:
            return 0.0
        there = shifted(reference.edges, x, y)
        found = there.energy > ANCHOR
        if np.count_nonzero(found) < FEWEST:
            return 0.0
        return float((alike(there, now)[found] > HELD).mean())

    def _other_light(self, seen: Glance) -> bool:
        """The first infrared night, or the first day: what it shows cannot be compared, and is learned."""
        grey = seen.colour < _GREY
        other = self._references.get(grey)
        return (grey != self._grey and seen.colour < _GREY) or (
            seen.colour > _COLOUR and (other is None or not other.known)
        )
