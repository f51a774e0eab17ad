"""Photographs that were damaged in known ways, and corrected by `enhance_picture`, with nothing said of what they lack."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageOps

from benchmarks.quality._drawn_photographs import photographs_by
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._theme_photographs import PHOTOGRAPHS, PUBLIC_DOMAIN
from benchmarks.quality._upscale_inputs import PACKAGES
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.plain.enhancing import enhance, plan_corrections
from services.inference.plain.measuring import measure_picture

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Damage = Callable[[Floats, np.random.Generator], Floats]
_Whole = tuple[str, Pixels, tuple[int, int]]
"""A photograph's name, its pixels, and what draws a crop and the damage."""

_SKIMAGE, _SKLEARN = "skimage/data", "sklearn/datasets/images"
_PHOTOGRAPHS = (
    f"{_SKIMAGE}/astronaut.png",
    f"{_SKIMAGE}/chelsea.png",
    f"{_SKIMAGE}/coffee.png",
    f"{_SKIMAGE}/rocket.jpg",
    f"{_SKIMAGE}/motorcycle_left.png",
    f"{_SKLEARN}/china.jpg",
    f"{_SKLEARN}/flower.jpg",
    "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
)
_CROPS = 3
"""Crops of each photograph, two thirds of its sides, damaged by other amounts each."""
_SEED, _COUNT, _LONGEST = 53837, 12, 640
"""What draws the photographs held out, their crops and their damage, first used for this table; how many, and their longest side."""
_MAY_BE_SHOWN = {name for _, name in PUBLIC_DOMAIN} | {"astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "grace_hopper.jpg"}
"""In the public domain, or under CC0."""
_HALF, _ALL = 0.5, 1.0


def _light(values: Floats) -> Floats:
    return np.asarray(np.power(values, 2.2), np.float32)


def _tones(light: Floats) -> Floats:
    return np.asarray(np.power(np.clip(light, 0, 1), 1 / 2.2), np.float32)


def _exposed(values: Floats, chance: np.random.Generator, least: float, most: float) -> Floats:
    return _tones(_light(values) * np.float32(2 ** chance.uniform(least, most)))


def _flat(values: Floats, chance: np.random.Generator) -> Floats:
    span = chance.uniform(0.35, 0.6)
    return np.asarray(chance.uniform(0.1, 0.9 - span) + values * span, np.float32)


def _lit(values: Floats, chance: np.random.Generator, towards: float) -> Floats:
    by = chance.uniform(0.12, 0.3) * towards
    return _tones(_light(values) * np.exp(np.array((by, 0, -by), np.float32)))


def _pale(values: Floats, chance: np.random.Generator) -> Floats:
    gray = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)[..., None]
    return np.asarray(gray + (values - gray) * chance.uniform(0.25, 0.5), np.float32)


def _blurred(values: Floats, chance: np.random.Generator) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), chance.uniform(0.8, 1.6)), np.float32)


def _noisy(values: Floats, chance: np.random.Generator) -> Floats:
    return np.asarray(values + chance.normal(0, chance.uniform(8, 18) / 255, values.shape), np.float32)


_DAMAGES: Mapping[str, Damage] = {
    "nothing": lambda values, _chance: values,
    "dark, −3 to −1.5 stops": partial(_exposed, least=-3, most=-1.5),
    "bright, 0.8 to 1.5 stops": partial(_exposed, least=0.8, most=1.5),
    "little contrast": _flat,
    "warm light": partial(_lit, towards=1),
    "cold light": partial(_lit, towards=-1),
    "pale": _pale,
    "blurred": _blurred,
    "noisy": _noisy,
}


def measure() -> Sequence[Section]:
    """How far pictures are from what they were."""
    started = time.perf_counter()
    table = Section(
        "Enhancing pictures",
        "Crops of photographs, damaged by amounts that chance chose, and corrected with no word of what they lack. *Development*: "
        f"{_CROPS} crops of each of {len(_PHOTOGRAPHS)} photographs of scikit-image, scikit-learn and Matplotlib. *Held out*: one crop of "
        f"each of {_COUNT} photographs of web themes. The seed {_SEED}, which was first used for this table, draws these from "
        f"{len(PHOTOGRAPHS)}, with their crops and damage; nothing was tuned on them. Mean distance to the crop as it was, in CIELAB (ΔE "
        "of 1976; less is better), and how many are nearer to it than the damaged picture was by more than 0.2, and farther. For "
        "*nothing*, every change counts as a fault. A photograph itself may lack something, which then counts against whoever mends it, "
        "and what is sharper to the eye may be farther by this measure.",
        (
            "photographs",
            "damaged by",
            "as it is",
            "**enhance_picture**, half (the default)",
            "nearer, farther",
            "**all**",
            "nearer, farther",
            *_RIVALS,
        ),
    )
    parts = {"development": list(_development()), "held out": list(_held_out())}
    cases: list[Case] = []
    for (part, wholes), (name, damage) in product(parts.items(), _DAMAGES.items()):
        names, givens, truths = zip(*_crops(wholes, damage), strict=True)
        before = [_distance(*each) for each in zip(givens, truths, strict=True)]
        row = [part, name, f"{statistics.mean(before):.1f}"]
        for intensity in (_HALF, _ALL):
            made = [_ours(given, intensity) for given in givens]
            after = [_distance(*each) for each in zip(made, truths, strict=True)]
            nearer = sum(new < old - 0.2 for new, old in zip(after, before, strict=True))
            farther = sum(new > old + 0.2 for new, old in zip(after, before, strict=True))
            row += [f"{statistics.mean(after):.1f}", f"{nearer}, {farther}"]
            cases += [
                Case(new - old, f"{photograph}, {name} ({part}): {old:.1f}, then {new:.1f}", pictures)
                for photograph, old, new, *pictures in zip(names, before, after, givens, made, truths, strict=True)
                if intensity == _HALF and photograph in _MAY_BE_SHOWN
            ]
        for rival in _RIVALS.values():
            row.append(f"{statistics.mean(_distance(rival(given), truth) for given, truth in zip(givens, truths, strict=True)):.1f}")
        table.rows.append(row)
    show_worst(table, "enhance_picture", "damaged, corrected by half, and as it was, with the distance before and after", cases)
    table.remarks = f"{time.perf_counter() - started:.0f} s on {os.cpu_count()} cores that others used, too."
    return [table]


def _development() -> Iterator[_Whole]:
    for number, file in enumerate(_PHOTOGRAPHS):
        whole = np.asarray(PillowImage.open(PACKAGES / file).convert("RGB"))
        for crop in range(_CROPS):
            yield Path(file).name, whole, (number, crop)


def _held_out() -> Iterator[_Whole]:
    for number, (name, whole) in enumerate(photographs_by(_SEED, _COUNT, _LONGEST)):
        yield name, whole, (_SEED, number)


def _crops(wholes: Sequence[_Whole], damage: Damage) -> Iterator[tuple[str, Pixels, Pixels]]:
    """Names, damaged crops, and the crops as they were."""
    for name, whole, seed in wholes:
        chance = np.random.default_rng(seed)
        height, width = (side * 2 // 3 for side in whole.shape[:2])
        top, left = (int(chance.integers(0, most - side + 1)) for most, side in zip(whole.shape, (height, width), strict=False))
        truth = np.ascontiguousarray(whole[top : top + height, left : left + width])
        damaged = damage(np.asarray(truth / 255, np.float32), chance)
        yield name, np.rint(np.clip(damaged, 0, 1) * 255).astype(np.uint8), truth


def _ours(given: Pixels, intensity: float) -> Pixels:
    image = Image(given)
    plan = plan_corrections(measure_picture(image), "auto", intensity, ())
    return np.asarray(enhance(image, plan, lambda: None, lambda _done: None).pixels, np.uint8)


def _autocontrast(given: Pixels) -> Pixels:
    return np.asarray(ImageOps.autocontrast(PillowImage.fromarray(given), cutoff=0.5))


def _equalized(given: Pixels) -> Pixels:
    lab = cv2.cvtColor(given, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(2, (8, 8)).apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


_RIVALS: Mapping[str, Callable[[Pixels], Pixels]] = {"Pillow's autocontrast": _autocontrast, "OpenCV's CLAHE": _equalized}


def _distance(one: Pixels, other: Pixels) -> float:
    labs = [cv2.cvtColor(np.asarray(each / 255, np.float32), cv2.COLOR_RGB2LAB) for each in (one, other)]
    return float(np.sqrt(((labs[0] - labs[1]) ** 2).sum(axis=2)).mean())
