"""Faces of videos: one that is missed in a frame is where it was a moment before, or will be a moment later."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, cast

from services.inference.faces.blurring import Oval
from services.inference.moving.model import Frame

REACH = 5
"""Frames before and after one whose faces are covered in it, too."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameFaces:
    """A frame, and the ovals that cover its faces."""

    frame: Frame
    ovals: Sequence[Oval]


async def lasting(found: AsyncIterator[FrameFaces], reach: int = REACH) -> AsyncIterator[FrameFaces]:
    """Each frame with its own ovals, and those of its neighbours where it has none. Holds `reach` frames."""
    before: deque[Sequence[Oval]] = deque(maxlen=reach)
    coming: deque[FrameFaces] = deque()

    def covered() -> FrameFaces:
        own = coming.popleft()
        after = [later.ovals for later in coming]
        # The nearest first, of which there may be several that cover the same face.
        near = [ovals for pair in zip_longest(reversed(before), after, fillvalue=()) for ovals in pair]
        before.append(own.ovals)
        return FrameFaces(own.frame, _with_missed(own.ovals, (oval for ovals in near for oval in ovals)))

    async with aclosing(cast(Any, found)):
        async for each in found:
            coming.append(each)
            if len(coming) > reach:
                yield covered()
    while coming:
        yield covered()


def _with_missed(own: Sequence[Oval], near: Iterable[Oval]) -> Sequence[Oval]:
    ovals = list(own)
    for oval in near:
        if not any(_holds(each, oval) for each in ovals):
            ovals.append(oval)
    return ovals


def _holds(oval: Oval, other: Oval) -> bool:
    """Whether the middle of another oval is in it."""
    return math.hypot((other.x - oval.x) / oval.across, (other.y - oval.y) / oval.down) < 1
