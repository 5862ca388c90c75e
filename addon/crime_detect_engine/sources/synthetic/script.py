"""Owns the endless story of the synthetic camera: who comes, whom they meet, and when two of them fight."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import motion
from .actors import FIGHT, Actor, Meet, Meeting, Stay, Walk
from .figures import Look, Pose
from .view import View

TICK_S = 1 / 30
_MAX_PEOPLE = 5


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between ordinary episodes, from one fight's end to the next, before the first fight, and of a fight."""

    episode_s: tuple[float, float] = (3.0, 11.0)
    fight_every_s: tuple[float, float] = (40.0, 70.0)
    first_fight_s: tuple[float, float] = (12.0, 20.0)
    fight_s: tuple[float, float] = (5.0, 8.0)


class Script:
    """A story of one stage. It advances in ticks of 1/30 s, so that it is the same at any frame rate."""

    def __init__(self, view: View, depth_m: tuple[float, float], rng: np.random.Generator, pace: Pace) -> None:
        self._view, self._depth_m, self._rng, self._pace = view, depth_m, rng, pace
        self._ticks = 0
        self._next_episode_s = 0.5
        self._next_fight_s = rng.uniform(*pace.first_fight_s)
        self._fight: Meeting | None = None
        self._fighters: list[Actor] = []
        self.actors: list[Actor] = []

    @property
    def fighting(self) -> bool:
        return self._fight is not None and self._fight.fighting

    def advance(self, until_s: float) -> None:
        while (self._ticks + 1) * TICK_S <= until_s + 1e-6:
            self._ticks += 1
            self._tick(self._ticks * TICK_S)

    def _tick(self, now_s: float) -> None:
        for actor in self.actors:
            actor.step(TICK_S)
        self.actors = [actor for actor in self.actors if actor.plan]
        if now_s >= self._next_fight_s and len(self.actors) < _MAX_PEOPLE and not self._fight_is_due():
            length_s = self._rng.uniform(*self._pace.fight_s)
            self._next_fight_s = now_s + length_s + self._rng.uniform(*self._pace.fight_every_s)
            self._start_fight(length_s)
        elif now_s >= self._next_episode_s and len(self.actors) < _MAX_PEOPLE - 2:
            self._next_episode_s = now_s + self._rng.uniform(*self._pace.episode_s)
            _EPISODES[int(self._rng.choice(len(_EPISODES), p=_EPISODE_WEIGHTS))][0](self)

    def _fight_is_due(self) -> bool:
        """Somebody is on the way to a fight or in it."""
        fight = self._fight
        return fight is not None and not fight.over and any(actor in self.actors for actor in self._fighters)

    # --- casting ------------------------------------------------------------------------------------------------

    def _depth(self, nearest: float = 0.0, farthest: float = 1.0) -> float:
        near, far = self._depth_m
        return float(self._rng.uniform(near + (far - near) * nearest, near + (far - near) * farthest))

    def _edge(self, depth_m: float, side: int) -> float:
        return side * (self._view.half_width_m(depth_m) + 0.7)

    def _inside(self, depth_m: float, share: float = 0.7) -> float:
        return float(self._rng.uniform(-share, share)) * self._view.half_width_m(depth_m)

    def _side(self) -> int:
        return 1 if self._rng.random() < 0.5 else -1

    def _speed(self) -> float:
        return float(self._rng.uniform(0.9, 1.6))

    def _enter(self, side: int, depth_m: float) -> Actor:
        heading = math.pi if side > 0 else 0.0
        actor = Actor(Look.random(self._rng), self._edge(depth_m, side), depth_m, heading, self._rng.uniform(0, 100))
        self.actors.append(actor)
        return actor

    def _leave(self, actor: Actor, side: int, speed_m_s: float | None = None) -> None:
        depth = self._depth()
        actor.plan.append(Walk(self._edge(depth, side), depth, speed_m_s or self._speed()))

    def _gather(
        self, kind: str, seconds: float, gap_m: float, people: int = 2, hurry: float = 0.0
    ) -> tuple[list[Actor], Meeting]:
        """People come from both sides to one place, the first of them running with this probability.

        The caller appends what they do there.
        """
        depth = self._depth(0.05, 0.75)
        x = self._inside(depth, 0.6)
        meeting = Meeting(kind, seconds, people, gap_m, self._rng)
        cast = []
        for index in range(people):
            side = 1 if index % 2 else -1
            actor = self._enter(side, max(depth + self._rng.uniform(-0.8, 0.8), self._depth_m[0]))
            away = math.tau * index / people + math.pi + self._rng.uniform(-0.35, 0.35)
            speed = self._rng.uniform(2.4, 3.4) if index == 0 and self._rng.random() < hurry else self._speed()
            actor.plan.append(Walk(x + gap_m * math.cos(away), depth + 0.5 * gap_m * math.sin(away), speed))
            cast.append(actor)
        return cast, meeting

    # --- episodes -----------------------------------------------------------------------------------------------

    def _start_fight(self, seconds: float) -> None:
        cast, fight = self._gather(FIGHT, seconds, 0.8, hurry=0.4)
        self._fight, self._fighters = fight, cast
        rng = self._rng
        if rng.random() < 0.6:
            quarrel = Meeting("argue", rng.uniform(1.0, 2.5), 2, 0.95, rng)
            for actor in cast:
                actor.plan.append(Meet(quarrel))
        for actor in cast:
            actor.plan.append(Meet(fight))
        flees, stays = cast if rng.random() < 0.5 else cast[::-1]
        self._leave(flees, self._side(), rng.uniform(2.6, 3.8))
        if rng.random() < 0.5:
            stays.plan.append(Stay(rng.uniform(1.5, 4.0), motion.lying, settle_s=0.3))
            stays.plan.append(Stay(1.5, motion.crouch, settle_s=0.45))
        stays.plan.append(Stay(rng.uniform(1.0, 3.0), motion.idle, settle_s=0.4))
        self._leave(stays, self._side(), 1.0)

    def _pass_by(self) -> None:
        side = self._side()
        self._leave(self._enter(side, self._depth()), -side)

    def _run_past(self) -> None:
        side = self._side()
        speed, depth = self._rng.uniform(2.5, 3.8), self._depth()
        for follower in range(2 if self._rng.random() < 0.3 else 1):
            actor = self._enter(side, depth)
            actor.x += side * 1.1 * follower
            actor.plan.append(Walk(self._edge(depth, -side), depth, speed))

    def _walk_together(self) -> None:
        side, depth, speed = self._side(), self._depth(0.0, 0.8), self._speed()
        for offset in (0.0, 0.95):
            actor = self._enter(side, depth + offset)
            actor.plan.append(Walk(self._edge(depth + offset, -side) - side * 0.2, depth + offset, speed))

    def _do_alone(self, manner: Callable[[float], Pose], seconds: float) -> None:
        side, depth = self._side(), self._depth()
        actor = self._enter(side, depth)
        actor.plan.append(Walk(self._inside(depth), self._depth(), self._speed()))
        facing = -math.pi / 2 + self._rng.uniform(-1.2, 1.2)
        actor.plan.append(Stay(seconds, manner, heading=facing))
        self._leave(actor, self._side())

    def _phone(self) -> None:
        self._do_alone(motion.phone, self._rng.uniform(4, 9))

    def _wave(self) -> None:
        self._do_alone(motion.wave, self._rng.uniform(2, 5))

    def _exercise(self) -> None:
        self._do_alone(motion.exercise, self._rng.uniform(4, 8))

    def _crouch(self) -> None:
        self._do_alone(motion.crouch, self._rng.uniform(3, 6))

    def _sweep(self) -> None:
        self._do_alone(motion.sweep, self._rng.uniform(5, 10))

    def _meet(self, kind: str, seconds: float, gap_m: float, people: int = 2) -> None:
        cast, meeting = self._gather(kind, seconds, gap_m, people)
        talk = Meeting("talk", self._rng.uniform(2.5, 7.0), people, 1.0 if people == 2 else 1.5, self._rng)
        for actor in cast:
            if kind != "talk":
                actor.plan.append(Meet(meeting))
            actor.plan.append(Meet(talk))
        for actor in cast:
            self._leave(actor, self._side())

    def _chat(self) -> None:
        self._meet("talk", 0.0, 1.0, 3 if self._rng.random() < 0.3 else 2)

    def _hug(self) -> None:
        self._meet("hug", self._rng.uniform(1.8, 4.0), 0.36)

    def _shake_hands(self) -> None:
        self._meet("shake_hands", self._rng.uniform(1.5, 2.5), 0.85)

    def _quarrel(self) -> None:
        self._meet("argue", self._rng.uniform(2.0, 5.0), 0.95)


_EPISODES: tuple[tuple[Callable[[Script], None], float], ...] = (
    (Script._pass_by, 4.0), (Script._run_past, 1.6), (Script._walk_together, 1.6), (Script._phone, 1.2),
    (Script._wave, 1.2), (Script._exercise, 0.8), (Script._crouch, 1.0), (Script._sweep, 0.8), (Script._chat, 1.5),
    (Script._hug, 1.5), (Script._shake_hands, 1.2), (Script._quarrel, 0.7),
)  # fmt: skip
_EPISODE_WEIGHTS = np.array([weight for _, weight in _EPISODES]) / sum(weight for _, weight in _EPISODES)
