"""Faces that a detector misses in some frames of a video."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np

from services.inference.faces.blurring import Oval
from services.inference.faces.lasting import FrameFaces, lasting
from services.inference.media import Image
from services.inference.moving.model import Frame


def at(x: float) -> Oval:
    return Oval(x, 20, 8, 10, 0)


async def covered(*ovals: Sequence[Oval]) -> list[list[float]]:
    async def found() -> AsyncIterator[FrameFaces]:
        for number, each in enumerate(ovals):
            yield FrameFaces(Frame(Image(np.zeros((4, 4, 3), np.uint8)), number), each)

    made = [each async for each in lasting(found(), reach=2)]
    assert [each.frame.microseconds for each in made] == list(range(len(ovals)))
    return [[oval.x for oval in each.ovals] for each in made]


async def test_a_missed_face_is_covered_where_it_was_or_will_be() -> None:
    assert await covered([at(10)], [], [at(14)]) == [[10], [10], [14]]
    # A face that moves has its own oval alone.
    assert await covered([at(10)], [at(12)], [at(14)]) == [[10], [12], [14]]
    # Another face is covered beside it, for as long as it reaches.
    assert await covered([at(10), at(60)], [at(10)], [at(10)], [at(10)]) == [[10, 60], [10, 60], [10, 60], [10]]
    assert await covered([], [], [], [at(30)]) == [[], [30], [30], [30]]
