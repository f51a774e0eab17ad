"""Pictures of results side by side, for the docs."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.table import Section

Pixels = npt.NDArray[np.uint8]

_WIDTH, _HIGHEST, _GAP = 300, 220, 4  # pixels of each picture, and between them
_QUALITIES, _MOST_BYTES = (45, 35, 25), 140_000
_WORST, _ALIKE = 10, 2


@dataclass(frozen=True, slots=True)
class Case:
    """A result that may be shown: how bad it is, which one it is, and its pictures, all of one size."""

    badness: float
    label: str
    pictures: Sequence[Pixels]


def show_worst(section: Section, operation: str, shown: str, cases: Sequence[Case], columns: int = 1) -> None:
    """Put the worst ten into a section, as a sheet with so many cases a row: first at most two whose labels begin with the same name, then
    more of them if there are not ten. `shown` says what each case's pictures are."""
    some, more, named = list[Case](), list[Case](), Counter[str]()
    for case in sorted(cases, key=lambda case: -case.badness):
        name = case.label.partition(",")[0]
        (some if named[name] < _ALIKE else more).append(case)
        named[name] += 1
    worst = (some + more)[:_WORST]
    rows = [worst[start : start + columns] for start in range(0, len(worst), columns)]
    says = f"The worst that may be shown, row by row, {shown}: " + "; ".join(case.label for case in worst)
    section.images[f"worst-{operation.replace('_', '-')}.webp"] = says, sheet([[p for case in row for p in case.pictures] for row in rows])


def sheet(rows: Sequence[Sequence[Pixels]]) -> bytes:
    """Rows of pictures, all of a row of one size, as WebP."""
    strips = [_row(row) for row in rows]
    wide = max(strip.shape[1] for strip in strips)
    return webp(np.concatenate([np.pad(strip, ((0, 0), (0, wide - strip.shape[1]), (0, 0)), constant_values=255) for strip in strips]))


def _row(pictures: Sequence[Pixels]) -> Pixels:
    height, width = pictures[0].shape[:2]
    scale = min(_WIDTH / width, _HIGHEST / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    strip = np.full((size[1] + _GAP, len(pictures) * (_WIDTH + _GAP), 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        left = number * (_WIDTH + _GAP) + (_WIDTH - size[0]) // 2
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        strip[: size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=how)
    return strip


def webp(pixels: Pixels) -> bytes:
    """A picture in a file that is small enough for the repository."""
    content = b""
    for quality in _QUALITIES:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "WEBP", quality=quality, method=6)
        content = file.getvalue()
        if len(content) <= _MOST_BYTES:
            break
    return content
