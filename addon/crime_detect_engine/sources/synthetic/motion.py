"""Owns how bodies move: poses of walking, standing, gesturing and fighting as functions of time."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import sin

from .figures import Pose


def gait(phase: float, speed_m_s: float) -> Pose:
    """Walking up to about 2.2 m/s, running above. `phase` in radians, one turn is two steps."""
    run = min(max((speed_m_s - 1.9) / 1.2, 0.0), 1.0)
    swing = 0.3 + 0.13 * min(speed_m_s, 1.6) + 0.3 * run
    lift = 0.75 + 0.75 * run
    left, rise = sin(phase), math.cos(phase)
    return Pose(
        lean=0.04 + 0.2 * run,
        twist=-0.12 * left,
        hip_l=swing * left + 0.05 + 0.15 * run,
        hip_r=-swing * left + 0.05 + 0.15 * run,
        knee_l=0.1 + lift * max(rise, 0.0) + 0.15 * run,
        knee_r=0.1 + lift * max(-rise, 0.0) + 0.15 * run,
        arm_l=-(0.75 + 0.35 * run) * swing * left,
        arm_r=(0.75 + 0.35 * run) * swing * left,
        elbow_l=0.25 + 1.2 * run,
        elbow_r=0.25 + 1.2 * run,
        hop_m=0.05 * run * abs(sin(phase + 0.7)),
    )


def stride_m(speed_m_s: float) -> float:
    """Metres of one full turn of the gait's phase."""
    return 0.82 + 0.46 * min(speed_m_s, 3.6)


def idle(t: float) -> Pose:
    sway = 0.03 * sin(0.9 * t)
    return Pose(
        side=sway, twist=0.08 * sin(0.37 * t), nod=0.05 * sin(0.53 * t), hip_l=0.02, hip_r=-0.02,
        arm_l=0.04 + 0.03 * sin(0.7 * t), arm_r=0.05 + 0.03 * sin(0.61 * t + 1),
    )  # fmt: skip


def phone(t: float) -> Pose:
    return idle(t)._replace(nod=0.42, arm_r=0.5, elbow_r=1.45 + 0.06 * sin(2.1 * t), out_r=0.05)


def talk(t: float) -> Pose:
    """Gestures that come and go: one hand, then the other, a nod now and then."""
    left = max(sin(0.8 * t), 0.0) * (0.6 + 0.4 * sin(3.1 * t))
    right = max(sin(0.8 * t + 2.6), 0.0) * (0.6 + 0.4 * sin(2.7 * t + 1))
    return idle(t)._replace(
        nod=0.1 * sin(1.7 * t), arm_l=0.1 + 0.5 * left, elbow_l=0.35 + 1.0 * left,
        arm_r=0.1 + 0.5 * right, elbow_r=0.35 + 1.0 * right, out_l=0.14, out_r=0.14,
    )  # fmt: skip


def argue(t: float) -> Pose:
    """Talking with larger, quicker hands and a forward lean; not yet a fight."""
    base = talk(t * 1.7)
    return base._replace(lean=0.12, arm_r=base.arm_r + 0.25, arm_l=base.arm_l + 0.1)


def wave(t: float) -> Pose:
    return idle(t)._replace(arm_r=2.6, out_r=0.5, elbow_r=0.35 + 0.45 * sin(7.0 * t))


def exercise(t: float) -> Pose:
    """Star jumps, one in 1.2 s."""
    open_share = 0.5 - 0.5 * math.cos(5.2 * t)
    return Pose(
        out_l=0.12 + 2.2 * open_share, out_r=0.12 + 2.2 * open_share, elbow_l=0.1, elbow_r=0.1,
        straddle=0.04 + 0.36 * open_share, hop_m=0.08 * abs(sin(5.2 * t)),
    )  # fmt: skip


def crouch(t: float) -> Pose:
    """Down on the heels, as to tie a shoe or stroke a dog."""
    return Pose(
        lean=0.75, nod=0.2, hip_l=1.75, hip_r=1.25, knee_l=2.2, knee_r=2.2, arm_l=0.55, arm_r=0.6,
        elbow_l=0.3 + 0.12 * sin(5 * t), elbow_r=0.3 + 0.12 * sin(5 * t + 1.5),
    )  # fmt: skip


def sweep(t: float) -> Pose:
    """Both hands on a broom, swinging from side to side."""
    swing = sin(2.4 * t)
    return Pose(
        lean=0.3, twist=0.35 * swing, nod=0.2, hip_l=0.15, hip_r=-0.1, arm_l=0.75, arm_r=0.6, out_l=0.1 + 0.15 * swing,
        out_r=0.1 - 0.15 * swing, elbow_l=0.5, elbow_r=0.8, straddle=0.12,
    )  # fmt: skip


def hug(t: float) -> Pose:
    return Pose(
        lean=0.1, side=0.05 * sin(1.3 * t), nod=0.12, arm_l=1.35, arm_r=1.15, out_l=0.4, out_r=0.4,
        elbow_l=0.55 + 0.05 * sin(4 * t), elbow_r=0.6,
    )  # fmt: skip


def shake_hands(t: float) -> Pose:
    return idle(t)._replace(lean=0.06, arm_r=0.75 + 0.08 * sin(14 * t), elbow_r=0.55, out_r=-0.05)


MANNERS: dict[str, Callable[[float], Pose]] = {
    "idle": idle, "phone": phone, "talk": talk, "argue": argue, "wave": wave, "exercise": exercise, "crouch": crouch,
    "sweep": sweep, "hug": hug, "shake_hands": shake_hands,
}  # fmt: skip


# --- fighting -----------------------------------------------------------------------------------------------------


def guard(t: float) -> Pose:
    """Fists up, knees bent, never still."""
    bounce = sin(9 * t)
    return Pose(
        lean=0.2 + 0.06 * bounce, twist=0.2 * sin(5 * t), nod=0.1, hip_l=0.35, hip_r=-0.15, knee_l=0.45, knee_r=0.35,
        arm_l=0.9, arm_r=0.8, out_l=0.2, out_r=0.2, elbow_l=1.5 + 0.2 * bounce, elbow_r=1.6, straddle=0.16,
    )  # fmt: skip


def grapple(t: float) -> Pose:
    """Holding and tearing at each other's shoulders."""
    pull = sin(8.3 * t) + 0.5 * sin(13.1 * t)
    return Pose(
        lean=0.38 + 0.16 * pull, side=0.2 * sin(6.1 * t), twist=0.4 * sin(5.3 * t), nod=0.1,
        hip_l=0.45 * sin(6.7 * t), hip_r=-0.45 * sin(6.7 * t), knee_l=0.45, knee_r=0.45,
        arm_l=1.25 + 0.25 * sin(9.1 * t), arm_r=1.2 - 0.25 * sin(8.1 * t), out_l=0.3, out_r=0.3,
        elbow_l=0.7 + 0.4 * sin(7 * t), elbow_r=0.8 - 0.4 * sin(7.9 * t), straddle=0.25,
    )  # fmt: skip


def punch_left(share: float) -> Pose:
    """One blow; `share` runs 0..1 over its time: back, out, and home again."""
    reach = sin(math.pi * min(max(share, 0.0), 1.0)) ** 2
    return guard(share)._replace(
        lean=0.2 + 0.25 * reach, twist=-0.2 - 0.6 * reach,
        arm_l=0.9 + 0.75 * reach, elbow_l=1.6 - 1.55 * reach, out_l=0.05,
    )  # fmt: skip


def punch_right(share: float) -> Pose:
    reach = sin(math.pi * min(max(share, 0.0), 1.0)) ** 2
    return guard(share)._replace(
        lean=0.2 + 0.25 * reach, twist=0.2 + 0.6 * reach,
        arm_r=0.9 + 0.75 * reach, elbow_r=1.6 - 1.55 * reach, out_r=0.05,
    )  # fmt: skip


def flurry(t: float) -> Pose:
    """Blows in turn, nearly four a second."""
    turn = t * 3.6
    return punch_left(turn % 1) if int(turn) % 2 == 0 else punch_right(turn % 1)


def push(share: float) -> Pose:
    reach = min(max(share, 0.0) * 2.5, 1.0)
    elbow = 1.6 - 1.5 * reach
    return guard(share)._replace(lean=0.25 + 0.3 * reach, arm_l=1.4, arm_r=1.4, elbow_l=elbow, elbow_r=elbow)


def kick(share: float) -> Pose:
    reach = sin(math.pi * min(max(share, 0.0), 1.0))
    return guard(share)._replace(lean=-0.1 - 0.2 * reach, hip_r=-0.2 + 1.6 * reach, knee_r=1.0 - 0.9 * reach)


def struck(t: float) -> Pose:
    """Thrown back by a blow: spine and head go back, arms fly up."""
    return guard(t)._replace(
        lean=-0.4, nod=-0.35, hip_l=0.5, hip_r=-0.45,
        arm_l=1.5, arm_r=1.2, out_l=0.9, out_r=0.8, elbow_l=0.6, elbow_r=0.8,
    )  # fmt: skip


def downed(t: float) -> Pose:
    """On the back on the ground, arms before the face, legs kicking."""
    return Pose(
        fall=-1.45, nod=0.3, hip_l=0.6 + 0.5 * sin(8 * t), hip_r=0.6 - 0.5 * sin(7 * t), knee_l=1.0 + 0.5 * sin(7 * t),
        knee_r=1.0, arm_l=1.7 + 0.4 * sin(9 * t), arm_r=1.6, out_l=0.3, out_r=0.3, elbow_l=1.2, elbow_r=1.3,
    )  # fmt: skip


def lying(t: float) -> Pose:
    """On the back and nearly still."""
    return Pose(fall=-1.5, hip_l=0.35, knee_l=0.75, arm_l=0.3 + 0.1 * sin(t), out_l=0.5, out_r=0.7)


def strike_down(t: float) -> Pose:
    """Bent over somebody on the ground, both fists at work."""
    left = sin(11 * t)
    return Pose(
        lean=0.95, nod=0.1, hip_l=0.7, hip_r=0.1, knee_l=0.9, knee_r=0.6, straddle=0.22,
        arm_l=1.0 + 0.8 * left, arm_r=1.0 - 0.8 * left, elbow_l=0.9 - 0.6 * left, elbow_r=0.9 + 0.6 * left,
    )  # fmt: skip
