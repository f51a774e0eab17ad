"""Removing marks: un-blending where the picture below still shows, filling where it does not."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media import Image, Pixels
from services.inference.media.colour import strips, to_8bit, to_srgb
from services.inference.watermark import blending, inpainting, neural, paper
from services.inference.watermark.box import Box
from services.inference.watermark.lattice import Tiling
from services.inference.watermark.layers import Layer, below_of
from services.inference.watermark.report import Kind, Mark, Method, Report
from services.inference.watermark.strokes import Mask, Pixels8, luminance, thicken, thickness, thin

FindNetwork = Callable[[], neural.Network | None]
"""Finds the network that fills masks over detail; None if there is none. Called for the first such mask; may block."""

_MARGIN = 48
_LEAST_AROUND = 40  # pixels
_STRIP = 512
_AROUND = 25
_UNBLENDING_ERROR = 7.0  # levels, as visible next to a smooth area
_FEATHER = 2.0  # pixels
_PAPER_HALO = 3  # pixels
_REACH, _HALF = 12, 127  # pixels that the colour of an edge depends on; of 255
_OUTLINE = 2  # pixels on both sides of a mark's border, where small errors of its cover show
_DARKER = 14.0  # levels
_FAINT = 0.012  # opacity up to which pixels are left alone
_OPAQUE = 0.85


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a picture during its repair: its samples, and which of its pixels were taken for paint."""

    pixels: Pixels
    paint: Mask


class Repair:
    """One picture while marks are removed from it. Pixels outside the marks stay bit-identical, in the picture's own sample type."""

    def __init__(self, image: Image, find_network: FindNetwork | None, check: Callable[[], None]) -> None:
        self._image = image
        self._find_network = find_network
        self._check = check
        self._pixels: Pixels = image.pixels.copy()
        self._paint: Mask = np.zeros((image.height, image.width), np.bool_)

    def result(self, marks: Sequence[Mark]) -> tuple[Image, Report]:
        """The picture without the marks that were removed, bit-identical outside of what was taken for them, grown by one pixel; the
        picture as it was if that were not so or if nothing was changed."""
        changed = (self._pixels != self._image.pixels).any(axis=2)
        mask = self._paint & changed
        if mask.any() and not (changed & ~thicken(mask, 1)).any():
            return dataclasses.replace(self._image, pixels=self._pixels), Report(list(marks), mask)
        return self._image, Report([dataclasses.replace(mark, methods=()) for mark in marks])

    @property
    def whole(self) -> Box:
        """The whole picture."""
        return Box(0, 0, self._image.width, self._image.height)

    def around(self, box: Box) -> Box:
        """The part of the picture that is looked at for a box."""
        return box.grown(max(_LEAST_AROUND, min(box.width, box.height)), self._image.width, self._image.height)

    def part(self, box: Box) -> Part:
        """A part of the current picture, for `put_back`."""
        return Part(self._pixels[box.window].copy(), self._paint[box.window].copy())

    def put_back(self, box: Box, part: Part) -> None:
        """Restore a part of the picture."""
        self._pixels[box.window], self._paint[box.window] = part.pixels, part.paint

    def crop(self, box: Box) -> Pixels8:
        """A copy of a part of the current picture, in sRGB."""
        return to_srgb(self._pixels[box.window].copy(), None if self._image.is_gray else self._image.icc)

    def levels(self, box: Box, size: tuple[int, int]) -> npt.NDArray[np.float32]:
        """A part of the current picture in its own colours, [height, width, 3], 0 to 255, in this width and height."""
        part: npt.NDArray[Any] = self._pixels[box.window]
        if size != (box.width, box.height):
            part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).reshape(*size[::-1], -1)
        levels = part.astype(np.float32) / np.float32(self._image.maximum / 255)
        return np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3)))

    def take_off(self, layers: Sequence[Layer], box: Box, around: Box) -> tuple[Method, ...]:
        """Show what is below layers of paint in a box, and fill what they hide. They were found in `around`, or a smaller copy of that."""
        reach = math.ceil(around.width / layers[0].painted.shape[1])
        full = [Layer(each.paint, _enlarged(each.painted, around)) for each in layers]
        region = np.zeros((around.height, around.width), np.bool_)
        region[box.within(around).window] = True
        painted, hidden = np.zeros_like(region), np.zeros_like(region)
        crop, untouched = self._pixels[around.window], self._pixels[around.window].copy()
        for rows in strips(around.height, _STRIP):
            self._check()
            wide = slice(max(0, rows.start - _REACH * reach), min(around.height, rows.stop + _REACH * reach))
            inner = slice(rows.start - wide.start, rows.stop - wide.start)
            seen = untouched[wide].astype(np.float32) / np.float32(self._image.maximum / 255)
            seen = np.ascontiguousarray(np.broadcast_to(seen, (*seen.shape[:2], 3)))
            below = below_of(seen, [Layer(each.paint, each.painted[wide]) for each in full], region[wide], reach)
            painted[rows], hidden[rows] = (below.opacity > _FAINT)[inner], below.hidden[inner]
            clear = below.levels[inner][painted[rows]][:, : crop.shape[2]] * np.float32(self._image.maximum / 255)
            crop[rows][painted[rows]] = np.round(clear).astype(crop.dtype)
        shown = np.logical_or.reduce([each.painted for each in full if not each.hides] or [hidden]) & ~hidden
        outline = thicken(shown, _OUTLINE * reach) & ~thin(shown, _OUTLINE * reach) & region & ~hidden
        self._calm(around, outline)
        self._paint[around.window] |= painted | outline
        unblended = () if all(layer.hides for layer in layers) else (Method.UNBLENDED,)
        return (*unblended, self._fill(hidden, around, painted)) if hidden.any() else unblended

    def _calm(self, around: Box, mask: Mask) -> None:
        """`_calmed` for a mask in a part of the picture, in place."""
        crop, untouched = self._pixels[around.window], self._pixels[around.window].copy()
        for rows in strips(around.height, _STRIP):
            self._check()
            wide = slice(max(0, rows.start - _AROUND), min(around.height, rows.stop + _AROUND))
            inner = slice(rows.start - wide.start, rows.stop - wide.start)
            crop[rows] = self._calmed(untouched[wide], mask[wide])[inner]

    def fill(self, box: Box, strokes: Mask | None) -> Mark:
        """Fill strokes in a box, or all of it, from what is around; on paper, with its colour. Strokes are kept if filling would change the
        picture more than they do."""
        self._check()
        around = box.grown(max(_MARGIN, min(box.width, box.height) // 2), self._image.width, self._image.height)
        inside, allowed = (np.zeros((around.height, around.width), np.bool_) for _ in range(2))
        inner = box.within(around).window
        inside[inner], allowed[inner] = True if strokes is None else strokes, True
        if strokes is None:
            return Mark(Kind.BOX, box, 1.0, (self._fill(inside, around),), whole_box=True)
        crop = to_8bit(self._pixels[around.window])
        tone = paper.tone(crop)
        if tone is not None:
            self._clear(around, inside, thicken(inside, _PAPER_HALO) & allowed, tone)
            return Mark(Kind.BOX, box, 1.0, (Method.CLEARED,))
        mask = thicken(inside, _halo(inside)) & allowed
        return Mark(Kind.BOX, box, 1.0, () if inpainting.is_worse_filled(crop, mask) else (self._fill(mask, around),))

    def fill_painted(self, layers: Sequence[Layer], box: Box, around: Box) -> tuple[Method, ...]:
        """`fill` what layers of paint cover in a box. They were found in `around`, or a smaller copy of that."""
        painted = np.logical_or.reduce([_enlarged(each.painted, around) for each in layers])
        return self.fill(box, painted[box.within(around).window]).methods

    def remove_tiling(self, tiling: Tiling) -> Mark:
        """Remove a tiled mark over the whole picture."""
        width, height = self._image.width, self._image.height
        tone = paper.tone(to_8bit(self._pixels))
        if tone is not None:
            strokes = np.concatenate([tiling.opacity_in(rows, width) > 2 * _FAINT for rows in strips(height, _STRIP)])
            whole = Box(0, 0, width, height)
            self._clear(whole, strokes & (luminance(to_8bit(self._pixels)) < float(tone.mean()) - 4), thicken(strokes, 2), tone)
            return self._tiled(tiling, (Method.CLEARED,))
        untouched = self._pixels.copy()
        for rows in strips(height, _STRIP):
            self._check()
            # With extra rows above and below for steps that use their surroundings; only `rows` are written.
            wide = slice(max(0, rows.start - _MARGIN), min(height, rows.stop + _MARGIN))
            opacity = tiling.opacity_in(wide, width)
            seen = untouched[wide]
            mask = opacity > _FAINT
            clear = self._without(seen, opacity, _levels(tiling.colour, seen.shape[2]))
            result = seen.copy()
            result[mask] = self._calmed(clear, mask, opacity > _OPAQUE)[mask]
            inner = slice(rows.start - wide.start, rows.stop - wide.start)
            self._pixels[rows], self._paint[rows] = result[inner], self._paint[rows] | mask[inner]
        return self._tiled(tiling, (Method.UNBLENDED, Method.FLAT))

    def _tiled(self, tiling: Tiling, methods: tuple[Method, ...]) -> Mark:
        return Mark(
            Kind.TILED,
            Box(0, 0, self._image.width, self._image.height),
            round(min(0.99, 0.5 + 0.5 * tiling.agreement), 2),
            methods,
            (f"the same pattern {round(tiling.repeats)} times",),
            tiling.strength,
        )

    def _clear(self, box: Box, strokes: Mask, near: Mask, tone: npt.NDArray[np.float32]) -> None:
        """Give pixels of a box that are not clearly darker than the mark the paper's colour."""
        crop = self._pixels[box.window]
        gray = luminance(to_8bit(crop))
        cleared = near & (gray >= float(np.median(gray[strokes])) - _DARKER)
        crop[cleared] = np.round(self._native(tone)).astype(crop.dtype)
        self._paint[box.window] |= cleared

    def _without(self, seen: Pixels, opacity: npt.NDArray[np.float32], colour: npt.NDArray[np.float32] | float) -> Pixels:
        """The picture below, in the picture's sample type: `seen` is height x width x channels, `opacity` height x width."""
        scale = self._image.maximum / 255
        clear = blending.unblend(seen.astype(np.float32) / scale, opacity.clip(0, _OPAQUE)[..., np.newaxis], colour)
        rounded = np.round(clear * scale)
        return rounded.astype(np.uint8) if self._image.bit_depth == 8 else rounded.astype(np.uint16)

    def _calmed(self, clear: Pixels, mask: Mask, hidden: Mask | None = None) -> Pixels:
        """Masked pixels as un-blended in texture, which is better than their neighbours there, and like their neighbours in smooth areas
        and where nothing is known of what is below."""
        if not mask.any():
            return clear
        filled = blending.smooth_below(to_8bit(clear), mask)
        trust = _texture_share(filled, mask)
        if hidden is not None:
            trust[hidden] = 0
        share = trust[mask][:, np.newaxis]
        calmed = clear.copy()
        calmed[mask] = np.round(share * clear[mask] + (1 - share) * self._native(filled[mask])).astype(clear.dtype)
        return calmed

    def _native(self, filled: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """8-bit samples in the range of the picture's own."""
        return filled.astype(np.float32) * np.float32(257 if self._image.bit_depth == 16 else 1)

    def _fill(self, mask: Mask, around: Box, inner: Mask | None = None) -> Method:
        """Fill the mask of a crop of the picture, in place, with a soft transition at its border.

        Towards `inner`, the part already un-blended, it is filled fully, since the pixels between still have paint.
        """
        crop = self._pixels[around.window]
        self._paint[around.window] |= mask
        source = to_8bit(crop)
        detailed = inpainting.is_detailed(source, mask)
        network = self._find_network() if self._find_network is not None and detailed else None
        if network is not None:
            method, filled = Method.NEURAL, self._by_network(mask, around, network)
        else:
            method = inpainting.method_without_network(mask, detailed=detailed)
            filled = inpainting.fill(source, mask, method, self._check)[mask]
        weight = (cv2.distanceTransform((mask if inner is None else mask | inner).astype(np.uint8), cv2.DIST_L2, 3)[mask] / _FEATHER).clip(
            0, 1
        )[:, np.newaxis]
        crop[mask] = np.round(crop[mask] + (self._native(filled) - crop[mask]) * weight).astype(crop.dtype)
        return method

    def _by_network(self, mask: Mask, around: Box, network: neural.Network) -> Pixels8:
        """A network's replacement for the masked pixels: it is shown more of the picture than the crop."""
        wide = around.grown(neural.reach(mask), self._image.width, self._image.height)
        inner = around.within(wide).window
        whole = np.zeros((wide.height, wide.width), np.bool_)
        whole[inner] = mask
        filled = neural.fill(to_8bit(self._pixels[wide.window]), whole, network, self._check)
        return np.asarray(filled[inner][mask], np.uint8)


def _enlarged(mask: Mask, box: Box) -> Mask:
    """A mask of a smaller copy in the size of a box."""
    if mask.shape == (box.height, box.width):
        return mask
    full = cv2.resize(mask.astype(np.uint8) * np.uint8(255), (box.width, box.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full > _HALF, np.bool_)


def _levels(colour: tuple[float, ...], channels: int) -> npt.NDArray[np.float32]:
    """The colour as stored in a picture with this number of channels."""
    levels = np.array(colour, np.float32)
    return levels if levels.size == channels else levels.mean(keepdims=True)


def _texture_share(filled: Pixels8, mask: Mask) -> npt.NDArray[np.float32]:
    """How much to trust un-blended pixels over filled ones, 0 to 1: the share of texture in texture plus un-blending error."""
    gray = luminance(filled)
    known = (~thicken(mask, 1)).astype(np.float32)
    energy = (gray - cv2.GaussianBlur(gray, (0, 0), 2)) ** 2 * known
    local = cv2.blur(energy, (_AROUND, _AROUND)) / np.maximum(cv2.blur(known, (_AROUND, _AROUND)), 0.05)
    return np.asarray(local / (local + _UNBLENDING_ERROR**2), np.float32)


def _halo(strokes: Mask) -> int:
    """Reach of soft edges and compression ringing around strokes, in pixels: larger for thicker strokes."""
    return 2 if thickness(strokes) < 6 else 3
