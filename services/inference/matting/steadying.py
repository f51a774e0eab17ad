"""Alpha that is steady from frame to frame, where the picture is.

A network that sees one frame at a time decides about every edge again, so outlines shimmer over a still background, and now and then it
loses a part of the subject for a frame. Here each frame's alpha is compared with those of the frames before and after it, moved along with
the picture by dense optical flow (Kroeger and others: "Fast Optical Flow using Dense Inverse Search", ECCV 2016). Where all three show the
same colours, an alpha that differs from two that agree is replaced, as in MODNet's one-frame delay (Ke and others: "MODNet: Real-Time
Trimap-Free Portrait Matting via Objective Decomposition", AAAI 2022), and then averaged with theirs: a recursive, motion-compensated filter
(Dubois and Sabri: "Noise Reduction in Image Sequences Using Motion-Compensated Temporal Filtering", IEEE Transactions on Communications,
1984). Where the colours differ, as next to fast movement, the frame's own alpha stays; and so it does at a cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.matting.alpha_refinement import Alpha
from services.inference.matting.blocks import Block, blocks, grown, within
from services.inference.media.resampling import bilinear, resize

Floats = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]
_Seen = tuple[Floats, Floats]
"""How surely each pixel shows in another frame what it shows in its own, 0 to 1, and its opacity there."""

_FLOW_SIDE = 320  # longest side of the copies that motion is looked for in
_LEAST_SIDE = 12  # pixels of such a copy
_BLOCK, _LONGEST = 32, 512  # pixels that are worked on at once
_MOST_OF_IT = 0.995  # of the pixels: where the rest has come from is not looked for
_WINDOW = 3  # pixels whose mean colours are compared
_LEAST, _MOST = 5.0, 10.0  # levels: the difference in colour at which two places are hardly the same, by how noisy the frames are
_OF_NOISE = 2.5  # of the usual difference
_STILL = 1.0  # levels by which a place that moved must fit better than the same place
_PAST, _NEXT = 4.0, 1.0  # weights of the frames before, which have been averaged already, and of the one after; the frame's own is 1
_MENDING = 0.25  # power of the neighbours' likeness by which a frame is corrected: more readily than averaged
_UNDECIDED = 0.25  # weight of an opacity of one half, which the network gives where it does not know
_CUT = 0.5  # of the frame: if more has changed, it is another scene


@dataclass(frozen=True, slots=True)
class View:
    """A frame, and planes of opacity that belong to it, such as its subject's alpha."""

    picture: Pixels8
    """sRGB, height x width x 3."""
    planes: Sequence[Alpha]
    """Each height x width."""
    small: Pixels8
    """The picture's brightness, in the size in which motion is looked for."""


def view_of(picture: Pixels8, planes: Sequence[Alpha]) -> View:
    """A frame, prepared for comparison with its neighbours."""
    scale = min(1.0, _FLOW_SIDE / max(picture.shape[:2]))
    size = (max(1, round(length * scale)) for length in picture.shape[1::-1])
    return View(picture, planes, resize(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8), *size))


def steadied(before: View | None, now: View, after: View | None, check: Callable[[], None]) -> View:
    """A frame with planes that are steady; `before` is the frame before as this function gave it, `after` the next one as it was found.

    Frames of another size, or of another scene, count as none. `check` is called between blocks of pixels, and raises to cancel.
    """
    past, future = _Neighbour.of(before, now), _Neighbour.of(after, now)
    if past is None and future is None:
        return now
    planes = [plane.copy() for plane in now.planes]
    for block in blocks(_undecided(now, [each for each in (past, future) if each is not None]), _BLOCK, _LONGEST):
        check()
        seen = [None if each is None else each.seen(now, block) for each in (past, future)]
        for number, plane in enumerate(planes):
            first, second = (None if each is None else (each[0], each[1][number]) for each in seen)
            plane[block] = _combined(_unit(plane[block]), first, second)
    return View(now.picture, planes, now.small)


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """A frame before or after another, and where each place of the other is in it."""

    view: View
    flow: Floats
    """From the other frame's small copy into this one's, in their pixels."""
    limit: float
    """Levels of difference in colour at which two places are hardly the same."""

    @classmethod
    def of(cls, view: View | None, now: View) -> _Neighbour | None:
        """None if there is none, or if it shows something else."""
        if view is None or view.picture.shape != now.picture.shape:
            return None
        flow = _flow(now.small, view.small)
        moved = _moved(view.small, *_places(flow, (slice(0, len(flow)), slice(0, flow.shape[1]))))
        difference = cv2.blur(cv2.absdiff(now.small, moved), (_WINDOW, _WINDOW))
        limit = min(max(_LEAST, _OF_NOISE * float(np.median(difference))), _MOST)
        if (difference > 2 * limit).mean() > _CUT:
            return None
        return cls(view, flow, limit)

    def seen(self, now: View, block: Block) -> tuple[Floats, list[Floats]]:
        """How surely each pixel of a block shows here what it shows there, 0 to 1; and the planes of this frame, moved there."""
        height, width = now.picture.shape[:2]
        near = grown(block, _WINDOW, (height, width))
        inner = within(block, near)
        scale = np.array([width / self.flow.shape[1], height / self.flow.shape[0]], np.float32)
        across, down = _places(bilinear(self.flow, width, height, *near) * scale, near)
        still = _difference(now.picture[near], self.view.picture[near])
        moved = _difference(now.picture[near], _moved(self.view.picture, across, down))
        stays = (still <= moved + _STILL)[inner]
        weight = np.exp(-np.square(np.where(stays, still[inner], moved[inner]) / np.float32(self.limit)))
        across, down = across[inner], down[inner]
        return weight, [np.where(stays, _unit(plane[block]), _unit(_moved(plane, across, down))) for plane in self.view.planes]

    @property
    def reach(self) -> float:
        """How far most of the picture has moved, in pixels of the small copies."""
        return float(np.quantile(np.abs(self.flow), _MOST_OF_IT))


def _undecided(now: View, neighbours: Sequence[_Neighbour]) -> npt.NDArray[np.bool_]:
    """Where anything could change, height x width: elsewhere all frames agree, as far around as things have moved."""
    small = now.small.shape[::-1]
    mask = np.zeros(now.small.shape, np.uint8)
    for number, plane in enumerate(now.planes):
        planes = [plane, *(each.view.planes[number] for each in neighbours)]
        differ = np.zeros(plane.shape, np.uint8)
        for each in planes:
            differ |= ((each != planes[0]) | ((each > 0) & (each < 65535))).view(np.uint8)
        mask |= (cv2.resize(differ * np.uint8(255), small, interpolation=cv2.INTER_AREA) > 0).view(np.uint8)
    size = 2 * (1 + math.ceil(max(each.reach for each in neighbours))) + 1
    wide = cv2.dilate(mask, np.ones((size, size), np.uint8))
    return np.asarray(cv2.resize(wide, now.picture.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0)


def _combined(own: Floats, past: _Seen | None, future: _Seen | None) -> Alpha:
    """The mean of a frame's own opacity and its neighbours', each with its weight; first it is corrected where both agree on another."""
    if past is not None and future is not None:
        middle = np.maximum(np.minimum(past[1], future[1]), np.minimum(np.maximum(past[1], future[1]), own))
        own = own + (middle - own) * np.power(np.minimum(past[0], future[0]), np.float32(_MENDING), dtype=np.float32)
    whole = _decided(own)
    total = own * whole
    for seen, share in ((past, _PAST), (future, _NEXT)):
        if seen is not None:
            weight = seen[0] * np.float32(share) * _decided(seen[1])
            total, whole = total + seen[1] * weight, whole + weight
    return np.round(total / whole * np.float32(65535)).clip(0, 65535).astype(np.uint16)


def _decided(opacity: Floats) -> Floats:
    """How much an opacity counts: the network is surer of what it takes for subject or background than of what is between."""
    return np.asarray(_UNDECIDED + (1 - _UNDECIDED) * np.square(2 * opacity - 1), np.float32)


def _flow(now: Pixels8, other: Pixels8) -> Floats:
    """Where each place of one picture is in another, relative to itself; the same place where there is too little to see."""
    flow = np.zeros((*now.shape, 2), np.float32)
    if min(now.shape) < _LEAST_SIDE:
        return flow
    return np.asarray(cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(now, other, flow), np.float32)


def _places(flow: Floats, block: Block) -> tuple[Floats, Floats]:
    """Columns and rows that the flow of a block leads to."""
    down, across = np.mgrid[block].astype(np.float32)
    return across + flow[..., 0], down + flow[..., 1]


def _moved(samples: npt.NDArray[Any], across: Floats, down: Floats) -> npt.NDArray[Any]:
    return np.asarray(cv2.remap(samples, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _difference(first: Pixels8, second: Pixels8) -> Floats:
    """How far the colours around each pixel differ, in levels: the largest of the channels' differences."""
    window = (_WINDOW, _WINDOW)
    means = (cv2.blur(each.astype(np.float32), window, borderType=cv2.BORDER_REPLICATE) for each in (first, second))
    return np.asarray(cv2.absdiff(*means).max(axis=2), np.float32)


def _unit(plane: Alpha) -> Floats:
    return np.multiply(plane, np.float32(1 / 65535), dtype=np.float32)
