"""Scratches, creases and dust drawn into photographs: how much of them `restore_photo` finds, and what the filled photograph is like."""

from __future__ import annotations

import math
import statistics
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from benchmarks.quality._drawn_photographs import photographs_by
from benchmarks.quality._face_pictures import photographs
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._theme_photographs import PHOTOGRAPHS, PUBLIC_DOMAIN
from benchmarks.quality._upscale_inputs import PACKAGES
from benchmarks.quality._upscale_scores import psnr_in_colour
from benchmarks.table import Section
from services.inference.erasing.filling import erase
from services.inference.media import Image
from services.inference.restoration.care import EAGER, USUAL
from services.inference.restoration.scratches import damage

Pixels8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

_NEAR = 2  # pixels by which a mask may be off
_LONGEST = 600
_PHOTOGRAPHS: Mapping[str, Sequence[str]] = {
    "seen": ("skimage/data/astronaut.png", "skimage/data/camera.png", "skimage/data/coffee.png", "sklearn/datasets/images/china.jpg"),
    "once held out": ("skimage/data/chelsea.png", "skimage/data/motorcycle_left.png", "sklearn/datasets/images/flower.jpg"),
}
_PEOPLE: Mapping[str, Sequence[str]] = {
    "seen": ("SeanConnery.jpg", "audrey.jpg", "cage.jpg"),
    "once held out": ("sample1.jpg", "sample5.jpg", "grace_hopper.jpg", "faces.jpg"),
}
_UNDAMAGED: Mapping[str, Sequence[str]] = {
    "seen": ("brick", "clock_motion", "grass", "rocket", "text", "retina", "hubble_deep_field"),
    "once held out": ("gravel", "page", "coins", "horse", "moon", "motorcycle_right", "color", "ihc"),
}
_SEED, _DAMAGED, _MORE = 536684, 7, 8
"""What draws the photographs held out and their damage, first used for this table; how many get damage, and how many do not."""
_SEEDS: Mapping[str, str] = {"seen": "", "once held out": "", "held out": f"{_SEED}"}
"""What draws the damage of each part, with the photograph's name and the kind of damage."""
_MAY_BE_SHOWN = {name for _, name in PUBLIC_DOMAIN} | {"astronaut.png", "camera.png", "chelsea.png", "coffee.png"}
"""In the public domain, or under CC0."""
_SHOWN_SIZE = 300, 220


@dataclass(frozen=True, slots=True)
class Old:
    """A photograph as it was, and with its damage."""

    name: str
    truth: Pixels8
    input: Pixels8
    mask: Mask


def measure() -> Sequence[Section]:
    """One table: kinds of damage, by part."""
    started = time.perf_counter()
    section = Section(
        "Scratches and creases",
        f"Damage that a script draws into gray, faded and grainy copies of photographs, at most {_LONGEST} pixels long. *Recall* and "
        "*precision* of its pixels, 2 pixels to either side allowed, with the usual care and *heavy*; PSNR in the damage as it is, and "
        "after it was filled with patches, with the usual care. *Black hat*: bright and dark lines by morphology, a fixed threshold, and "
        "OpenCV's fill of Telea. The rule for scratches was fitted to other drawings, in the photographs *seen*, and its limits to these; "
        "limits for creases were chosen on these drawings, *seen*. Those *once held out* led to two limits: how bent a crease may be, and "
        "that one line alone is not enough (a cord, and a gap in a drawing, on two undamaged pictures). *Held out*: photographs of web "
        f"themes, {_DAMAGED} with damage and {_MORE} more without. The seed {_SEED}, which was first used for this table, draws them from "
        f"{len(PHOTOGRAPHS)}, and their damage; nothing was tuned on them.",
        (
            "photographs",
            "damage",
            "recall",
            "precision",
            "heavy: recall",
            "precision",
            "PSNR, damaged",
            "filled",
            "black hat: recall",
            "precision",
            "PSNR",
        ),
    )
    worst: list[tuple[float, str]] = []
    cases: list[Case] = []
    for part, seed in _SEEDS.items():
        shown = dict(pictures(part))
        for kind in _DAMAGES:
            olds = [each for each in (old(name, pixels, kind, seed) for name, pixels in shown.items()) if each.mask.any()]
            rows = []
            for each in olds:
                row, filled = _judged(each)
                rows.append(row)
                label = f"{each.name}, {kind} ({part}): recall {row[0]:.2f}, {row[5]:.1f} dB"
                worst.append((row[5], label))
                if each.name in _MAY_BE_SHOWN:
                    cases.append(Case(-row[5], label, _most_damaged(each, filled)))
            means = [statistics.mean(row[n] for row in rows) for n in range(9)]
            section.rows.append(
                (part, kind, *(f"{each:.2f}" if n in (0, 1, 2, 3, 6, 7) else f"{each:.1f}" for n, each in enumerate(means)))
            )
        empty = [(name, damage(pixels, USUAL, lambda: None)) for name, pixels in [*shown.items(), *undamaged_pictures(part)]]
        taken = [f"{name} {mask.mean():.2%}" for name, mask in empty if mask.any()]
        section.rows.append((part, f"none, {len(empty)} pictures", f"{len(taken)} taken as damaged", *[""] * 8))
        section.remarks += f"Taken as damaged ({part}): {', '.join(taken) or 'none'}. "
    worst.sort()
    section.remarks += f"The worst, as filled: {'; '.join(text for _, text in worst[:5])}. {time.perf_counter() - started:.0f} s."
    show_worst(section, "restore_photo", "damaged, filled, and as it was, where most of the damage is", cases, columns=2)
    return [section]


def pictures(part: str) -> Iterator[tuple[str, Pixels8]]:
    """The photographs of a part that damage is drawn into."""
    for name, pixels in new_photographs(part):
        yield name, age(pixels)
    if part in _PEOPLE:
        people = {each.name: each.pixels for each in photographs()}
        for name in _PEOPLE[part]:
            yield name, age(people[name])


@cache
def _drawn() -> Sequence[tuple[str, Pixels8]]:
    """The photographs held out: first those that get damage."""
    return list(photographs_by(_SEED, _DAMAGED + _MORE, _LONGEST))


def new_photographs(part: str) -> Iterator[tuple[str, Pixels8]]:
    """Those in colour; of packages, those without people."""
    if part == "held out":
        yield from _drawn()[:_DAMAGED]
        return
    for name in _PHOTOGRAPHS[part]:
        yield name.rsplit("/", 1)[1], _opened(name)


def undamaged_pictures(part: str) -> Iterator[tuple[str, Pixels8]]:
    """More pictures without damage."""
    if part == "held out":
        yield from _drawn()[_DAMAGED:]
        return
    for stem in _UNDAMAGED[part]:
        (path,) = (PACKAGES / "skimage" / "data").glob(f"{stem}.*")
        yield path.name, _opened(str(path.relative_to(PACKAGES)))


def _opened(name: str) -> Pixels8:
    with PillowImage.open(PACKAGES / name) as picture:
        return np.asarray(picture.convert("RGB"))


def age(pixels: Pixels8) -> Pixels8:
    """A gray copy on warm paper, faded and with grain."""
    factor = min(1.0, _LONGEST / max(pixels.shape[:2]))
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(np.asarray(small, np.uint8), cv2.COLOR_RGB2GRAY).astype(np.float32)
    grain = np.asarray(np.random.default_rng(gray.shape[0] * 7 + gray.shape[1]).normal(0, 4, gray.shape), np.float32)
    faded = 30 + gray * 0.78 + np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.7), np.float32) * 1.5
    return np.asarray(np.clip(faded[..., None] * np.array([1.0, 0.95, 0.85]), 0, 255), np.uint8)


def old(name: str, truth: Pixels8, kind: str, seed: str = "") -> Old:
    """With damage of a kind drawn into it; another name or seed gets other damage."""
    chance = np.random.default_rng(zlib.crc32(f"{name}{seed} {kind}".encode()))
    height, width = truth.shape[:2]
    # What is added to the picture, in levels, 100 being white at least.
    layer = np.zeros((height, width), np.float32)
    _DAMAGES[kind](layer, chance)
    given = truth.astype(np.float32)
    bright = np.clip(layer, 0, 1)[..., None]
    given += bright * (np.array([250.0, 247.0, 238.0]) - given)
    dark = np.clip(-layer, 0, 1)[..., None]
    given += dark * (np.array([28.0, 25.0, 20.0]) - given)
    return Old(name, truth, np.asarray(np.clip(np.rint(given), 0, 255), np.uint8), np.asarray(np.abs(layer) > 0.25, np.bool_))


def _most_damaged(case: Old, filled: Pixels8) -> Sequence[Pixels8]:
    """The part of the damaged picture, the filled one and the one as it was in which most of the damage is."""
    width, height = _SHOWN_SIZE
    shares = cv2.boxFilter(case.mask.astype(np.float32), -1, (width, height), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    shares = shares[: shares.shape[0] - height + 1, : shares.shape[1] - width + 1]
    top, left = np.unravel_index(shares.argmax(), shares.shape)
    return [each[top : top + height, left : left + width] for each in (case.input, filled, case.truth)]


def _judged(case: Old) -> tuple[Sequence[float], Pixels8]:
    """The columns of the table, and the filled picture."""
    usual, heavy = (damage(case.input, care, lambda: None) for care in (USUAL, EAGER))
    filled = case.input
    if usual.any():
        filled = np.asarray(erase(Image(case.input), usual, None, lambda: None).pixels, np.uint8)
    theirs = _black_hat(case.input)
    telea = np.asarray(cv2.inpaint(case.input, theirs.astype(np.uint8), 3, cv2.INPAINT_TELEA), np.uint8)
    where = np.asarray(cv2.dilate(case.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, np.bool_)
    levels = [psnr_in_colour(each[where], case.truth[where]) for each in (case.input, filled, telea)]
    return [*_hit(usual, case.mask), *_hit(heavy, case.mask), levels[0], levels[1], *_hit(theirs, case.mask), levels[2]], filled


def _hit(found: Mask, truth: Mask) -> tuple[float, float]:
    """Recall and precision."""
    size = 2 * _NEAR + 1
    near_found, near_truth = (cv2.dilate(each.astype(np.uint8), np.ones((size, size), np.uint8)) > 0 for each in (found, truth))
    precision = float(near_truth[found].mean()) if found.any() else 1.0
    return float(near_found[truth].mean()), precision


def _black_hat(pixels: Pixels8) -> Mask:
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    hats = [cv2.morphologyEx(gray, each, disc) for each in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    return np.asarray(np.max(hats, axis=0) > 40, np.bool_)


def _stroke(layer: Floats, points: npt.NDArray[np.float64], width: float, strength: float, sign: float) -> None:
    """A line through points, soft at its sides."""
    fine = np.zeros_like(layer)
    drawn = np.round(points * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(fine, [drawn], False, 1.0, max(1, round(width)), cv2.LINE_AA, 4)
    soft = np.asarray(cv2.GaussianBlur(fine, (0, 0), 0.5), np.float32)
    np.copyto(layer, np.where(np.abs(layer) > soft * strength, layer, sign * strength * soft))


def _path(layer: Floats, chance: np.random.Generator, length: float, bend: float) -> npt.NDArray[np.float64]:
    height, width = layer.shape
    start, angle = chance.uniform((0, 0), (width, height)), chance.uniform(0, 2 * math.pi)
    steps = np.arange(0, length * min(height, width), 4.0)
    angles = angle + np.cumsum(chance.normal(0, bend, len(steps)))
    return np.asarray(start + np.cumsum(np.column_stack([np.cos(angles), np.sin(angles)]) * 4, axis=0))


def _hairlines(layer: Floats, chance: np.random.Generator) -> None:
    for _ in range(9):
        _stroke(layer, _path(layer, chance, chance.uniform(0.2, 0.7), 0.02), 1, chance.uniform(0.5, 0.95), 1)


def _scratches(layer: Floats, chance: np.random.Generator) -> None:
    for number in range(7):
        path, width, strength = _path(layer, chance, chance.uniform(0.2, 0.8), 0.04), chance.uniform(2, 5), chance.uniform(0.6, 1)
        _stroke(layer, path, width, strength, -1 if number % 3 == 2 else 1)


def _broken(layer: Floats, chance: np.random.Generator) -> None:
    """Long ones, of which parts are gone."""
    for _ in range(6):
        path = _path(layer, chance, 0.9, 0.01)
        for start in range(0, len(path), 16):
            if chance.random() < 0.65:
                _stroke(layer, path[start : start + 14], chance.uniform(1, 3), chance.uniform(0.5, 1), 1)


def _creases(layer: Floats, chance: np.random.Generator) -> None:
    """Two folds across the whole picture: a white core, and a dark side."""
    height, width = layer.shape
    for upright in (False, True):
        along = width if not upright else height
        across = (height if not upright else width) * chance.uniform(0.35, 0.65)
        steps = np.linspace(-5, along + 5, 80)
        wobble = across + np.cumsum(chance.normal(0, 0.5, 80)) + np.linspace(-1, 1, 80) * chance.uniform(-0.05, 0.05) * along
        points = np.column_stack([wobble, steps] if upright else [steps, wobble])
        beside = np.array([3, 0] if upright else [0, 3])
        _stroke(layer, points + beside, 2, 0.35, -1)
        for start in range(0, 80, 5):
            _stroke(layer, points[start : start + 6], chance.uniform(1.5, 3.5), chance.uniform(0.35, 0.95), 1)


def _dust(layer: Floats, chance: np.random.Generator) -> None:
    """Specks, and a few hairs that make a photograph one with damage."""
    for _ in range(60):
        x, y = chance.uniform((0, 0), (layer.shape[1], layer.shape[0]))
        cv2.ellipse(layer, (round(x), round(y)), (int(chance.integers(1, 5)), int(chance.integers(1, 4))), 0, 0, 360, 0.95, -1, cv2.LINE_AA)
    for _ in range(5):
        _stroke(layer, _path(layer, chance, chance.uniform(0.15, 0.3), 0.15), 1, 0.8, 1)


_DAMAGES: Mapping[str, Callable[[Floats, np.random.Generator], None]] = {
    "hairlines": _hairlines,
    "scratches of 2 to 5 pixels": _scratches,
    "broken lines": _broken,
    "two creases": _creases,
    "dust and hairs": _dust,
}
