"""The text of a picture, by two networks: one finds its lines, one reads them."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np

from services.inference.model_server.triton import PictureModel
from services.inference.ocr import detection, reading
from services.inference.ocr.detection import Line, Pixels8
from services.inference.ocr.order import Extent, reading_order
from services.inference.ocr.reading import Reading

SIDE = 1600
"""Longest side in pixels with which a page is looked at: small print is still legible."""
MOST_LINES = 2000
_SURE = 0.5  # PP-OCR's own
_CLEAR, _CLEARER = 0.85, 0.1
_TRIED = 5  # lines
_HIGH = 1.5  # a box this many times as high as wide holds text that runs up or down
_SKEW = 15.0  # degrees by which a page may lie askew in a scanner


@dataclass(frozen=True, slots=True)
class RecognisedLine:
    """A line of a picture, its tilt being the direction of reading (clockwise as seen), and what it says."""

    line: Line
    reading: Reading


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Reads pictures with the networks that find and read lines; `check` is called before each request and raises to stop."""

    detect: PictureModel
    read: PictureModel
    check: Callable[[], None]

    async def text(self, pixels: Pixels8, wanted: Callable[[Line], bool] = lambda _: True) -> list[RecognisedLine]:
        """The lines of a picture (sRGB, height x width x 3) that are legible and wanted, in reading order.

        The picture may lie on its side or upside down. At most 2,000 lines.
        """
        found = detection.lines(await self.text_map(pixels, SIDE))
        lines = await asyncio.to_thread(lambda: list(islice(found, MOST_LINES)))
        return await self.legible(pixels, [line for line in lines if wanted(line)])

    async def text_map(self, pixels: Pixels8, longest: int) -> Pixels8:
        """`detection.text_map` of a picture that the network sees with at most `longest` pixels to a side."""
        prepared = await asyncio.to_thread(detection.network_input, pixels, longest)
        self.check()
        answer = await self.detect(prepared)
        return await asyncio.to_thread(detection.text_map, answer, pixels.shape[0], pixels.shape[1], longest)

    async def legible(self, pixels: Pixels8, lines: Sequence[Line]) -> list[RecognisedLine]:
        """Which of the lines of a picture are legible, and what they say, in reading order."""
        directed, page, known = await self._directed(pixels, lines)
        readings = known | await self._readings(pixels, [line for line in directed if line not in known])
        upright = page + _skew(directed, page)
        order = await asyncio.to_thread(reading_order, [_extent(line, upright) for line in directed])
        found = [RecognisedLine(directed[index], readings[directed[index]]) for index in order]
        return [each for each in found if each.reading.text.strip() and each.reading.confidence >= _SURE]

    async def _directed(self, pixels: Pixels8, lines: Sequence[Line]) -> tuple[list[Line], float, dict[Line, Reading]]:
        """The lines in the page's reading direction, that direction in degrees, and the readings that determined it."""
        directed, page = _along(lines)
        tried = await self._readings(pixels, sorted(directed, key=lambda line: -line.length)[:_TRIED])
        if tried and _mean(tried) < _CLEAR:
            other = await self._readings(pixels, [reading.turn_line(line, 180) for line in tried])
            if _mean(other) > _mean(tried) + _CLEARER:
                return [reading.turn_line(line, 180) for line in directed], page + 180, other
        return directed, page, tried

    async def _readings(self, pixels: Pixels8, lines: Sequence[Line]) -> dict[Line, Reading]:
        readings: dict[Line, Reading] = {}
        for batch in reading.batches(lines):
            crops = await asyncio.to_thread(reading.upright_all, pixels, batch)
            prepared = reading.network_input(crops)
            self.check()
            answers = await self.read(prepared)
            for line, crop, answer in zip(batch, crops, answers, strict=True):
                readings[line] = reading.decode_reading(answer, crop.shape[1], prepared.shape[2])
        return readings


def _along(lines: Sequence[Line]) -> tuple[list[Line], float]:
    """The lines as read left to right or bottom to top (top to bottom if most of the page lies on its side); and that direction."""
    level = [_level(line) for line in lines]
    lying = sum(line.length for line in level if abs(line.tilt) > 45) > sum(line.length for line in level if abs(line.tilt) <= 45)
    least = -22.5 if lying else -112.5
    directed = [Line(line.x, line.y, line.length, line.height, (line.tilt - least) % 180 + least) for line in level]
    return directed, 90.0 if lying else 0.0


def _level(line: Line) -> Line:
    """Level a box that is hardly higher than wide: it holds one or two upright letters."""
    if abs(line.tilt) <= 45 or line.length >= _HIGH * line.height:
        return line
    return Line(line.x, line.y, line.height, line.length, line.tilt - 90 if line.tilt > 0 else line.tilt + 90)


def _skew(lines: Sequence[Line], page: float) -> float:
    """Common skew of the lines against the page's reading direction, in degrees: the median weighted by length."""
    tilts = sorted((tilt, line.length) for line in lines if abs(tilt := line.tilt - page) < _SKEW)
    half = sum(length for _, length in tilts) / 2
    for tilt, length in tilts:
        half -= length
        if half <= 0:
            return tilt
    return 0.0


def _extent(line: Line, page: float) -> Extent:
    """Where a line is once the page, whose reading direction is `page`, stands upright."""
    turn = cv2.getRotationMatrix2D((0, 0), page, 1.0)
    x, y = (float(value) for value in turn[:, :2] @ np.array((line.x, line.y)))
    corners = cv2.boxPoints(((x, y), (line.length, line.height), line.tilt - page))
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _mean(readings: Mapping[Line, Reading]) -> float:
    return statistics.fmean(each.confidence for each in readings.values())
