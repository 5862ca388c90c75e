"""Owns the decision on one rule at one place of a camera: a finding becomes scores, and scores an incident."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .config.settings import DetectorOptions
from .decision.state import PolicyState
from .domain.scene import Look, box_json
from .domain.types import NORMAL, Alert, Grounds, IncidentSource, Picture, Reason, Rules, Score
from .tracking.rules import Finding

RULES = "rules"
"""What stands in for a model's name in the scores of rules."""
WINDOW_S = 2.0
"""How much of the time before a finding its clip shows at least."""
TAMPER_THRESHOLD = 0.5
SETTLED_S = 2.5
"""An incident of a rule ends so long after the rule last held."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What is told with a finding."""

    why: tuple[Reason, ...] = ()
    identities: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class RuleJudge:
    """`place` is the zone's or line's name, None for the whole picture."""

    camera: str
    place: str | None
    label: str
    rules: Rules
    state: PolicyState = field(default_factory=PolicyState)
    score: Score | None = None
    finding: Finding | None = None
    beside: Beside = field(default_factory=Beside)
    picture: Picture | None = None

    @property
    def silent(self) -> bool:
        return False

    def scored(self, finding: Finding | None, at: datetime, tick_s: float) -> Score | None:
        """The score of this look; None while the rule neither holds nor has an incident to end."""
        if finding is None and not self.state.open_incidents:
            return None
        held = finding.confidence if finding else 0.0
        return Score(self.camera, at, tick_s, {NORMAL: 1.0 - held, self.label: held}, RULES, 0.0, WINDOW_S)

    def grounds(self, alert: Alert) -> Grounds:  # noqa: ARG002 - every judge's signature
        finding = self.finding
        return Grounds(
            source=IncidentSource.ZONE,
            zone=self.place,
            rule=finding.rule if finding else None,
            boxes=boxes_of(finding) if finding else (),
            identities=self.beside.identities,
            why=self.beside.why,
            attributes=self.beside.attributes,
            picture=self.picture,
            draw=True,
        )


class RuleJudges:
    """All rule judges of one camera; one comes into being with the first finding of its kind at its place."""

    def __init__(self, detector: DetectorOptions) -> None:
        self._detector = detector
        self._rules = Rules()
        self._judges: dict[tuple[str | None, str], RuleJudge] = {}

    @property
    def all(self) -> tuple[RuleJudge, ...]:
        return tuple(self._judges.values())

    def configure(self, rules: Rules, places: Set[str | None]) -> list[RuleJudge]:
        """Puts a camera's rules in force; returns the judges of places that are gone."""
        self._rules = rules
        for judge in self._judges.values():
            judge.rules = self._rules_of(judge.label)
        return [self._judges.pop(key) for key in list(self._judges) if key[0] not in places]

    def clear(self) -> None:
        """Forgets what was seen, not what was decided."""
        for judge in self._judges.values():
            judge.score = judge.picture = judge.finding = None

    def take(
        self,
        place: str | None,
        held: Sequence[Finding],
        look: Look,
        beside: Callable[[Finding, float], Beside],
    ) -> list[tuple[RuleJudge, Score]]:
        """The scores of this look at one place: of what holds, and of what an incident is open for."""
        by_label = {finding.label: finding for finding in held}
        for label in by_label:
            if (place, label) not in self._judges:
                self._judges[place, label] = RuleJudge(look.camera, place, label, self._rules_of(label))
        scores = []
        for judge in [judge for key, judge in self._judges.items() if key[0] == place]:
            finding = by_label.get(judge.label)
            score = judge.scored(finding, look.at, look.tick_s)
            if score is None:
                continue
            judge.score = score
            if finding is not None:
                judge.finding, judge.picture, judge.beside = finding, look.picture, beside(finding, look.tick_s)
            scores.append((judge, score))
        return scores

    def _rules_of(self, label: str) -> Rules:
        threshold = TAMPER_THRESHOLD if label == "tampering" else self._detector.confidence
        return rules_for(self._rules, label, threshold, self._detector.rate)


def boxes_of(finding: Finding) -> Sequence[Mapping[str, Any]]:
    """Tracked objects first, then what is none."""
    tracked = [box_json(one.label, one.confidence, one.box, one.id) for one in finding.objects]
    return [*tracked, *(box_json(label, confidence, box) for label, confidence, box in finding.boxes)]


def rules_for(camera: Rules, label: str, threshold: float, rate: float) -> Rules:
    """The camera's cooldown, shadow and severities with the votes and threshold of a rule.

    A rule has waited for itself already, so its first score counts; what is below its threshold is not stored: at two
    looks a second that would be every passer-by.
    """
    threshold = camera.per_class.get(label, threshold)
    return replace(
        camera,
        threshold=threshold,
        per_class={},
        release=0.5 * threshold,
        log_floor=threshold,
        votes=1,
        window=max(2, round(SETTLED_S * rate)),
    )
