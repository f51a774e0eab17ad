"""Fit the weights by which an attempt to take paint off is judged (`services/inference/watermark/attempt.py`).

`python -m benchmarks.quality._mark_set.signs FOLDER`, with the pictures to develop with: logistic regressions, by iteratively reweighted
least squares with a small ridge. Prints the weights and, each fifth of the pictures judged with weights from the others, what would be
changed from which probabilities on.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import onnx_models
from benchmarks.quality._mark_set.case import Case
from services.inference.media import Image
from services.inference.watermark.attempt import Attempt, Attempts, Signs
from services.inference.watermark.paint_map import WHOLE, Look
from services.inference.watermark.proposals import propose
from services.inference.watermark.repair import Repair

Floats = npt.NDArray[np.float64]

_LEAST_GAIN, _SOME_GAIN = 1.0, 0.5  # dB
_RIDGE, _ROUNDS, _PARTS = 0.02, 100, 5
_GONE, _GENUINE = (0.5, 0.6, 0.7, 0.8), (0.35, 0.4, 0.45, 0.5)


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt on a picture."""

    signs: Signs
    gain: float
    share: float
    """Of the gain that is possible."""
    in_part: bool
    elsewhere: bool

    @property
    def is_good(self) -> bool:
        """Whether it took most of a mark off."""
        return self.gain >= _LEAST_GAIN and not self.in_part

    @property
    def is_at_a_mark(self) -> bool:
        """Whether it took something of a mark off."""
        return self.gain >= _SOME_GAIN


@dataclass(frozen=True, slots=True)
class Picture:
    """The attempts on one picture: in the box that a person has drawn, and where the network sees marks."""

    marked: bool
    in_box: Sequence[Tried]
    found: Sequence[Tried]


def tried(path: Path) -> Picture:
    """All attempts on one picture."""
    cv2.setNumThreads(1)
    case = Case.load(path)
    repair, ask = Repair(Image(case.picture), None, _go_on), partial(onnx_models.run, "mark_paint", threads=1)
    bound = case.bound if case.clean is not None else 1.0

    def judged(attempts: Attempts, made: Attempt | None) -> list[Tried]:
        if made is None:
            return []
        if case.clean is None:
            return [Tried(made.signs, -99.0, 0.0, True, True)]
        kept = repair.part(attempts.around)
        repair.put_back(attempts.around, made.result)
        result = repair.crop(repair.whole).copy()
        repair.put_back(attempts.around, kept)
        gain = case.gain(result)
        return [Tried(made.signs, gain, gain / bound, case.in_part(result), case.changed_elsewhere(result))]

    in_box: list[Tried] = []
    if case.box is not None:
        attempts = Attempts(repair, case.box, ask, _go_on)
        for seen in attempts.looks():
            in_box += judged(attempts, attempts.uncover(seen, seen))
    found: list[Tried] = []
    look = Look(repair.crop(repair.whole), None, ask, WHOLE, _go_on)
    for proposal in propose(look.of(repair.whole), repair.whole):
        attempts = Attempts(repair, proposal.box, ask, _go_on)
        near, unprompted = attempts.near(), look.of(attempts.around)
        for seen in (near.with_other(unprompted), near):
            found += judged(attempts, attempts.uncover(seen, unprompted))
    return Picture(case.clean is not None, in_box, found)


def _go_on() -> None:
    """Nobody cancels this."""


def fit(signs: Floats, good: Floats) -> Floats:
    """A constant and the weights."""
    mean, spread = signs.mean(axis=0), signs.std(axis=0) + 1e-6
    scaled = np.column_stack([np.ones(len(signs)), (signs - mean) / spread])
    ridge = _RIDGE * len(signs) * np.eye(scaled.shape[1])
    ridge[0, 0] = 0
    weights = np.zeros(scaled.shape[1])
    for _ in range(_ROUNDS):
        likely = 1 / (1 + np.exp(-scaled @ weights))
        curvature = (scaled * (likely * (1 - likely))[:, np.newaxis]).T @ scaled
        weights -= np.linalg.solve(curvature + ridge, scaled.T @ (likely - good) + ridge @ weights)
    sloped = weights[1:] / spread
    return np.concatenate([[weights[0] - float(mean @ sloped)], sloped])


def weights(pictures: Sequence[Picture]) -> tuple[Floats, Floats]:
    """Those of the signs that a mark is gone, and that it was there."""
    in_box = [each for picture in pictures for each in picture.in_box]
    found = [each for picture in pictures for each in picture.found]
    gone = fit(np.array([each.signs.of_gone for each in in_box]), np.array([each.is_good for each in in_box], np.float64))
    return gone, fit(np.array([each.signs.of_genuine for each in found]), np.array([each.is_at_a_mark for each in found], np.float64))


def _likely(fitted: Floats, signs: Sequence[float]) -> float:
    return float(1 / (1 + np.exp(-fitted[0] - fitted[1:] @ np.array(signs))))


def report(pictures: Sequence[Picture]) -> None:
    """Print weights, and what each threshold gives."""
    for name, fitted in zip(("gone", "genuine"), weights(pictures), strict=True):
        print(name, ", ".join(f"{weight:.2f}" for weight in fitted))
    judged: list[tuple[Picture, list[tuple[float, float, Tried]]]] = []
    for part in range(_PARTS):
        gone, genuine = weights([picture for number, picture in enumerate(pictures) if number % _PARTS != part])
        for picture in pictures[part::_PARTS]:
            in_box = [(_likely(gone, each.signs.of_gone), 1.0, each) for each in picture.in_box]
            found = [(_likely(gone, each.signs.of_gone), _likely(genuine, each.signs.of_genuine), each) for each in picture.found]
            judged += [(picture, in_box), (picture, found)]
    for kind, of_kind, levels in (("in a box", judged[::2], (0.0,)), ("found", judged[1::2], _GENUINE)):
        for least_genuine, least_gone in itertools.product(levels, _GONE):
            chosen: list[tuple[Picture, Tried | None]] = []
            for picture, attempts in of_kind:
                enough = [each for each in attempts if each[0] >= least_gone and each[1] >= least_genuine]
                chosen.append((picture, max(enough, key=lambda each: each[0] * each[1], default=(0.0, 0.0, None))[2]))
            marked = [each for picture, each in chosen if picture.marked]
            done = [each for each in marked if each is not None]
            print(
                f"{kind}, gone {least_gone}, genuine {least_genuine}:"
                f" share {np.median([0.0 if each is None else each.share for each in marked]):.2f},"
                f" gain {np.mean([0.0 if each is None else each.gain for each in marked]):.1f}, changed {len(done)},"
                f" in part {sum(each.in_part for each in done)}, worse {sum(each.gain < -0.1 for each in done)},"
                f" elsewhere {sum(each.elsewhere for each in done)} of {len(marked)}; unmarked changed"
                f" {sum(each is not None for picture, each in chosen if not picture.marked)} of {len(chosen) - len(marked)}"
            )


def main() -> None:
    """Try all pictures, and print both sets of weights."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality._mark_set.signs", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="use one picture of so many")
    options = parser.parse_args()
    with multiprocessing.get_context("spawn").Pool() as pool:
        pictures = pool.map(tried, sorted(options.folder.glob("*.npz"))[:: options.every], 1)
    report(pictures)


if __name__ == "__main__":
    main()
