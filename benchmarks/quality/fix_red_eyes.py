"""Red pupils painted into photographs of faces, and what becomes of them and of eyes that are not red."""

from __future__ import annotations

import asyncio
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import onnx_models
from benchmarks.quality._face_pictures import Photograph, Pixels8, photographs
from benchmarks.table import Section
from services.inference.faces.detection import DETECTOR
from services.inference.faces.finding import least_score
from services.inference.faces.mesh import IRIS, MESH, Iris, find_meshes, irises
from services.inference.faces.red_eyes import correct_red_eyes
from services.inference.media import Image

_THREADS = 2
_SENSITIVITY, _STRENGTH = 0.5, 0.7
_LEAST_RADIUS = 3.0
"""Pixels of an iris that a pupil is painted into."""
_REDS: Mapping[str, tuple[int, int, int]] = {
    "bright": (235, 70, 60),
    "deep": (170, 25, 30),
    "dark": (110, 22, 24),
    "orange": (230, 120, 60),
    "pink": (240, 130, 140),
}
_STILL_RED = 25
"""Levels by which a pupil's red is above its green and blue, from which one sees it."""


@dataclass
class _Score:
    pupils: int = 0
    dark: int = 0
    spilled_share: float = 0.0


def measure() -> Sequence[Section]:
    """One table: reds, by part."""
    every = [(each, _eyes(each.pixels)) for each in photographs()]
    section = Section(
        "Red eyes",
        'Pupils painted over the eyes of the photographs of "Faces that are found", where an iris has a radius of '
        f"{_LEAST_RADIUS:g} pixels and more: 0.4 to 0.8 of its radius, up to a fifth of it out of its middle, soft at the edge, with a "
        "glint. The middle is that which the network for irises tells, so that its own error is not in the table. *Corrected*: the "
        f"pupil's red is less than {_STILL_RED} levels of 255 above its green and blue. *Beside*: pixels of the picture that were changed "
        "away from the painted pupils, for each of them. Of the limits of the rule one was chosen on those *seen*.",
        ("photographs", "red", "pupils", "corrected", "levels of red left, mean", "beside"),
    )
    for part in ("seen", "held out"):
        chosen = [(photograph, eyes) for photograph, eyes in every if photograph.part == part]
        for red in _REDS:
            section.rows.append((part, red, *_told(chosen, red)))
        changed = [
            photograph.name for photograph, eyes in chosen if correct_red_eyes(Image(photograph.pixels), eyes, _SENSITIVITY, _STRENGTH)[1]
        ]
        section.rows.append((part, "none: eyes as they are", f"{len(chosen)} pictures", "–", "–", f"{len(changed)} changed"))
        if changed:
            section.remarks += f"Changed without red eyes ({part}): {', '.join(changed)}. "
    return [section]


def _told(chosen: Sequence[tuple[Photograph, Sequence[Iris]]], red: str) -> list[str]:
    score, left = _Score(), list[float]()
    for number, (photograph, eyes) in enumerate(chosen):
        large = [eye for eye in eyes if eye.radius >= _LEAST_RADIUS]
        if not large:
            continue
        painted, pupils = _painted(photograph.pixels, large, _REDS[red], np.random.default_rng(number))
        result = correct_red_eyes(Image(painted), eyes, _SENSITIVITY, _STRENGTH)[0].pixels.astype(np.float64)
        for pupil in pupils:
            core = pupil > 0.9
            if core.sum() < 4:
                continue
            red_, others = np.median(result[core][:, 0]), np.median(result[core][:, 1:].max(axis=1))
            above = float(max(0.0, red_ - others))
            left.append(above)
            score.pupils += 1
            score.dark += above < _STILL_RED
        near = cv2.dilate(np.max(pupils, axis=0).astype(np.float32), np.ones((3, 3))) > 0
        score.spilled_share += float((np.abs(result - painted).max(axis=2) > 8)[~near].sum())
    return [
        str(score.pupils),
        f"{score.dark} of {score.pupils}",
        f"{statistics.mean(left):.0f}",
        f"{score.spilled_share / score.pupils:.1f} pixels",
    ]


def _eyes(pixels: Pixels8) -> list[Iris]:
    async def look() -> list[Iris]:
        meshes = await find_meshes(
            pixels, onnx_models.picture_model(DETECTOR, _THREADS), onnx_models.picture_model(MESH, _THREADS), least_score(None)
        )
        return [eye for mesh in meshes if mesh.fits for eye in await irises(pixels, mesh, onnx_models.picture_model(IRIS, _THREADS))]

    return asyncio.run(look())


def _painted(
    pixels: Pixels8, eyes: Sequence[Iris], red: tuple[int, int, int], chance: np.random.Generator
) -> tuple[Pixels8, list[npt.NDArray[np.float64]]]:
    """The picture with red pupils, and each pupil's share of every pixel."""
    rows, columns = np.indices(pixels.shape[:2])
    result = pixels.astype(np.float64)
    pupils = []
    for eye in eyes:
        radius = eye.radius * chance.uniform(0.4, 0.8)
        angle, away = chance.uniform(0, 2 * math.pi), eye.radius * chance.uniform(0, 0.2)
        x, y = eye.x + away * math.cos(angle), eye.y + away * math.sin(angle)
        distance = np.hypot(columns - x, rows - y)
        share = np.clip((radius - distance) / max(1.0, 0.25 * radius) + 0.5, 0, 1)
        shade = 1 - 0.25 * distance / max(radius, 1)
        result += share[..., None] * (np.array(red) * shade[..., None] - result)
        glint = np.hypot(columns - x + 0.3 * radius, rows - y + 0.3 * radius) < 0.2 * radius
        result[glint] = 250
        share[glint] = 0.5
        pupils.append(share)
    return np.asarray(np.clip(np.rint(result), 0, 255), np.uint8), pupils
