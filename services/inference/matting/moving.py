"""Cutting out the frames of an animation or a video, with edges that are steady from one to the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from services.inference.matting import matting
from services.inference.matting.alpha_refinement import Alpha
from services.inference.matting.matting import AlphaModel, Cutout, CutoutOptions
from services.inference.matting.shadow import shadow_of, with_shadow
from services.inference.matting.steadying import View, steadied, view_of
from services.inference.matting.subjects import Segmentation, segmentation_of
from services.inference.media.resampling import bilinear
from services.inference.moving.in_order import in_order
from services.inference.moving.model import Frame

Floats = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]

_OPAQUE = np.float32(65535)


@dataclass(frozen=True, slots=True)
class _Found:
    """The findings in one frame by itself."""

    frame: Frame
    segmentation: Segmentation
    was_cut_out: bool
    shadow: bool
    view: View
    """Its planes are the subject's alpha and, if it is wanted, the shadow's; empty where nothing was found."""


async def cut_out_frames(
    frames: AsyncIterator[Frame],
    model: AlphaModel,
    options: CutoutOptions,
    then: Callable[[Frame, Cutout], Awaitable[Frame]],
    at_once: int,
    check: Callable[[], None],
) -> AsyncIterator[Frame]:
    """Each frame as `then` makes it, given it and its cut-out; in order. `at_once` are worked on together, and seven more held at most.

    As `matting.remove_background`, with these differences, so that nothing changes from frame to frame but what moves: alpha is steadied
    (`steadying`), and the colours at its edges are those that fit it. A frame in which nothing is found is wholly transparent; where all
    are, the operations raise `NothingInFrames`. Whether the frames are cut-outs already is decided by the first. There is no second look,
    whose place would move with what the first one finds.
    """
    slots = asyncio.Semaphore(at_once)

    async def found(frame: Frame) -> _Found:
        check()
        prepared = await asyncio.to_thread(matting.model_input, frame.image)
        coarse = (await model(prepared))[0, :, :, 0]
        check()
        return await asyncio.to_thread(_found, frame, prepared[0], coarse, options, check)

    async def completed(steady: tuple[_Found, bool]) -> Frame:
        check()
        return await then(steady[0].frame, await asyncio.to_thread(_completed, *steady, check))

    in_turn = _in_turn(in_order(frames, found, at_once, slots), check)
    async with aclosing(cast(Any, in_order(in_turn, completed, at_once, slots))) as made:
        async for frame in made:
            yield frame


async def _in_turn(found: AsyncIterator[_Found], check: Callable[[], None]) -> AsyncIterator[tuple[_Found, bool]]:
    """Each frame with steady planes, and whether it keeps the alpha that it has."""
    before: View | None = None
    now: _Found | None = None
    kept = False
    async with aclosing(cast(Any, found)) as frames:
        async for after in frames:
            if now is None:
                kept = after.was_cut_out
            else:
                before = await asyncio.to_thread(steadied, before, now.view, after.view, check)
                yield replace(now, view=before), kept
            now = after
    if now is not None:
        yield replace(now, view=await asyncio.to_thread(steadied, before, now.view, None, check)), kept


def _found(frame: Frame, prepared: Pixels8, coarse: Pixels8, options: CutoutOptions, check: Callable[[], None]) -> _Found:
    image, segmentation = frame.image, segmentation_of(coarse)
    if segmentation.nothing:
        alpha = np.zeros((image.height, image.width), np.uint16)
    else:
        alpha = matting.alpha_of(image, matting.settle_alpha(coarse, prepared), prepared, options, check)
    planes, shadow = [alpha], None
    if options.shadow:
        shadow = shadow_of(prepared, coarse) if image.alpha is None and not segmentation.nothing else None
        planes.append(_plane(shadow, image.width, image.height))
    return _Found(frame, segmentation, matting.was_cut_out(image, coarse), shadow is not None, view_of(image.srgb(), planes))


def _plane(shadow: Floats | None, width: int, height: int) -> Alpha:
    if shadow is None:
        return np.zeros((height, width), np.uint16)
    return np.round(bilinear(shadow, width, height, slice(0, height)).clip(0, 1) * _OPAQUE).astype(np.uint16)


def _completed(found: _Found, kept: bool, check: Callable[[], None]) -> Cutout:
    image = found.frame.image
    if kept:
        return Cutout(image if image.alpha is None else matting.as_it_was(image), found.segmentation, kept_alpha=True)
    alpha, *shadows = found.view.planes
    cut = matting.with_alpha(image, alpha, check)
    for shadow in shadows:
        if shadow.any():
            cut = with_shadow(cut, np.asarray(shadow / _OPAQUE, np.float32))
    return Cutout(cut, found.segmentation, shadow=found.shadow)
