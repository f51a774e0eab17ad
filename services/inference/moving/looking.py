"""One decision for all frames of an animation or a video, so that they have one size and nothing jumps."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np

from services.inference.media import Effort, Image, Limits, Saving, decode, encode_into
from services.inference.moving.in_order import in_order
from services.inference.moving.model import Frame
from services.pictures.geometry import Area
from services.pictures.media_format import MediaFormat

_Fact = TypeVar("_Fact")
_Decision = TypeVar("_Decision")
_KEPT_AS = Saving(MediaFormat.PNG, Effort.LITTLE)
_ANY_SIZE = Limits(math.inf)
SAMPLE = 24
"""About so many frames are enough to see what a file shows."""


async def after_looking(
    frames: AsyncIterator[Frame],
    folder: Path,
    at_once: int,
    look: Callable[[Image], _Fact],
    decide: Callable[[Sequence[_Fact]], _Decision],
    then: Callable[[Image, _Decision], Image],
    *,
    sample: int | None = None,
) -> AsyncIterator[Frame]:
    """Every frame as `then` changes it, by what is decided once `look` has seen all of them; with `sample`, about so many to twice so many,
    evenly spread.

    The frames wait in `folder`, compressed without loss. The three functions are called in threads. Raises what they raise.
    """
    facts, own = _Spread[_Fact](sample), Path(tempfile.mkdtemp(prefix="waiting-", dir=folder))
    looked = in_order(_numbered(frames), lambda each: _looked(*each, own, look, facts), at_once)
    async with aclosing(looked):
        waiting = [one async for one in looked]
    if not waiting:
        return
    decision = await asyncio.to_thread(decide, facts.kept)

    async def changed(one: _Waiting) -> Frame:
        return await asyncio.to_thread(lambda: Frame(then(one.read(), decision), one.microseconds))

    made = in_order(_each(waiting), changed, at_once)
    async with aclosing(made):
        async for frame in made:
            yield frame
    await asyncio.to_thread(own.rmdir)


def middle_area(areas: Sequence[Area]) -> Area:
    """The one of these that is nearest to all of them."""
    return min(areas, key=lambda area: sum(_distance(area, other) for other in areas))


def _distance(one: Area, other: Area) -> float:
    across = abs(one.left - other.left) + abs(one.left + one.width - other.left - other.width)
    return across + abs(one.top - other.top) + abs(one.top + one.height - other.top - other.height)


def area_around(areas: Sequence[Area]) -> Area:
    """The smallest area that holds all of these."""
    left, top = min(area.left for area in areas), min(area.top for area in areas)
    right, bottom = max(area.left + area.width for area in areas), max(area.top + area.height for area in areas)
    return Area(left, top, right - left, bottom - top)


class _Spread(Generic[_Fact]):
    """Facts about frames: of all, or of every second, fourth … one, so that there are at most twice `most`."""

    def __init__(self, most: int | None) -> None:
        self._most, self._every, self._facts = most, 1, dict[int, _Fact]()

    def wants(self, number: int) -> bool:
        return number % self._every == 0

    def add(self, number: int, fact: _Fact) -> None:
        self._facts[number] = fact
        if self._most is not None and len(self._facts) >= 2 * self._most:
            self._every *= 2
            self._facts = {each: kept for each, kept in self._facts.items() if self.wants(each)}

    @property
    def kept(self) -> Sequence[_Fact]:
        facts: Mapping[int, _Fact] = self._facts
        return [facts[number] for number in sorted(facts)]


@dataclasses.dataclass(frozen=True, slots=True)
class _Waiting:
    """A frame in a file: a picture without its samples, and the file that has them."""

    path: Path
    without_samples: Image
    has_alpha: bool
    microseconds: int

    def read(self) -> Image:
        image = decode(self.path.read_bytes(), _ANY_SIZE)
        self.path.unlink()
        alpha = image.alpha
        if self.has_alpha and alpha is None:
            alpha = np.full(image.pixels.shape[:2], image.maximum, image.pixels.dtype)
        return dataclasses.replace(self.without_samples, pixels=image.pixels, alpha=alpha)


async def _looked(number: int, frame: Frame, folder: Path, look: Callable[[Image], _Fact], facts: _Spread[_Fact]) -> _Waiting:
    path, image = folder / str(number), frame.image

    def work() -> _Fact | None:
        encode_into(path, image, _KEPT_AS)
        return look(image) if facts.wants(number) else None

    wanted = facts.wants(number)
    found = await asyncio.to_thread(work)
    if wanted:
        facts.add(number, cast(_Fact, found))
    without = dataclasses.replace(image, pixels=image.pixels[:1, :1].copy(), alpha=None)
    return _Waiting(path, without, image.alpha is not None, frame.microseconds)


async def _numbered(frames: AsyncIterator[Frame]) -> AsyncIterator[tuple[int, Frame]]:
    number = 0
    async with aclosing(cast(Any, frames)):
        async for frame in frames:
            yield number, frame
            number += 1


async def _each(waiting: Sequence[_Waiting]) -> AsyncIterator[_Waiting]:
    for one in waiting:
        yield one
