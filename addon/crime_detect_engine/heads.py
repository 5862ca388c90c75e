"""Owns where heads must be: at the top of everybody whose own face was not surely found."""

from __future__ import annotations

from collections.abc import Sequence

from .domain.scene import Box, Detection

HEAD, HEAD_OF_WIDTH = 0.3, 0.65
"""What of a person's box is the head: this share of its height, more where the box is broad, for who bends or lies."""
SAME = 0.6
"""Two boxes of persons that overlap by so much (IoU) are of one."""
SURE = 0.8
"""From this confidence on a face is one, and stands for its person's head."""
LEAST, MOST, MIDDLE = 0.2, 0.9, 0.25
"""A face that may be a person's own: its height as a share of the head's, and how far from the middle of the box."""


def heads_of(persons: Sequence[Detection], faces: Sequence[Detection], aspect: float) -> list[Box]:
    """Where else than in the faces somebody's head is; `aspect` is height by width of the picture.

    A face stands for a head only where it can be nobody else's: among people who overlap each head stays hidden.
    """
    heads = [head_of(one.box, aspect) for one in persons]
    seen: set[int] = set()
    for face in (one.box for one in faces if one.confidence >= SURE):
        near = [index for index, head in enumerate(heads) if head.overlap(face) > 0]
        alone = all(persons[index].box.iou(persons[near[0]].box) >= SAME for index in near)
        if alone:
            seen.update(index for index in near if _fits(face, heads[index]))
    return [head for index, head in enumerate(heads) if index not in seen]


def head_of(person: Box, aspect: float) -> Box:
    """The part of a person's box in which the head is."""
    broad = person.width / max(person.height * aspect, 1e-6)
    share = min(1.0, max(HEAD, HEAD_OF_WIDTH * broad))
    return person._replace(bottom=person.top + share * person.height)


def _fits(face: Box, head: Box) -> bool:
    x, y = face.centre
    middle = abs(x - head.centre[0]) <= MIDDLE * head.width
    return middle and head.top <= y <= head.bottom and LEAST <= face.height / max(head.height, 1e-6) <= MOST
