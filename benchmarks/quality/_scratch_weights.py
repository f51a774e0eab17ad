"""The weights by which a line in a photograph is told for a scratch: `python -m benchmarks.quality._scratch_weights` prints them.

Lines are looked for in photographs *seen*, whole and with scratches drawn into them, other ones than those of the evaluation. Scores are
of photographs left out of the fit, one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.quality import restore_photo
from benchmarks.quality._face_pictures import photographs
from services.inference.restoration.streaks import WEIGHTS, streaks

Pixels8 = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.float64]

_KINDS = ("hairlines", "scratches of 2 to 5 pixels", "broken lines")
_NEAR = 3  # pixels
_ON, _OFF = 0.7, 0.2  # share of a line on scratches from which it is one, and below which it is none
_RIDGE, _STEPS = 2.0, 12


@dataclass(frozen=True, slots=True)
class _Case:
    """A photograph; which scratches are drawn into it, if any, and by which seed."""

    name: str
    pixels: Pixels8
    kind: str = ""
    seed: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    """What a line is like, and whether it is a scratch."""

    picture: str
    kind: str
    looks: Sequence[float]
    length: float
    """In shorter sides of the picture."""
    scratch: bool


def main() -> None:
    """Fit, and print."""
    cv2.setNumThreads(1)
    with ProcessPoolExecutor() as pool:
        lines = [line for part in pool.map(_lines, list(_cases()), chunksize=4) for line in part]
    looks, scratch = np.array([line.looks for line in lines]), np.array([line.scratch for line in lines])
    pictures, lengths = np.array([line.picture for line in lines]), np.array([line.length for line in lines])
    middle, spread = looks.mean(axis=0), looks.std(axis=0)
    values, importance = (looks - middle) / spread, np.sqrt(lengths)
    odds = np.zeros(len(lines))
    for name in np.unique(pictures):
        left = pictures == name
        odds[left] = _with_one(values[left]) @ _fitted(values[~left], scratch[~left], importance[~left])
    fitted = _fitted(values, scratch, importance)
    weights = fitted[:-1] / spread
    print(dict(zip(WEIGHTS, np.round(weights, 3).tolist(), strict=True)), "bias", round(float(fitted[-1] - weights @ middle), 3))
    print(f"{len(lines)} lines, {scratch.sum()} of them scratches, of {len(np.unique(pictures))} photographs")
    kinds = np.array([line.kind for line in lines])
    for least in (-1, -0.5, 0, 0.5, 1, 2, 3):
        found = odds > least
        recall = {
            kind: round(float(lengths[found & scratch & (kinds == kind)].sum() / lengths[scratch & (kinds == kind)].sum()), 2)
            for kind in _KINDS
        }
        drawn = found & (kinds != "")
        print(f"odds over {least}: recall by length {recall}, precision {lengths[drawn & scratch].sum() / lengths[drawn].sum():.2f}")
        whole = {str(name): round(float(lengths[found & (kinds == "") & (pictures == name)].sum()), 2) for name in np.unique(pictures)}
        print("    of photographs without:", {name: length for name, length in whole.items() if length > 0.2})


def _cases() -> Iterator[_Case]:
    for name, pixels in restore_photo.pictures("seen"):
        yield _Case(name, pixels)
        for kind in _KINDS:
            for seed in ("a", "b"):
                yield _Case(name, pixels, kind, seed)
    for name, pixels in restore_photo.new_photographs("seen"):
        yield _Case(name, pixels)
        small = _small(pixels)
        yield _Case(name, small)
        for kind in _KINDS:
            yield _Case(name, small, kind, "plain")
    people = [each for each in photographs() if each.part == "seen"]
    for number, each in enumerate(people):
        yield _Case(each.name, each.pixels)
        yield _Case(each.name, restore_photo.age(each.pixels))
        yield _Case(each.name, _small(each.pixels), _KINDS[number % len(_KINDS)], "plain")
    for name, pixels in restore_photo.undamaged_pictures("seen"):
        yield _Case(name, pixels)
        yield _Case(name, restore_photo.age(pixels))


def _small(pixels: Pixels8) -> Pixels8:
    factor = min(1.0, 600 / max(pixels.shape[:2]))
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _lines(case: _Case) -> list[_Line]:
    pixels, near = case.pixels, np.zeros(case.pixels.shape[:2], np.bool_)
    if case.kind:
        old = restore_photo.old(case.name + case.seed, pixels, case.kind)
        pixels, size = old.input, 2 * _NEAR + 1
        near = np.asarray(cv2.dilate(old.mask.astype(np.uint8), np.ones((size, size), np.uint8)) > 0, np.bool_)
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)
    found = []
    for each in streaks(gray, lambda: None):
        share = float(near[each.rows, each.columns].mean()) if len(each.rows) else 0.0
        if not _OFF <= share <= _ON:
            looks = [each.looks[name] for name in WEIGHTS]
            found.append(_Line(case.name, case.kind, looks, each.length / min(gray.shape), share > _ON))
    return found


def _with_one(values: Rows) -> Rows:
    return np.column_stack([values, np.ones(len(values))])


def _fitted(values: Rows, scratch: npt.NDArray[np.bool_], importance: Rows) -> Rows:
    """Weights and bias of a logistic regression, by Newton's method; the ridge is on the weights."""
    given, weights = _with_one(values), np.zeros(values.shape[1] + 1)
    ridge = np.append(np.full(values.shape[1], _RIDGE), 1e-6)
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-given @ weights))
        slope = given.T @ (importance * (scratch - likely)) - ridge * weights
        weights = weights + np.linalg.solve((given * (importance * likely * (1 - likely))[:, None]).T @ given + np.diag(ridge), slope)
    return np.asarray(weights, np.float64)


if __name__ == "__main__":
    main()
