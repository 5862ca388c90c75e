"""Owns what a figure does next: walking somewhere, staying a while, meeting somebody."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from . import motion
from .brawl import Brawl
from .figures import Look, Pose

FIGHT = "fight"


class Action(Protocol):
    def step(self, actor: Actor, dt_s: float) -> bool:
        """Moves the actor by one tick; True when the action is over."""
        ...


@dataclass(eq=False)
class Actor:
    """A person with a plan; `clock_s` runs from a random start, so that no two people sway alike."""

    look: Look
    x: float
    z: float
    heading: float
    clock_s: float
    plan: deque[Action] = field(default_factory=deque)
    pose: Pose = field(default_factory=Pose)
    phase: float = 0.0

    def step(self, dt_s: float) -> None:
        self.clock_s += dt_s
        if self.plan and self.plan[0].step(self, dt_s):
            self.plan.popleft()

    def take(self, target: Pose, dt_s: float, settle_s: float) -> None:
        """Moves the body toward a pose; `settle_s` is the time constant, small for quick movements."""
        self.pose = self.pose.toward(target, 1 - math.exp(-dt_s / settle_s))

    def turn(self, heading: float, dt_s: float, rate: float = 5.0) -> None:
        error = math.remainder(heading - self.heading, math.tau)
        self.heading += max(-rate * dt_s, min(rate * dt_s, error))

    def walk(self, dx: float, dz: float, speed_m_s: float, dt_s: float) -> None:
        self.turn(math.atan2(dz, dx), dt_s)
        distance = max(math.hypot(dx, dz), 1e-6)
        step = min(speed_m_s * dt_s, distance)
        self.x += dx / distance * step
        self.z += dz / distance * step
        self.phase += math.tau * step / motion.stride_m(speed_m_s)
        self.take(motion.gait(self.phase, speed_m_s), dt_s, 0.06)


@dataclass
class Walk:
    x: float
    z: float
    speed_m_s: float

    def step(self, actor: Actor, dt_s: float) -> bool:
        dx, dz = self.x - actor.x, self.z - actor.z
        actor.walk(dx, dz, self.speed_m_s, dt_s)
        return math.hypot(dx, dz) < 0.1


@dataclass
class Stay:
    """Stays in a manner of `motion.MANNERS`, or lies on the ground."""

    left_s: float
    manner: Callable[[float], Pose]
    heading: float | None = None
    settle_s: float = 0.22

    def step(self, actor: Actor, dt_s: float) -> bool:
        if self.heading is not None:
            actor.turn(self.heading, dt_s)
        actor.take(self.manner(actor.clock_s), dt_s, self.settle_s)
        self.left_s -= dt_s
        return self.left_s <= 0


@dataclass(eq=False)
class Meeting:
    """What several people do together once all have come: a manner of `motion.MANNERS` at a distance, or a fight."""

    kind: str
    seconds: float
    people: int
    gap_m: float
    rng: np.random.Generator
    came: list[Actor] = field(default_factory=list)
    brawl: Brawl | None = None
    left_s: float = 0.0

    def join(self, actor: Actor) -> None:
        if actor in self.came:
            return
        self.came.append(actor)
        if len(self.came) == self.people:
            self.left_s = self.seconds
            if self.kind == FIGHT:
                self.brawl = Brawl(self.came[0], self.came[1], self.rng)

    @property
    def complete(self) -> bool:
        return len(self.came) == self.people

    @property
    def fighting(self) -> bool:
        return self.brawl is not None and self.left_s > 0

    @property
    def over(self) -> bool:
        return self.complete and self.left_s <= 0

    def middle(self) -> tuple[float, float]:
        count = len(self.came)
        return sum(actor.x for actor in self.came) / count, sum(actor.z for actor in self.came) / count


@dataclass
class Meet:
    """Waits for the others, then shares the meeting. The first to come keeps its time."""

    meeting: Meeting
    patience_s: float = 25.0

    def step(self, actor: Actor, dt_s: float) -> bool:
        meeting = self.meeting
        meeting.join(actor)
        if not meeting.complete:
            actor.take(motion.idle(actor.clock_s), dt_s, 0.25)
            self.patience_s -= dt_s
            if self.patience_s <= 0:
                meeting.came.remove(actor)
                return True
            return False
        if actor is meeting.came[0]:
            meeting.left_s -= dt_s
            if meeting.brawl is not None and meeting.left_s > 0:
                meeting.brawl.step(dt_s)
        if meeting.brawl is None:
            self._be_together(actor, dt_s)
        return meeting.left_s <= 0

    def _be_together(self, actor: Actor, dt_s: float) -> None:
        x, z = self.meeting.middle()
        dx, dz = x - actor.x, z - actor.z
        distance = math.hypot(dx, dz)
        actor.turn(math.atan2(dz, dx), dt_s)
        excess = distance - self.meeting.gap_m / 2
        if distance > 0.05 and abs(excess) > 0.02:
            step = max(-0.9 * dt_s, min(0.9 * dt_s, excess))
            actor.x += dx / distance * step
            actor.z += dz / distance * step
        actor.take(motion.MANNERS[self.meeting.kind](actor.clock_s), dt_s, 0.2)
