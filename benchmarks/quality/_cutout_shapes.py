"""Things drawn with a known alpha: hair, fur, strings, leaves, glass; and the shadows of others."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_FINE = 3  # lines are drawn this many times as large, without antialiasing, and averaged down


def with_strands(
    alpha: Floats, rng: np.random.Generator, *, count: int, length: float, below: float = 1.0, curl: float = 0.09, thickest: int = 3
) -> Floats:
    """An outline with `count` strands that grow from its upper part, down to the share `below` of its height.

    `length` is a share of its height. Strands are up to `thickest` / 3 pixels wide.
    """
    height, width = alpha.shape
    rows = np.flatnonzero(alpha.max(axis=1) > 0.5)
    top, tall = int(rows[0]), int(rows[-1] - rows[0])
    contours, _ = cv2.findContours((alpha > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=len)[:, 0, :]
    outline = outline[
        (outline[:, 1] < top + below * tall) & (outline.min(axis=1) > 3) & (outline[:, 0] < width - 4) & (outline[:, 1] < height - 4)
    ]
    smooth = cv2.GaussianBlur(alpha, (0, 0), tall / 40)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    canvas = np.zeros((height * _FINE, width * _FINE), np.uint8)
    steps = 24
    for x, y in outline[rng.integers(0, len(outline), count)]:
        angle = np.arctan2(-down[y, x], -across[y, x]) + rng.normal(0, 0.5)
        stride = length * tall / steps * rng.uniform(0.3, 1.3)
        turns = rng.normal(0, curl, steps).cumsum() + angle
        start = np.array([x, y], np.float64) - 4 * stride * np.array([np.cos(angle), np.sin(angle)])
        points = start + stride * np.stack([np.cos(turns), np.sin(turns)], axis=1).cumsum(axis=0)
        cv2.polylines(canvas, [np.round(points * _FINE).astype(np.int32)], False, 255, int(rng.integers(1, thickest + 1)))
    strands = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    return np.asarray(1 - (1 - alpha) * (1 - strands), np.float32)


def racket(side: int) -> tuple[Floats, Floats]:
    """A racket with strings, side x side: colours and alpha."""
    canvas = np.zeros((side * _FINE, side * _FINE), np.uint8)
    unit = side * _FINE / 100
    centre, axes = (round(50 * unit), round(36 * unit)), (round(24 * unit), round(30 * unit))
    strings = np.zeros_like(canvas)
    for offset in np.arange(-28, 29, 3.2):
        x, y = round((50 + offset) * unit), round((36 + offset) * unit)
        cv2.line(strings, (x, 0), (x, canvas.shape[0]), 255, max(1, round(0.28 * unit)))
        cv2.line(strings, (0, y), (canvas.shape[1], y), 255, max(1, round(0.28 * unit)))
    hole = np.zeros_like(canvas)
    cv2.ellipse(hole, centre, axes, 0, 0, 360, 255, -1)
    canvas = np.where(hole > 0, strings, 0).astype(np.uint8)
    cv2.ellipse(canvas, centre, axes, 0, 0, 360, 255, round(3.4 * unit))
    for x in (42, 58):
        cv2.line(canvas, (round(x * unit), round(64 * unit)), (round(50 * unit), round(74 * unit)), 255, round(3 * unit))
    cv2.rectangle(canvas, (round(47.6 * unit), round(72 * unit)), (round(52.4 * unit), round(96 * unit)), 255, -1)
    alpha = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    colour = np.empty((side, side, 3), np.float32)
    colour[:] = (0.75, 0.12, 0.1)
    colour[y > 0.72] = (0.12, 0.1, 0.1)
    inner = ((x - 0.5) / 0.225) ** 2 + ((y - 0.36) / 0.285) ** 2 < 1
    colour[inner] = (0.93, 0.9, 0.78)
    return np.asarray((colour * (0.8 + 0.3 * np.sin(x * 9 + 1))[..., None]).clip(0, 1), np.float32), alpha


def fern(side: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A potted plant with narrow leaves, side x side: colours and alpha."""
    canvas = np.zeros((side * _FINE, side * _FINE), np.uint8)
    unit = side * _FINE / 100
    for angle in np.linspace(-1.25, 1.25, 23):
        steps = np.arange(40)
        bend = angle * (1 + 0.02 * steps)
        stem = np.stack([50 + (np.sin(bend) * 1.2).cumsum(), 68 - (np.cos(bend) * 1.35 - 0.018 * steps).cumsum()], axis=1) * unit
        cv2.polylines(canvas, [np.round(stem).astype(np.int32)], False, 255, max(1, round(0.45 * unit)))
        for index in range(6, 40, 2):
            size = (44 - index) * 0.16 * unit * rng.uniform(0.8, 1.1)
            for turn in (-1.1, 1.1):
                leaf = bend[index] + turn
                tip = stem[index] + size * np.array([np.sin(leaf), -np.cos(leaf)])
                cv2.line(canvas, tuple(map(int, stem[index])), tuple(map(int, tip)), 255, max(1, round(0.35 * unit)))
    cv2.fillPoly(canvas, [np.round(np.array([[37, 66], [63, 66], [58, 94], [42, 94]]) * unit).astype(np.int32)], 255)
    alpha = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    light = 0.75 + 0.35 * np.sin(x * 31) * np.sin(y * 23)
    colour = np.where((y > 0.66)[..., None], np.array([0.72, 0.36, 0.2]), np.array([0.22, 0.5, 0.16])) * light[..., None]
    return np.asarray(colour.clip(0, 1), np.float32), alpha


def bottle(side: int) -> tuple[Floats, Floats]:
    """A bottle of tinted glass with a label and a cap, side x side: colours and alpha, which is about one half for the glass."""
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    half = np.interp(y, [0.05, 0.28, 0.4, 0.96], [0.055, 0.06, 0.15, 0.15]).astype(np.float32)
    distance = (half - np.abs(x - 0.5)) * side
    body = (distance.clip(0, 1) * ((y - 0.05) * side).clip(0, 1) * ((0.96 - y) * side).clip(0, 1)).astype(np.float32)
    rim = np.exp(-((distance / side / 0.018) ** 2))
    glass = 0.42 + 0.5 * rim
    label = ((y > 0.52) & (y < 0.8)) | (y < 0.13)
    alpha = body * np.where(label, 1, glass)
    colour = np.empty((side, side, 3), np.float32)
    colour[:] = (0.1, 0.32, 0.18)
    colour[(y > 0.52) & (y < 0.8)] = (0.93, 0.88, 0.74)
    colour[y < 0.13] = (0.6, 0.1, 0.12)
    shine = np.exp(-(((x - 0.43) / 0.012) ** 2)) * (y > 0.4)
    return np.asarray((colour + 0.6 * shine[..., None]).clip(0, 1), np.float32), np.asarray(alpha, np.float32)


_GLASSES = {
    "bottle": ([0.05, 0.28, 0.4, 0.96], [0.055, 0.06, 0.15, 0.15]),
    "tumbler": ([0.25, 0.95], [0.22, 0.17]),
    "wine glass": ([0.05, 0.3, 0.45, 0.52, 0.88, 0.93], [0.17, 0.2, 0.1, 0.015, 0.015, 0.15]),
}
"""Heights from the top, and half the width there; shares of the picture's side."""


def glass(side: int, rng: np.random.Generator) -> tuple[str, Floats, Floats]:
    """Tinted glass, a third filled, side x side: its name, colours and alpha, 0.2 to 0.7, and up to 0.9 in highlights."""
    name = str(rng.choice(list(_GLASSES)))
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    heights, widths = _GLASSES[name]
    half = np.interp(y, heights, widths).astype(np.float32)
    distance = (half - np.abs(x - 0.5)) * side
    body = distance.clip(0, 1) * ((y - heights[0]) * side).clip(0, 1) * ((heights[-1] - y) * side).clip(0, 1)
    rim = np.exp(-((distance / side / 0.012) ** 2)) * rng.uniform(0.25, 0.45)
    tint = rng.uniform(0.1, 0.75, 3)
    colour = np.broadcast_to(tint, (side, side, 3)).astype(np.float32)
    opacity = np.full((side, side), rng.uniform(0.2, 0.4), np.float32)
    bottom = heights[2] if name == "wine glass" else heights[-1]
    full = (y > bottom - rng.uniform(0.12, 0.3)) & (y < bottom)
    opacity[full] += np.float32(rng.uniform(0.1, 0.3))
    colour[full] = colour[full] * rng.uniform(0.3, 1, 3)
    shine = np.zeros_like(x)
    for place in rng.uniform(-0.75, 0.75, 2):
        shine = np.maximum(shine, np.exp(-(((x - 0.5 - place * half) / rng.uniform(0.006, 0.014)) ** 2)) * (half > 0.03))
    alpha = body * np.maximum((opacity + rim).clip(0, 0.7), 0.9 * shine)
    return name, np.asarray((colour + shine[..., None]).clip(0, 1), np.float32), np.asarray(alpha, np.float32)


def cast_shadow(alpha: Floats, rng: np.random.Generator) -> Floats:
    """The share of light that a subject takes from the ground behind it, height x width: sheared and flattened at its foot, and soft."""
    height, width = alpha.shape
    foot = float(np.flatnonzero(alpha.max(axis=1) > 0.5)[-1])
    shear, flat = rng.uniform(-1, 1), rng.uniform(0.15, 0.5)
    onto = np.array([[1, -shear, shear * foot], [0, flat, (1 - flat) * foot]])
    fallen = cv2.warpAffine(alpha, onto, (width, height))
    return np.asarray(cv2.GaussianBlur(fallen, (0, 0), rng.uniform(0.003, 0.02) * height) * rng.uniform(0.3, 0.65), np.float32)
