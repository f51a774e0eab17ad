"""Pupils that a flash has coloured, painted into photographs of faces, and normal eyes, and what becomes of both."""

from __future__ import annotations

import asyncio
import io
import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from benchmarks import onnx_models
from benchmarks.quality._face_pictures import Pixels8, at_most, photographs, president_picture
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._theme_photographs import WITH_FACES, theme_photograph
from benchmarks.table import Section
from services.inference.faces.detection import DETECTOR
from services.inference.faces.finding import least_score
from services.inference.faces.mesh import IRIS, MESH, Iris, find_meshes, irises
from services.inference.faces.red_eyes import correct_red_eyes
from services.inference.media import Image

Floats = npt.NDArray[np.float64]
Colour = tuple[int, int, int]

_THREADS = 2
_SENSITIVITY, _STRENGTH = 0.5, 0.7
_LEAST_RADIUS = 3.0
"""Pixels of an iris that is painted."""
_SEEDS: Mapping[str, int] = {"seen": 1, "seen, small": 3, "once held out": 53041, "held out": 53041}
"""What pupils and irises are painted by, for each part of the photographs."""
_SMALL, _LONGEST = 4.0, 1600
"""Pixels of the irises of small pictures, on average, and of the longest side of those held out."""
_REFLECTIONS: Mapping[str, Colour] = {
    "bright red": (235, 70, 60),
    "deep red": (170, 25, 30),
    "dark red": (110, 22, 24),
    "orange": (230, 120, 60),
    "pink": (240, 130, 140),
    "golden": (240, 190, 80),
}
_NORMAL: Mapping[str, Colour] = {
    "dark brown": (70, 40, 25),
    "brown": (110, 62, 30),
    "amber": (160, 110, 50),
    "hazel": (120, 95, 55),
    "green": (100, 120, 80),
    "blue": (90, 120, 150),
}
"""In light in which the brightest around an eye has 220 levels."""
_WELL_LIT = 220.0
_MAKE_UP: Sequence[Colour] = ((190, 40, 50), (230, 110, 40), (220, 90, 150))
_STILL_COLOURED = 25
"""Levels by which a pupil's red is above the lower of its green and blue, from which one sees it."""
_RED, _RED_EYES = "sample6.jpg", 4
"""A photograph with real red eyes, faint ones, and how many."""
_PRESIDENTS = ("obama.jpg", "biden.jpg", "obama2.jpg", "obama3.jpg")
_MAY_BE_SHOWN = frozenset({"astronaut.png", "grace_hopper.jpg", *_PRESIDENTS})
"""In the public domain, as works of the United States' government."""
_MADE_UP = 0.3  # share of the pictures of normal eyes that have make-up


@dataclass(frozen=True, slots=True)
class _Picture:
    name: str
    part: str
    pixels: Pixels8
    eyes: Sequence[Iris]

    @property
    def large(self) -> Sequence[Iris]:
        """Irises that are painted."""
        return [eye for eye in self.eyes if eye.radius >= _LEAST_RADIUS]


@dataclass
class _Score:
    left: list[float] = field(default_factory=list)
    """Of each pupil, levels of colour."""
    beside: int = 0


def measure() -> Sequence[Section]:
    """One table: reflections and normal eyes, by part."""
    every = list(_pictures())
    section = Section(
        "Red eyes",
        'Pupils painted over the eyes of the photographs of "Faces that are found", where an iris has a radius of '
        f"{_LEAST_RADIUS:g} pixels and more: 0.4 to 0.8 of its radius, up to a fifth of it out of its middle, soft at the edge, with a "
        "glint, each channel up to 15 levels off, and then saved as a JPEG of 70 to 95 with colours of half the resolution. The middle is "
        "that which the network for irises tells, so that its own error is not in the table. *Corrected*: the pupil's red is less than "
        f"{_STILL_COLOURED} levels of 255 above the lower of its green and blue. *Beside*: pixels of the picture that were changed away "
        "from the painted pupils, for each of them. *Normal*: every iris painted, from dark brown to blue, with a dark pupil and a glint, "
        "three tenths of them with red, orange or pink make-up around them, each picture with its own light, cast and saturation; "
        f"*changed* are pictures. The limits were chosen on those *seen*, also made so small that an iris has {_SMALL:g} pixels. Results "
        "with other pupils had been looked at in those *once held out*. Those *held out* are photographs of web themes, first used for "
        f"this table, as was the seed of both, {_SEEDS['held out']}.",
        ("photographs", "pupils", "how many", "corrected", "levels of colour left, mean", "beside"),
    )
    cases: list[Case] = []
    for part, seed in _SEEDS.items():
        chosen = [each for each in every if each.part == part]
        for name, colour in _REFLECTIONS.items():
            score = _Score()
            for number, picture in enumerate(chosen):
                if picture.large:
                    cases += _scored(picture, name, colour, np.random.default_rng([seed, number]), score)
            dark = sum(each < _STILL_COLOURED for each in score.left)
            count = len(score.left)
            beside = f"{score.beside / count:.1f} pixels"
            section.rows.append((part, name, str(count), f"{dark} of {count}", f"{statistics.mean(score.left):.0f}", beside))
        changed: dict[str, list[str]] = defaultdict(list)
        for picture in chosen:
            count = _fixed(picture.pixels, picture.eyes)[1]
            if picture.name == _RED:
                section.rows.append(("seen", f"real, in {_RED}", str(_RED_EYES), f"{count} of {_RED_EYES}", "–", "–"))
            elif count:
                changed["as they are"].append(picture.name)
        counted = sum(picture.name != _RED for picture in chosen)
        section.rows.append((part, "normal: as they are", f"{counted} pictures", "–", "–", f"{len(changed['as they are'])} changed"))
        made = 0
        for number, picture in enumerate(chosen):
            for index, (name, colour) in enumerate(_NORMAL.items()):
                if not picture.large:
                    continue
                made += 1
                if _fixed(_normal(picture, colour, np.random.default_rng([seed, number, index])), picture.eyes)[1]:
                    changed["made"].append(f"{picture.name} ({name})")
        section.rows.append((part, "normal: painted", f"{made} pictures", "–", "–", f"{len(changed['made'])} changed"))
        if any(changed.values()):
            section.remarks += f"Changed without red eyes ({part}): {', '.join(each for names in changed.values() for each in names)}. "
    show_worst(section, "fix_red_eyes", "with the pupil painted, and as corrected", cases, columns=2)
    return [section]


def _pictures() -> Iterator[_Picture]:
    for photograph in photographs():
        picture = _Picture(
            photograph.name, "seen" if photograph.part == "seen" else "once held out", photograph.pixels, _eyes(photograph.pixels)
        )
        yield picture
        if picture.part == "seen" and picture.eyes:
            yield _made_small(picture)
    for name in _PRESIDENTS:
        pixels, _ = at_most(president_picture(name))
        yield _Picture(name, "once held out", pixels, _eyes(pixels))
    for theme, name in sorted(WITH_FACES):
        pixels, _ = at_most(theme_photograph(theme, name), _LONGEST)
        yield _Picture(name, "held out", pixels, _eyes(pixels))


def _made_small(picture: _Picture) -> _Picture:
    factor = min(1.0, _SMALL / statistics.mean(eye.radius for eye in picture.eyes))
    pixels = cv2.resize(picture.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    eyes = [Iris(eye.x * factor, eye.y * factor, eye.radius * factor, np.asarray(eye.opening * factor, np.float32)) for eye in picture.eyes]
    return _Picture(picture.name, "seen, small", np.asarray(pixels, np.uint8), eyes)


def _eyes(pixels: Pixels8) -> list[Iris]:
    async def look() -> list[Iris]:
        meshes = await find_meshes(
            pixels, onnx_models.picture_model(DETECTOR, _THREADS), onnx_models.picture_model(MESH, _THREADS), least_score(None)
        )
        return [eye for mesh in meshes if mesh.fits for eye in await irises(pixels, mesh, onnx_models.picture_model(IRIS, _THREADS))]

    return asyncio.run(look())


def _fixed(pixels: Pixels8, eyes: Sequence[Iris]) -> tuple[Pixels8, int]:
    result, count = correct_red_eyes(Image(pixels), eyes, _SENSITIVITY, _STRENGTH)
    return np.asarray(result.pixels, np.uint8), count


def _scored(picture: _Picture, name: str, colour: Colour, chance: np.random.Generator, score: _Score) -> Iterator[Case]:
    """Add a picture's pupils to a score. Yields the eyes that may be shown."""
    painted, pupils = _painted(picture, colour, chance)
    result, _ = _fixed(painted, picture.eyes)
    for eye, pupil in zip(picture.large, pupils, strict=True):
        core = pupil > 0.9
        if core.sum() < 4:
            continue
        red, green, blue = np.median(result[core].astype(np.float64), axis=0)
        left = max(0.0, red - min(green, blue))
        score.left.append(left)
        if picture.name in _MAY_BE_SHOWN:
            label = f"{name}, {picture.name}: {left:.0f} levels left"
            yield Case(left, label, [_around(each, eye) for each in (painted, result)])
    near = cv2.dilate(np.max(pupils, axis=0).astype(np.float32), np.ones((3, 3))) > 0
    score.beside += int((np.abs(result.astype(np.int16) - painted).max(axis=2) > 8)[~near].sum())


def _around(pixels: Pixels8, eye: Iris) -> Pixels8:
    reach = 4 * eye.radius
    part = cv2.getRectSubPix(pixels, (round(2 * reach), round(reach)), (eye.x - 0.5, eye.y - 0.5))
    return np.asarray(part, np.uint8)


def _disc(shape: tuple[int, int], x: float, y: float, radius: float) -> Floats:
    """How much of each pixel a disc with a soft edge covers."""
    rows, columns = np.indices(shape)
    distance = np.hypot(columns + 0.5 - x, rows + 0.5 - y)
    return np.asarray(np.clip((radius - distance) / max(1.0, 0.25 * radius) + 0.5, 0, 1))


def _painted(picture: _Picture, colour: Colour, chance: np.random.Generator) -> tuple[Pixels8, list[Floats]]:
    """The picture with coloured pupils, and each pupil's share of every pixel."""
    result = picture.pixels.astype(np.float64)
    shape = picture.pixels.shape[0], picture.pixels.shape[1]
    mixed = np.array(colour) + chance.uniform(-15, 15, 3)
    pupils = []
    for eye in picture.large:
        radius = eye.radius * chance.uniform(0.4, 0.8)
        angle, away = chance.uniform(0, 2 * math.pi), eye.radius * chance.uniform(0, 0.2)
        x, y = eye.x + away * math.cos(angle), eye.y + away * math.sin(angle)
        share = _disc(shape, x, y, radius)
        rows, columns = np.indices(shape)
        shade = 1 - 0.25 * np.hypot(columns - x, rows - y) / max(radius, 1)
        result += share[..., None] * (mixed * shade[..., None] - result)
        glint = np.hypot(columns - x + 0.3 * radius, rows - y + 0.3 * radius) < 0.2 * radius
        result[glint] = 250
        share[glint] = 0.5
        pupils.append(share)
    return _saved(result, chance), pupils


def _normal(picture: _Picture, colour: Colour, chance: np.random.Generator) -> Pixels8:
    """The picture with irises of a colour and dark pupils, perhaps with make-up, in another light."""
    result = picture.pixels.astype(np.float64)
    shape = picture.pixels.shape[0], picture.pixels.shape[1]
    make_up = _MAKE_UP[int(chance.integers(len(_MAKE_UP)))] if chance.random() < _MADE_UP else None
    pupil = chance.uniform(0.25, 0.5)
    for eye in picture.large:
        opening = np.zeros(shape, np.uint8)
        cv2.fillPoly(opening, [np.round(eye.opening - 0.5).astype(np.int32)], 1)
        between = cv2.GaussianBlur(opening.astype(np.float64), (0, 0), max(0.5, 0.1 * eye.radius))
        if make_up is not None:
            lids = _disc(shape, eye.x, eye.y - 0.5 * eye.radius, 2.2 * eye.radius) * (1 - between) * 0.6
            result += lids[..., None] * (np.array(make_up) - result)
        light = np.percentile(picture.pixels[_disc(shape, eye.x, eye.y, 2.5 * eye.radius) > 0], 95) / _WELL_LIT
        for part, painted in ((1.0, colour), (pupil, (18, 15, 14))):
            share = _disc(shape, eye.x, eye.y, eye.radius * part) * between
            result += share[..., None] * (np.array(painted) * light * chance.uniform(0.85, 1.15) - result)
        glint = _disc(shape, eye.x - 0.3 * eye.radius, eye.y - 0.3 * eye.radius, 0.15 * eye.radius)
        result += glint[..., None] * (250 - result)
    gray = result.mean(axis=2, keepdims=True)
    cast = np.array([chance.uniform(1, 1.15), 1, chance.uniform(0.75, 1)])
    return _saved((gray + (result - gray) * chance.uniform(0.8, 1.4)) * cast * chance.uniform(0.7, 1.3), chance)


def _saved(pixels: Floats, chance: np.random.Generator) -> Pixels8:
    """As a JPEG holds them."""
    file = io.BytesIO()
    PillowImage.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8)).save(file, "JPEG", quality=int(chance.integers(70, 96)))
    with PillowImage.open(file) as picture:
        return np.asarray(picture.convert("RGB"))
