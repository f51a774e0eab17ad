"""Removing marks: un-blending where the picture below still shows, filling where it does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media import Image, Pixels
from services.inference.media.colour import contiguous, strips, to_8bit, to_srgb
from services.inference.watermark import blending, inpainting, neural, paper
from services.inference.watermark.box import Box
from services.inference.watermark.lattice import Tiling
from services.inference.watermark.marks import COVERED, DetectedMark
from services.inference.watermark.refinement import Overlay
from services.inference.watermark.report import Kind, Mark, Method, Report
from services.inference.watermark.strokes import THIN, Mask, Pixels8, luminance, thicken, thickness, thin

FindNetwork = Callable[[], neural.Network | None]
"""Finds the network that fills masks over detail; None if there is none. Called for the first such mask; may block."""

_MARGIN = 48
_STRIP = 512
_AROUND = 25
_UNBLENDING_ERROR = 7.0  # levels, as visible next to a smooth area
_FEATHER = 2.0  # pixels
_PAPER_HALO = 3  # pixels
_COLOURED, _CHROMA_RIM = 60, 2  # levels between channels; pixels of a coloured stroke whose colour JPEG mixes with what is around it
_DARKER = 14.0  # levels
_FAINT = 0.012  # opacity up to which pixels are left alone
_OPAQUE = 0.85
_HIDING = 0.7  # opacity
_WHOLE = 0.9  # cover
_POSSIBLE = 0.8  # of an opacity: a pixel that cannot have as much is not under the paint


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

    def part(self, box: Box) -> Part:
        """A part of the current picture, for `put_back`."""
        return Part(self._pixels[box.window].copy(), self._paint[box.window].copy())

    def put_back(self, box: Box, part: Part) -> None:
        """Restore a part of the picture."""
        self._pixels[box.window], self._paint[box.window] = part.pixels, part.paint

    def restore(self, box: Box) -> None:
        """Make a part of the picture the input's again."""
        self._pixels[box.window], self._paint[box.window] = self._image.pixels[box.window], False

    def crop(self, box: Box) -> Pixels8:
        """A part of the current picture, in sRGB."""
        return to_srgb(contiguous(self._pixels[box.window]), None if self._image.is_gray else self._image.icc)

    def remove(self, found: DetectedMark) -> Mark:
        """Remove one mark, changing nothing outside its box."""
        self._check()
        width, height = self._image.width, self._image.height
        around = found.box.grown(max(_MARGIN, min(found.box.width, found.box.height) // 2), width, height)
        inside = np.zeros((around.height, around.width), np.bool_)
        inside[found.box.within(around).window] = True if found.strokes is None else found.strokes
        allowed = np.zeros_like(inside)
        allowed[found.box.within(around).window] = True
        crop = self._pixels[around.window]
        methods: list[Method] = []
        mask, opacity = inside, None
        if found.overlay is not None:
            return self._without_overlay(found, found.overlay, crop, around)
        if found.strokes is not None:
            tone = paper.tone(to_8bit(crop))
            if tone is not None:
                self._clear(around, inside, thicken(inside, _PAPER_HALO) & allowed, tone)
                return Mark(found.kind, found.box, found.confidence, (Method.CLEARED,), found.evidence)
            blend = blending.measure(to_8bit(crop), inside) if thickness(inside) >= THIN else None
            mask = thicken(inside, _halo(inside)) & allowed
            if blend is not None:
                core = thin(inside, 1)
                self._paint[around.window] |= core
                crop[core] = self._without(crop, core * np.float32(blend.opacity), _levels(blend.colour, crop.shape[2]))[core]
                mask &= ~core
                if max(blend.colour) - min(blend.colour) >= _COLOURED:
                    self._recolour(crop, core & ~thin(inside, 1 + _CHROMA_RIM), mask)
                opacity = blend.opacity
                methods.append(Method.UNBLENDED)
        if opacity is None and found.strokes is not None and inpainting.is_worse_filled(to_8bit(crop), mask):
            return Mark(found.kind, found.box, found.confidence, (), found.evidence)
        methods.append(self._fill(mask, around, rim=opacity is not None, inner=None if opacity is None else core))
        return Mark(found.kind, found.box, found.confidence, tuple(methods), found.evidence, opacity, whole_box=found.strokes is None)

    def _without_overlay(self, found: DetectedMark, overlay: Overlay, crop: Pixels, around: Box) -> Mark:
        """Subtract translucent paint of known cover, in place in a crop, and fill the rim, where the cover is least certain."""
        inner = found.box.within(around).window
        cover = np.zeros(crop.shape[:2], np.float32)
        cover[inner] = overlay.cover
        # In the picture's own colours, which may differ from those in which the mark was found.
        blend = overlay.blend if self._image.icc is None else blending.measure(to_8bit(crop), cover > COVERED) or overlay.blend
        colour = _levels(blend.colour, crop.shape[2])
        covered = cover > COVERED
        # Nothing was visible through it: its colour is a guess unless white or black, and near-opaque paint hides everything.
        guessed = not blend.correlation and (blend.opacity > _HIDING or len(set(blend.colour)) > 1)
        if guessed or blend.opacity > _OPAQUE:
            allowed = np.zeros_like(covered)
            allowed[inner] = True
            mask = thicken(covered, 1) & allowed
            methods: tuple[Method, ...] = () if inpainting.is_worse_filled(to_8bit(crop), mask) else (self._fill(mask, around),)
            return Mark(found.kind, found.box, found.confidence, methods, found.evidence)
        self._paint[around.window] |= covered
        self._unblend(crop, covered, cover, np.float32(blend.opacity), colour)
        if overlay.edges_known:
            return Mark(found.kind, found.box, found.confidence, (Method.UNBLENDED,), found.evidence, blend.opacity)
        rim = thicken(covered, 1) & ~thin(cover > _WHOLE, 1)
        allowed = np.zeros_like(rim)
        allowed[inner] = True
        methods = Method.UNBLENDED, self._fill(rim & allowed, around, rim=True)
        return Mark(found.kind, found.box, found.confidence, methods, found.evidence, blend.opacity)

    def _unblend(
        self, crop: Pixels, covered: Mask, cover: npt.NDArray[np.float32], opacity: np.float32, colour: npt.NDArray[np.float32]
    ) -> None:
        """Subtract paint in place in a crop. Pixels that cannot have so much of it do not belong to the mark; single ones are filled."""
        scale = self._image.maximum / 255
        for rows in strips(crop.shape[0], _STRIP):
            there = covered[rows]
            if not there.any():
                continue
            seen, share = crop[rows].astype(np.float32) / scale, cover[rows] * opacity
            impossible = there & (blending.most_opacity(seen, colour) < _POSSIBLE * share)
            others = cv2.morphologyEx(impossible.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
            there = there & ~others
            crop[rows][there] = self._without(crop[rows], share, colour)[there]
            single = impossible & ~others
            if single.any():
                crop[rows][single] = np.round(self._native(blending.smooth_below(to_8bit(crop[rows]), single)[single])).astype(crop.dtype)

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
            # In texture the un-blended pixels are better than their neighbours; in smooth areas the neighbours are.
            filled = blending.smooth_below(to_8bit(clear), mask)
            trust = _texture_share(filled, mask)
            trust[opacity > _OPAQUE] = 0
            mixed = trust[mask][:, np.newaxis] * clear[mask] + (1 - trust[mask])[:, np.newaxis] * self._native(filled[mask])
            result = seen.copy()
            result[mask] = np.round(mixed).astype(seen.dtype)
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

    def _recolour(self, crop: Pixels, rim: Mask, unknown: Mask) -> None:
        """Where the ground is smooth, give the pixels of a rim the colours around it and around `unknown`, in place."""
        filled = blending.smooth_below(to_8bit(crop), rim | unknown)
        trust = _texture_share(filled, rim | unknown)[rim][:, np.newaxis]
        crop[rim] = np.round(trust * crop[rim] + (1 - trust) * self._native(filled[rim])).astype(crop.dtype)

    def _without(self, seen: Pixels, opacity: npt.NDArray[np.float32], colour: npt.NDArray[np.float32] | float) -> Pixels:
        """The picture below, in the picture's sample type: `seen` is height x width x channels, `opacity` height x width."""
        scale = self._image.maximum / 255
        clear = blending.unblend(seen.astype(np.float32) / scale, opacity.clip(0, _OPAQUE)[..., np.newaxis], colour)
        rounded = np.round(clear * scale)
        return rounded.astype(np.uint8) if self._image.bit_depth == 8 else rounded.astype(np.uint16)

    def _native(self, filled: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """8-bit samples in the range of the picture's own."""
        return filled.astype(np.float32) * np.float32(257 if self._image.bit_depth == 16 else 1)

    def _fill(self, mask: Mask, around: Box, *, rim: bool = False, inner: Mask | None = None) -> Method:
        """Fill the mask of a crop of the picture, in place, with a soft transition at its border. A rim is a few pixels wide.

        Towards `inner`, the part already un-blended, it is filled fully, since the pixels between still have paint.
        """
        crop = self._pixels[around.window]
        self._paint[around.window] |= mask
        source = to_8bit(crop)
        detailed = inpainting.is_detailed(source, mask)
        network = self._find_network() if self._find_network is not None and detailed and not rim else None
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
