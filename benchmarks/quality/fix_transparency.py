"""Subjects on painted checkerboards and plain backgrounds, whose transparency is given back; and pictures that have none to give."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, product
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import onnx_models
from benchmarks.quality._cutout_photographs import HELD_OUT, Photographs
from benchmarks.quality._cutout_scenes import Studio
from benchmarks.quality._cutout_set import scenes
from benchmarks.quality._face_pictures import drawn_photographs, photographs, without_faces
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._upscale_inputs import PACKAGES
from benchmarks.table import Section
from models.contract import MATTE_SIDE
from services.inference.media import Image
from services.inference.transparency.fixing import fix_transparency

Pixels8 = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_THREADS = 2
_LONGEST = 900
_DEFRINGE = 0.3
_KEY = 20  # levels from a background colour, for the rival
_PARTS = ("seen", "once held out", "held out")
_SEED, _COUNT = 539616, 7
"""What makes the cut-outs held out, first used for this table; and how many."""
_MAY_BE_SHOWN = ("woman", "cup", "racket", "bottle", "cat ", "fern", "rocket", "fine", "glass")
"""What the names of subjects begin with that are drawn, in the public domain, or under CC0."""
_BEHIND = 0, 150, 136


@dataclass(frozen=True, slots=True)
class _Subject:
    name: str
    part: str
    colours: Floats
    alpha: Floats


Ground = Callable[[int, int], Floats]
"""The background of a height and width, 0 to 255."""


def measure() -> Sequence[Section]:
    """Two tables: backgrounds by part, and pictures that should be left alone."""
    subjects = list(_subjects())
    section = Section(
        "Transparency given back",
        f"{len(subjects)} cut-outs with known alpha, at most {_LONGEST} pixels long, on backgrounds that are painted: checkerboards as "
        "editors show them, and plain colours. Those *seen* and *once held out* are of photographs of scikit-image and scikit-learn, and "
        f"drawn; the {_COUNT} *held out* are made as those of background removal are, of photographs of web themes, and drawn, by the seed "
        f"{_SEED}, which was first used for this table. *Found*: the background was recognized. *Error of alpha*: its mean difference, 0 "
        f"to 1, over the picture and at the edges, where the true alpha is between. *Colour key*: within {_KEY} levels of the background's "
        "colours, and connected to the picture's border. *IS-Net*: its matte, as for pictures in which neither is found.",
        ("subjects", "background", "found", "error of alpha", "at edges", "colour key", "at edges", "IS-Net", "at edges"),
    )
    worst, shown = list[tuple[float, str]](), list[Case]()
    for part, (name, ground) in product(_PARTS, _GROUNDS.items()):
        finds, every = list[bool](), list[Sequence[float]]()
        for subject in (each for each in subjects if each.part == part):
            found, errors, pictures = _judged(subject, name, ground)
            finds.append(found)
            every.append(errors)
            worst.append((errors[0], f"{subject.name} on {name} ({part}): {errors[0]:.3f}"))
            if subject.name.startswith(_MAY_BE_SHOWN):
                shown.append(Case(*worst[-1], pictures))
        means = [f"{statistics.mean(column):.4f}" for column in zip(*every, strict=True)]
        section.rows.append((part, name, f"{sum(finds)} of {len(finds)}", *means))
    worst.sort(reverse=True)
    section.remarks = "The worst: " + "; ".join(text for _, text in worst[:5]) + "."
    show_worst(section, "fix_transparency", "as it is, with its transparency over a colour, and the truth", shown)
    return [section, _left_alone()]


def _left_alone() -> Section:
    section = Section(
        "Pictures without lost transparency",
        "Photographs, textures and drawings of packages: what `fix_transparency` takes for a painted checkerboard, or for a subject on a "
        "plain background, without asking the network. Drawings and products on one colour are the latter. *Held out*: photographs of web "
        f"themes, those with faces cropped and perhaps mirrored by the seed {_SEED}.",
        ("pictures", "number", "as a checkerboard", "as a plain background"),
    )
    people = [*photographs(), *drawn_photographs(_SEED)]
    for part in _PARTS:
        pictures = [*without_faces(part), *((each.name, each.pixels) for each in people if each.part == part)]
        taken: dict[str, list[str]] = {"checkerboard": [], "uniform": []}
        for name, pixels in pictures:
            made = fix_transparency(Image(pixels), _DEFRINGE, lambda: None)
            if made is not None:
                taken[made.way].append(name)
        cells = [f"{len(names)}{': ' if names else ''}{', '.join(names)}" for names in taken.values()]
        section.rows.append((part, str(len(pictures)), *cells))
    return section


def _judged(subject: _Subject, name: str, ground: Ground) -> tuple[bool, Sequence[float], Sequence[Pixels8]]:
    """Whether the background was found; six errors, ours, the key's and the network's, each over all and at edges; and what to show."""
    height, width = subject.alpha.shape
    back = ground(height, width)
    picture = _quantised(subject.colours * subject.alpha[..., None] + back * (1 - subject.alpha[..., None]), name)
    made = fix_transparency(Image(picture), _DEFRINGE, lambda: None)
    wanted = "uniform" if name.startswith("plain") else "checkerboard"
    network = _matte(picture)
    own = network if made is None or made.image.alpha is None else made.image.alpha.astype(np.float32) / 255
    edges = (subject.alpha > 0.02) & (subject.alpha < 0.98)
    errors: list[float] = []
    for alpha in (own, _keyed(picture, back), network):
        difference = np.abs(alpha - subject.alpha)
        errors += [float(difference.mean()), float(difference[edges].mean()) if edges.any() else 0.0]
    colours = picture if made is None else made.image.pixels
    shown = (picture, np.ones_like(own)), (colours, own), (subject.colours, subject.alpha)
    return made is not None and made.way == wanted, errors, [_shown(*each) for each in shown]


def _shown(colours: npt.NDArray[Any], alpha: Floats) -> Pixels8:
    """Small, over a colour."""
    over = colours * alpha[..., None] + np.array(_BEHIND, np.float32) * (1 - alpha[..., None])
    return np.asarray(cv2.resize(over, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA).clip(0, 255), np.uint8)


def _keyed(picture: Pixels8, back: Floats) -> Floats:
    colours = np.unique(np.round(back[::7, ::7].reshape(-1, 3) / 8) * 8, axis=0)[:6]
    near = np.min([np.abs(picture.astype(np.float32) - colour).max(axis=2) for colour in colours], axis=0) <= _KEY
    _, labels = cv2.connectedComponents(near.astype(np.uint8), connectivity=4)
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return np.asarray(~(near & np.isin(labels, border[border > 0])), np.float32)


def _matte(picture: Pixels8) -> Floats:
    small = cv2.resize(picture, (MATTE_SIDE, MATTE_SIDE), interpolation=cv2.INTER_AREA)[np.newaxis]
    matte = onnx_models.run("isnet", np.asarray(small, np.uint8), _THREADS)[0, ..., 0]
    size = picture.shape[1], picture.shape[0]
    return np.asarray(cv2.resize(matte, size, interpolation=cv2.INTER_LINEAR) / np.float32(255), np.float32)


def _subjects() -> Iterator[_Subject]:
    studio = Studio(Photographs(PACKAGES), _small_matte)
    for part in _PARTS[:2]:
        for scene in studio.scenes(held_out=part != "seen"):
            yield _subject(scene.name, part, scene.foreground, scene.alpha)
    for drawn in islice(scenes(HELD_OUT, _small_matte, _SEED, _COUNT), _COUNT):
        yield _subject(drawn.name.split(" on ")[0], "held out", drawn.foreground, drawn.alpha)


def _subject(name: str, part: str, colours: Floats, alpha: Floats) -> _Subject:
    factor = min(1.0, _LONGEST / max(alpha.shape))
    small = [
        np.asarray(cv2.resize(each, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.float32) for each in (colours, alpha)
    ]
    return _Subject(name, part, small[0] * 255, small[1])


@cache
def _model_matte(shape: tuple[int, ...], content: bytes) -> Pixels8:
    return onnx_models.run("isnet", np.frombuffer(content, np.uint8).reshape(shape), _THREADS)[0, ..., 0]


def _small_matte(photograph: Pixels8) -> Pixels8:
    small = np.asarray(cv2.resize(photograph, (MATTE_SIDE, MATTE_SIDE), interpolation=cv2.INTER_AREA), np.uint8)[np.newaxis]
    return _model_matte(small.shape, small.tobytes())


def _quantised(picture: Floats, name: str) -> Pixels8:
    pixels = np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)
    if "JPEG" not in name:
        return pixels
    _, code = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(name.rsplit(" ", 1)[1])])
    read = cv2.imdecode(code, cv2.IMREAD_COLOR)
    assert read is not None
    return np.ascontiguousarray(read[..., ::-1], np.uint8)


def _board(side: float, light: int = 255, dark: int = 204, soft: float = 0) -> Ground:
    def draw(height: int, width: int) -> Floats:
        rows, columns = (np.floor(np.arange(size) / side).astype(int) for size in (height, width))
        board = np.where((rows[:, None] + columns[None]) % 2, dark, light).astype(np.float32)
        if soft:
            board = np.asarray(cv2.GaussianBlur(board, (0, 0), soft), np.float32)
        return np.repeat(board[..., None], 3, axis=2)

    return draw


def _plain(*colour: int) -> Ground:
    return lambda height, width: np.broadcast_to(np.array(colour, np.float32), (height, width, 3))


_GROUNDS: Mapping[str, Ground] = {
    "squares of 8 pixels": _board(8),
    "squares of 16 pixels": _board(16),
    "squares of 16 pixels, faint": _board(16, 255, 239),
    "squares of 10, dark": _board(10, 102, 77),
    "squares of 12.7 pixels, scaled": _board(12.7, soft=0.6),
    "squares of 16, JPEG of 85": _board(16),
    "squares of 12.7, scaled, JPEG of 60": _board(12.7, soft=0.6),
    "plain white": _plain(255, 255, 255),
    "plain green": _plain(40, 180, 70),
    "plain gray, JPEG of 85": _plain(128, 128, 128),
}
