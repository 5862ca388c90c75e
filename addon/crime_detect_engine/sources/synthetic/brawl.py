"""Owns a fight between two figures: a random chain of grapples, blows, pushes, kicks and falls."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from . import motion
from .figures import Pose


class Fighter(Protocol):
    x: float
    z: float
    heading: float
    clock_s: float

    def take(self, target: Pose, dt_s: float, settle_s: float) -> None: ...

    def turn(self, heading: float, dt_s: float, rate: float = 5.0) -> None: ...


@dataclass(frozen=True, slots=True)
class Move:
    """`suffer` follows the fighter's clock; so does a `cyclic` attack, any other the share of the move that passed."""

    name: str
    weight: float
    seconds: tuple[float, float]
    gap_m: tuple[float, float]
    spin: float
    attack: Callable[[float], Pose]
    suffer: Callable[[float], Pose]
    cyclic: bool = False


MOVES = (
    Move("grapple", 3.0, (0.7, 1.5), (0.42, 0.55), 2.2, motion.grapple, motion.grapple, cyclic=True),
    Move("left", 1.6, (0.3, 0.45), (0.6, 0.75), 0.6, motion.punch_left, motion.struck),
    Move("right", 1.8, (0.3, 0.45), (0.6, 0.75), 0.6, motion.punch_right, motion.struck),
    Move("flurry", 1.8, (0.7, 1.2), (0.55, 0.7), 1.0, motion.flurry, motion.guard, cyclic=True),
    Move("push", 1.3, (0.4, 0.6), (1.1, 1.6), 0.3, motion.push, motion.struck),
    Move("kick", 1.0, (0.4, 0.55), (0.8, 1.0), 0.4, motion.kick, motion.struck),
    Move("down", 0.8, (1.2, 2.2), (0.6, 0.8), 0.2, motion.strike_down, motion.downed, cyclic=True),
)
_WEIGHTS = np.array([move.weight for move in MOVES]) / sum(move.weight for move in MOVES)
_STRAY_M = 0.9


class Brawl:
    """Moves both fighters; they circle around a middle that drifts but does not run away."""

    def __init__(self, first: Fighter, second: Fighter, rng: np.random.Generator) -> None:
        self._fighters = (first, second)
        self._rng = rng
        self._home = ((first.x + second.x) / 2, (first.z + second.z) / 2)
        self._middle = self._home
        self._drift = (0.0, 0.0)
        self._angle = math.atan2(second.z - first.z, second.x - first.x)
        self._gap_m = math.hypot(second.x - first.x, second.z - first.z)
        self._begin()

    def _begin(self) -> None:
        rng = self._rng
        self._move = MOVES[int(rng.choice(len(MOVES), p=_WEIGHTS))]
        self._attacker = int(rng.integers(2))
        self._seconds = float(rng.uniform(*self._move.seconds))
        self._passed_s = 0.0
        self._wanted_gap_m = float(rng.uniform(*self._move.gap_m))
        self._spin = float(rng.normal(0, self._move.spin))
        back = (self._home[0] - self._middle[0], self._home[1] - self._middle[1])
        self._drift = (float(rng.normal(0, 0.7)) + back[0], float(rng.normal(0, 0.35)) + back[1])

    def step(self, dt_s: float) -> None:
        self._passed_s += dt_s
        if self._passed_s >= self._seconds:
            self._begin()
        self._angle += self._spin * dt_s
        self._gap_m += (self._wanted_gap_m - self._gap_m) * (1 - math.exp(-dt_s / 0.12))
        self._middle = (
            self._home[0] + max(-_STRAY_M, min(_STRAY_M, self._middle[0] + self._drift[0] * dt_s - self._home[0])),
            self._home[1] + max(-_STRAY_M, min(_STRAY_M, self._middle[1] + self._drift[1] * dt_s - self._home[1])),
        )
        share = self._passed_s / self._seconds
        for index, fighter in enumerate(self._fighters):
            outward = self._angle + (math.pi if index == 0 else 0.0)
            x = self._middle[0] + math.cos(outward) * self._gap_m / 2
            z = self._middle[1] + math.sin(outward) * self._gap_m / 2
            follow = 1 - math.exp(-dt_s / 0.09)
            fighter.x += (x - fighter.x) * follow
            fighter.z += (z - fighter.z) * follow
            fighter.turn(outward + math.pi, dt_s, 9.0)
            if index == self._attacker:
                pose = self._move.attack(fighter.clock_s if self._move.cyclic else share)
            else:
                pose = self._move.suffer(fighter.clock_s)
            fighter.take(pose, dt_s, 0.05 if self._move.name != "down" else 0.13)
