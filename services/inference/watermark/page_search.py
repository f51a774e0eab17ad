"""The marks of a scanned page, from a picture to one without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from services.inference.media import Pixels
from services.inference.media.colour import to_8bit
from services.inference.watermark import page_repair
from services.inference.watermark.box import Box
from services.inference.watermark.page_groups import groups
from services.inference.watermark.page_layers import USUAL_SIDE, Levels, Paper, measure_paper, scanned_tone, split
from services.inference.watermark.page_marks import PageMark, judge_groups
from services.inference.watermark.report import Kind, Mark, Method
from services.inference.watermark.strokes import Mask, Pixels8

_SEARCHED = 2400  # pixels of the longer side of what is searched
_MARGIN = 40
_LEAST_SIDE, _LONGEST = 300, 20  # pixels of a page's longer side, and times its shorter one: other pictures show nothing that can be read
_GRAIN, _PRINTED = 0.04, 0.12  # share of the light by which paper differs from its fitted brightness, and print at least
_METHODS = Method.UNBLENDED, Method.CLEARED


def page_in(pixels: Pixels, check: Callable[[], None]) -> Page | None:
    """The page that a picture (in its own colours) shows; None if it shows something else."""
    shorter, longer = sorted(pixels.shape[:2])
    if longer < _LEAST_SIDE or longer > _LONGEST * shorter:
        return None
    narrow = to_8bit(pixels)
    tone = scanned_tone(narrow)
    return None if tone is None else Page(narrow, tone, check)


class Page:
    """A document as a picture, and its marks."""

    def __init__(self, pixels: Pixels8, tone: Levels, check: Callable[[], None]) -> None:
        height, width = pixels.shape[:2]
        self.paper = measure_paper(pixels, tone)
        self._scale = min(1.0, _SEARCHED / max(height, width))
        small = pixels
        if self._scale < 1:
            size = round(width * self._scale), round(height * self._scale)
            small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8).reshape(size[1], size[0], -1)
        shape = small.shape[:2]
        ground = Paper(self.paper.weights, shape).within(slice(0, shape[0]), slice(0, shape[1]))
        unit = max(shape) / USUAL_SIDE
        layers = split(small, ground, unit)
        check()
        self.marks: Sequence[PageMark] = judge_groups(list(groups(layers, unit, check)), layers)

    def _box(self, mark: PageMark, size: tuple[int, int]) -> Box:
        """Where a mark is on the page of `size` (height, width)."""
        left, top, right, bottom = (round(edge / self._scale) for edge in (mark.box.left, mark.box.top, mark.box.right, mark.box.bottom))
        return Box(left, top, min(size[1], right), min(size[0], bottom))

    def remove(self, mark: PageMark, pixels: Pixels, *, with_print: bool = False) -> Mark:
        """Remove a mark from the page's samples, in place; one that hides print only `with_print`, which is then lost."""
        height, width = pixels.shape[:2]
        box = self._box(mark, (height, width))
        around = box.grown(_MARGIN, width, height)
        cover = np.zeros((around.height, around.width), np.bool_)
        cover[box.within(around).window] = _resized(mark.cover, box)
        unit = max(height, width) / USUAL_SIDE
        crop = pixels[around.window]
        ground = self.paper.within(*around.window)
        narrow = to_8bit(crop)
        layers = split(narrow, ground, unit)
        clear, changed = page_repair.without(narrow.astype(np.float32) / ground, layers, mark, cover, unit)
        if not with_print and page_repair.hides_print(clear, cover, unit):
            return replace(self.report_kept(mark, (height, width)), hides_print=True)
        scale = 257 if crop.dtype == np.uint16 else 1
        crop[changed] = np.round((clear[changed] * ground[changed]).clip(0, 255) * scale).astype(crop.dtype)
        opacity = round(1 - float(mark.tone.min()), 2)
        return Mark(mark.kind, box, mark.confidence, _METHODS, mark.evidence, opacity, in_part=mark.in_picture)

    def empty(self, box: Box, pixels: Pixels) -> Mark:
        """Put paper in place of everything in a box, in place, if there is anything."""
        height, width = pixels.shape[:2]
        around = box.grown(_MARGIN, width, height)
        light = to_8bit(pixels[around.window]) / self.paper.within(*around.window)
        grain = light[np.abs(light.mean(axis=2) - 1) < _GRAIN]
        inside = cv2.blur(light, (3, 3)).reshape(light.shape)[box.within(around).window]
        if not grain.size or inside.min(initial=1.0) > 1 - _PRINTED:
            return Mark(Kind.BOX, box, 1.0)
        chosen = grain[np.random.default_rng(box.left).integers(len(grain), size=(box.height, box.width))]
        scale = 257 if pixels.dtype == np.uint16 else 1
        pixels[box.window] = np.round((chosen * self.paper.within(*box.window)).clip(0, 255) * scale).astype(pixels.dtype)
        return Mark(Kind.BOX, box, 1.0, (Method.CLEARED,), whole_box=True)

    def report_kept(self, mark: PageMark, size: tuple[int, int]) -> Mark:
        """The report of a mark that stays."""
        return Mark(mark.kind, self._box(mark, size), mark.confidence, evidence=mark.evidence, in_part=mark.in_picture)


def _resized(cover: Mask, box: Box) -> Mask:
    if cover.shape == (box.height, box.width):
        return cover
    return np.asarray(cv2.resize(cover.astype(np.float32), (box.width, box.height)) > 0.5, np.bool_)
