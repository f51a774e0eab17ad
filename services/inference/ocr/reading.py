"""Reading a line of text: upright pictures of lines for the network, and its answer as words with their positions.

The network outputs a character or none for each step along the line (connectionist temporal classification, Graves et al. 2006), with its
dictionary already applied: see `models/contract.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from services.inference.media.resampling import resize
from services.inference.ocr.detection import Line, Pixels8

HEIGHT = 48  # pixels, of a line as the network takes it
_LONGEST = 4096  # pixels
_STRIDE = 64  # pixels: lines of similar length get the same size, so that the server can batch them
_MOST_PIXELS = HEIGHT * 8192  # in one request
_MOST_LINES = 16  # in one request: as many as the model takes
_PADDING = 128  # becomes 0 in the network's normalisation


@dataclass(frozen=True, slots=True)
class Word:
    """Part of a line between spaces, with the space that follows it. It begins and ends at fractions of the line's length."""

    text: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of one line, and its confidence: the mean over its characters, 0 to 1."""

    words: tuple[Word, ...]
    confidence: float

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(word.text for word in self.words)


def upright(pixels: Pixels8, line: Line) -> Pixels8:
    """The line, read along its tilt, as 48 x width x 3."""
    width, height = max(1, round(line.length)), max(1, round(line.height))
    matrix = cv2.getRotationMatrix2D((line.x, line.y), line.tilt, 1.0)
    matrix[:, 2] += np.array((width / 2 - line.x, height / 2 - line.y))
    crop = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    scaled = min(_LONGEST, max(HEIGHT // 2, math.ceil(width * HEIGHT / height)))
    return resize(np.asarray(crop, np.uint8), scaled, HEIGHT)


def upright_all(pixels: Pixels8, lines: Sequence[Line]) -> list[Pixels8]:
    """`upright` of each."""
    return [upright(pixels, line) for line in lines]


def turn_line(line: Line, degrees: float) -> Line:
    """The same line read in another direction."""
    return replace(line, tilt=line.tilt + degrees)


def batches(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Which lines go to the network together: of similar length, and not too much at once."""
    batch: list[Line] = []
    for line in sorted(lines, key=_width):
        if batch and (len(batch) == _MOST_LINES or (len(batch) + 1) * _width(line) * HEIGHT > _MOST_PIXELS):
            yield batch
            batch = []
        batch.append(line)
    if batch:
        yield batch


def _width(line: Line) -> float:
    return min(_LONGEST, line.length / line.height * HEIGHT)


def network_input(crops: Sequence[Pixels8]) -> Pixels8:
    """Lines as the network takes them: uint8 [N, 48, W, 3], the shorter ones padded on the right."""
    width = -(-max(crop.shape[1] for crop in crops) // _STRIDE) * _STRIDE
    prepared = np.full((len(crops), HEIGHT, width, 3), _PADDING, np.uint8)
    for row, crop in zip(prepared, crops, strict=True):
        row[:, : crop.shape[1]] = crop
    return prepared


def decode_reading(answer: Pixels8, width: int, padded: int) -> Reading:
    """The network's answer for one line, [1, steps, 4], whose picture was `width` pixels wide, padded to `padded`."""
    codes = answer[0, :, :3].astype(np.int32) @ (1 << 16, 1 << 8, 1)
    first = np.flatnonzero((codes != 0) & np.concatenate(([True], codes[1:] != codes[:-1])))
    if not first.size:
        return Reading((), 0.0)
    ends = np.append(np.flatnonzero(codes[1:] != codes[:-1]), codes.size - 1)
    last = ends[np.searchsorted(ends, first)]
    middles = (first + last + 1) / 2 / codes.size * padded / width
    confidence = float(answer[0, first, 3].mean()) / 255
    return Reading(tuple(_words([chr(codes[step]) for step in first], middles.tolist())), confidence)


def _words(characters: Sequence[str], middles: Sequence[float]) -> Iterator[Word]:
    """Words from characters and the position of each one's middle along the line. The line begins and ends with a character."""
    half = (middles[-1] - middles[0]) / max(1, len(middles) - 1) / 2 or 0.5
    starts = [index for index, each in enumerate(characters) if each != " " and (index == 0 or characters[index - 1] == " ")]
    for start, end in zip(starts, [*starts[1:], len(characters)][: len(starts)], strict=True):
        text = "".join(characters[start:end])
        last = end == len(characters)
        begin = 0.0 if start == starts[0] else min(1.0, max(0.0, middles[start] - half))
        yield Word(text.rstrip() if last else text, begin, 1.0 if last else min(1.0, middles[end - 1] + half))
