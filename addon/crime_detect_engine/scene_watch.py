"""Owns who and what is in view of one camera: its looks, tracks, rules of zones and lines, tamper, and what weighs.

capture thread: `look(frame)`; event loop: everything else. `see` takes what a detector found, `take_scene` what another
system (Frigate) says; both answer which judges have a new score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from .beside import carried, identities, plate, told_of
from .config import CameraConfig
from .config.settings import DetectorOptions
from .decision.fusion import Facts, FusionOptions, fuse
from .decision.patterns import ACTS, PatternOptions, PatternState, lingered, observe, raised
from .domain.scene import CARRIED, PERSON, VEHICLES, Box, Detection, Look, Observer, Scene, TrackedObject, box_json
from .domain.types import Alert, Frame, Grounds, Image, ModelRef, Reason, Region, Rules, Score
from .places_watch import PlacesWatch
from .rule_judge import Beside, RuleJudge, RuleJudges
from .tracking.appearance import appearance
from .tracking.flow import median_motion
from .tracking.foreground import Foreground, share
from .tracking.leftovers import LeftoverOptions, StaticObject, StaticObjects
from .tracking.rules import Finding
from .tracking.tamper import TamperOptions, TamperState, TamperWatch
from .tracking.tracker import Tracker, TrackerOptions

NOBODY_LOOKS: Mapping[str, Any] = {"tampered": False, "tamper": None, "persons": None, "objects": {}, "zones": {}}
"""Of a camera's state: `persons` is null where nobody looks, `objects` counts by label, `zones` by zone."""
LOOK_SIZE, TAMPER_SIZE = 384, 208
"""Tamper reads details at this size and no finer; the scaler makes it for less than shrinking the larger one costs."""
STILL_LOOK_S = 5.0
"""How often a picture is looked at in which nothing moves: what was found there may have been wrong."""
STALE_S = 4.0
"""What was seen longer ago says nothing about now."""


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """What holds for all cameras."""

    detector: DetectorOptions = field(default_factory=DetectorOptions)
    fusion: FusionOptions = field(default_factory=FusionOptions)
    patterns: PatternOptions = field(default_factory=PatternOptions)


class SceneWatch:
    """One camera."""

    def __init__(
        self, camera: CameraConfig, options: SceneOptions, zone: ZoneInfo, observer: Observer | None = None
    ) -> None:
        """`observer` is asked instead of a detector where `detector` is auto."""
        self._options = options
        self._observer = observer
        found = options.detector
        self._tracker = Tracker(TrackerOptions(confidence=found.confidence, weak=min(0.15, found.confidence)))
        self._judges = RuleJudges(found)
        self._scene: Scene | None = None
        self._detections: Sequence[Detection] = ()
        self._before: Image | None = None
        self._sighted = False
        """The last picture that was worth a look was looked at."""
        self._region = Region()
        self._pattern = PatternState()
        self._looking_since_s: float | None = None
        self._person_s: float | None = None
        self._reasons: tuple[Reason, ...] = ()
        self._due_s = float("-inf")
        self._image_due_s = float("-inf")
        self._places = PlacesWatch(zone)
        self._foreground = Foreground()
        self._tamper: TamperWatch | None = None
        self._tamper_options: TamperOptions | None = None
        self._shown = TamperState()
        self._things: StaticObjects | None = None
        self._things_options: LeftoverOptions | None = None
        self._left: tuple[StaticObject, ...] = ()
        self._covered: tuple[Box, ...] = ()
        self._was_observed: bool | None = None
        self._busy = True
        """False while nothing is followed: trees and rain are looked at half as often."""
        self.counts = {"detected": 0, "still": 0, "blind": 0}
        """Looks at which the detector ran, at which nothing had moved, and at which it could not be had."""
        self.configure(camera)

    # --- set-up ------------------------------------------------------------------------------------------------

    def configure(self, camera: CameraConfig) -> list[RuleJudge]:
        """Puts changed zones, lines and rules in force; returns judges that have nothing to judge any more.

        Who is in a zone that stays as it was goes on being in it.
        """
        self.camera = camera
        names = self._places.configure(camera)
        self._followed = frozenset({PERSON, *VEHICLES, *self._places.objects})
        if camera.tamper != self._tamper_options:
            self._tamper = TamperWatch(camera.tamper) if camera.tamper.enabled else None
            self._tamper_options, self._shown = camera.tamper, TamperState()
        if self._places.leftovers != self._things_options:
            self._things_options = self._places.leftovers
            self._things = StaticObjects(self._things_options) if self._things_options else None
            self._left = ()
        if self._was_observed not in (None, self._observed):  # who is followed has other ids now
            self._tracker.clear()
            self._scene = None
        self._was_observed = self._observed
        return self._judges.configure(camera.rules, {None, *names})

    @property
    def wants_detector(self) -> bool:
        return self.camera.looks and not self._observed

    @property
    def _observed(self) -> bool:
        return self._observer is not None and self.camera.detector == "auto"

    @property
    def judges(self) -> tuple[RuleJudge, ...]:
        return self._judges.all

    @property
    def scene(self) -> Scene | None:
        """What was in view at the last look."""
        return self._scene

    def clear(self) -> None:
        """Privacy: what was in view is forgotten."""
        self._tracker.clear()
        self._scene, self._detections, self._looking_since_s, self._before = None, (), None, None
        self._shown, self._left, self._covered, self._sighted = TamperState(), (), (), False
        self._places.forget()
        self._judges.clear()

    # --- capture thread ----------------------------------------------------------------------------------------

    def look(self, frame: Frame) -> Look | None:
        """The look that is due with this frame, with a picture where one is worth converting."""
        if not (self.camera.looks or self._tamper) or frame.tick_s < self._due_s:
            return None
        suspicious = self._tamper is not None and self._tamper.suspicious
        pace_s = 1.0 / self._options.detector.rate
        self._due_s = max(frame.tick_s, self._due_s) + (pace_s if self._busy or suspicious else 2 * pace_s) - 0.02
        image = mask = None
        urgent = frame.moving or suspicious
        if urgent or frame.cut or frame.tick_s >= self._image_due_s:
            self._image_due_s = frame.tick_s + STILL_LOOK_S
            if self._tamper is not None:
                view = small(frame, TAMPER_SIZE)
                self._shown = self._tamper.observe(view, frame.tick_s, cut=frame.cut)
            if self.wants_detector or self._things is not None:
                image = small(frame, LOOK_SIZE)
            if image is not None and self.wants_detector:
                mask = self._foreground.observe(image, cut=frame.cut)
            if image is not None and self._things is not None:
                self._left = self._things.observe(image, frame.tick_s, cut=frame.cut, covered=self._covered)
        return Look(frame.camera, frame.at, frame.tick_s, image, frame.picture, frame.region, mask)

    # --- event loop --------------------------------------------------------------------------------------------

    def see(self, look: Look, detections: Sequence[Detection] | None) -> list[tuple[RuleJudge, Score]]:
        """Takes a look with what was found in it; None: nobody looked for things."""
        self._region = look.region
        found = self._tampering(look)
        if not self.camera.looks:
            return found
        if self._observer is not None and self._observed:
            told = self._observer.scene(look.camera, look.at, look.tick_s)
            if told is None:
                return found  # nor is it known while the observer does not say
            self._detections = [Detection(one.label, one.confidence, one.box) for one in told.objects]
            return found + self.take_scene(told, look)
        self.counts["still" if look.image is None else "blind" if detections is None else "detected"] += 1
        if look.image is not None:
            self._sighted = detections is not None
        if not self._sighted:
            return found  # the detector is away: what is in view is not known, nor is it while nothing moves after that
        if look.image is None or detections is None:
            self._tracker.hold(look.tick_s)
        else:
            self._detections = detections
            followed = [one for one in detections if one.label in self._followed]
            aspect, mask = look.picture.width / max(1, look.picture.height), look.foreground
            stirred = (lambda _: 0.0) if mask is None else partial(share, mask)
            before, self._before = self._before, look.image
            same = before is not None and before.shape == look.image.shape
            flow = partial(median_motion, before, look.image) if before is not None and same else None
            self._tracker.update(followed, look.tick_s, aspect, stirred, partial(appearance, look.image), flow)
            # An incident ends by looks that do not confirm it: these come at the full pace, too.
            self._busy = self._tracker.busy or any(judge.state.open_incidents for judge in self._judges.all)
        scene = Scene(look.camera, look.at, look.tick_s, self._tracker.objects())
        return found + self.take_scene(scene, look)

    def take_scene(self, scene: Scene, look: Look) -> list[tuple[RuleJudge, Score]]:
        """Steps every rule with who is in view now."""
        gap = self._scene is None or scene.tick_s - self._scene.tick_s > STALE_S
        if gap:
            self._looking_since_s = scene.tick_s
            self._places.forget()
        self._scene = scene
        self._covered = tuple(one.box for one in scene.of(PERSON, *VEHICLES))
        people = scene.of(PERSON)
        if people:
            self._person_s = scene.tick_s
        self._pattern = observe(self._options.patterns, self._pattern, scene.tick_s, self._stays(people))
        return [
            judged for name, held in self._places.step(scene, self._left) for judged in self._judged(name, held, look)
        ]

    def weigh(self, score: Score) -> Score:
        """A score of the model with what is in view counted in, if the configuration wants that."""
        weighed, self._reasons = fuse(self._options.fusion, score, self._facts(score.tick_s))
        return weighed

    def rules_of(self, rules: Rules, label: str, tick_s: float, *, act: bool) -> Rules:
        """The rules for one score: graver where it is an act and somebody lingered before."""
        if act and lingered(self._options.patterns, self._pattern, tick_s) is not None:
            return raised(rules, label)
        return rules

    def grounds_of_model(self, alert: Alert, model: ModelRef) -> Grounds:
        """Persons in view, what they carry, and what weighed."""
        tick_s = alert.scores[-1].tick_s if alert.scores else None
        scene = self._scene
        if tick_s is not None and self._observer is not None and self._observed and not self.camera.looks:
            scene = self._observer.scene(alert.camera, alert.at, tick_s, needed=False)
        if scene is None or tick_s is None or tick_s - scene.tick_s > STALE_S:
            return Grounds(model=model, why=self._reasons, attributes=self._heard())
        people = scene.of(PERSON)
        return Grounds(
            model=model,
            boxes=tuple(box_json(one.label, one.confidence, one.box, one.id) for one in people),
            identities=identities(people),
            why=self._reasons,
            attributes=self._attributes(people, scene),
        )

    # --- how people see it -------------------------------------------------------------------------------------

    def view(self, now_tick_s: float) -> Mapping[str, Any]:
        """Of a camera's state."""
        tamper = {"tampered": self._shown.kind is not None, "tamper": self._shown.kind}
        scene = self._fresh(now_tick_s)
        if scene is None:
            return {**NOBODY_LOOKS, **tamper}
        counts = Counter(one.label for one in scene.objects)
        objects = dict(sorted(counts.items()))
        return {**tamper, "persons": counts[PERSON], "objects": objects, "zones": self._places.view()}

    def objects_json(self, now_tick_s: float) -> list[dict[str, Any]]:
        """Who and what is followed now, with boxes."""
        scene = self._fresh(now_tick_s)
        return [
            box_json(one.label, one.confidence, one.box, one.id)
            | {"dwell_s": round(one.dwell_s, 1), "speed": round(one.speed, 2), "zones": self._places.of(one)}
            | {"identity": one.identity}
            for one in (scene.objects if scene else ())
        ]

    def accept_view(self) -> None:
        """A person says that nobody tampers with the camera: what it shows now is normal."""
        if self._tamper is not None:
            self._tamper.accept()
            self._shown = TamperState()

    # -----------------------------------------------------------------------------------------------------------

    def _fresh(self, now_tick_s: float) -> Scene | None:
        scene = self._scene
        return scene if self.camera.looks and scene and now_tick_s - scene.tick_s <= STALE_S else None

    def _facts(self, tick_s: float) -> Facts:
        scene = self._fresh(tick_s)
        if scene is None or self._looking_since_s is None:
            return Facts(lingered=lingered(self._options.patterns, self._pattern, tick_s))
        people = scene.of(PERSON)
        # Another system may not look for persons at all: only one that ever told of one can say that nobody is there.
        return Facts(
            looked=self._person_s is not None or not self._observed,
            person_age_s=None if self._person_s is None else max(0.0, tick_s - self._person_s),
            looking_s=tick_s - self._looking_since_s,
            persons=len(people),
            in_region=sum(_within(one.box, self._region) for one in people),
            lingered=lingered(self._options.patterns, self._pattern, tick_s),
        )

    def _stays(self, people: Iterable[TrackedObject]) -> list[tuple[float, str | None]]:
        return [(one.dwell_s, next(iter(self._places.of(one)), None)) for one in people]

    def _tampering(self, look: Look) -> list[tuple[RuleJudge, Score]]:
        state, held = self._shown, []
        if state.kind is not None and self.camera.tamper.enabled:
            detail = f"for {look.tick_s - state.since_tick_s:.0f} s"
            held = [Finding("tampering", state.kind, state.confidence, detail=detail)]
        return self._judged(None, held, look)

    def _judged(self, place: str | None, held: Sequence[Finding], look: Look) -> list[tuple[RuleJudge, Score]]:
        return self._judges.take(place, held, look, self._beside)

    def _beside(self, finding: Finding, tick_s: float) -> Beside:
        before = lingered(self._options.patterns, self._pattern, tick_s) if finding.label in ACTS else None
        why = (Reason(finding.rule, 0.0, finding.detail), *((Reason("lingered", 0.0, before),) if before else ()))
        return Beside(why, identities(finding.objects), self._attributes(finding.objects, self._scene))

    def _attributes(self, people: Sequence[TrackedObject], scene: Scene | None) -> dict[str, Any]:
        """What was carried at this look, and what another system says of these people and of vehicles beside them."""
        found: Sequence[Detection] = self._detections if self._options.detector.carried else ()
        if self._observed and scene is not None:  # whoever lets Frigate follow knives wants to know of them
            found = [Detection(one.label, one.confidence, one.box) for one in scene.of(*CARRIED)]
        return {**self._heard(), **plate(scene), **told_of(people), **carried(found, people)}

    def _heard(self) -> dict[str, Any]:
        sounds = self._observer.sounds() if self._observer else ()
        return {"sounds": list(sounds)} if sounds else {}


def small(frame: Frame, size: int) -> Image:
    """The picture with its longer side at `size` pixels."""
    width, height = frame.picture.width, frame.picture.height
    return frame.picture.rgb(max(2, round(size * height / max(width, height) / 2) * 2))


def _within(box: Box, region: Region) -> bool:
    """Whether somebody's middle is where the model looks."""
    x, y = box.centre
    return region.left <= x <= region.left + region.side and region.top <= y <= region.top + region.side
