"""Subjects on painted checkerboards and plain backgrounds, whose transparency is given back; and pictures that have none to give."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import onnx_models
from benchmarks.quality._cutout_photographs import Photographs
from benchmarks.quality._cutout_scenes import Studio
from benchmarks.quality._face_pictures import photographs, without_faces
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
        f"{len(subjects)} cut-outs with known alpha (those of background removal; half held out), at most {_LONGEST} pixels long, on "
        "backgrounds that are painted: checkerboards as editors show them, and plain colours. *Found*: the background was told for what it "
        "is. *Error of alpha*: its mean difference, 0 to 1, over the picture and at the edges, where the true alpha is between. *Colour "
        f"key*: within {_KEY} levels of the background's colours, and connected to the picture's border. *IS-Net*: its matte, as for "
        "pictures in which neither is found.",
        ("subjects", "background", "found", "error of alpha", "at edges", "colour key", "at edges", "IS-Net", "at edges"),
    )
    worst: list[tuple[float, str]] = []
    for part in ("seen", "held out"):
        chosen = [each for each in subjects if each.part == part]
        for name, ground in _GROUNDS.items():
            rows = [_judged(each, name, ground) for each in chosen]
            found = sum(row[0] for row in rows)
            means = [f"{statistics.mean(row[1][n] for row in rows):.4f}" for n in range(6)]
            section.rows.append((part, name, f"{found} of {len(rows)}", *means))
            worst += [(row[1][0], f"{each.name} on {name} ({part}): {row[1][0]:.3f}") for each, row in zip(chosen, rows, strict=True)]
    worst.sort(reverse=True)
    section.remarks = "The worst: " + "; ".join(text for _, text in worst[:5]) + "."
    return [section, _left_alone()]


def _left_alone() -> Section:
    section = Section(
        "Pictures without lost transparency",
        "Photographs, textures and drawings of packages: what `fix_transparency` takes for a painted checkerboard, or for a subject on a "
        "plain background, without asking the network. Drawings and products on one colour are the latter.",
        ("pictures", "number", "as a checkerboard", "as a plain background"),
    )
    for part in ("seen", "held out"):
        pictures = [*without_faces(part), *((each.name, each.pixels) for each in photographs() if each.part == part)]
        taken: dict[str, list[str]] = {"checkerboard": [], "uniform": []}
        for name, pixels in pictures:
            made = fix_transparency(Image(pixels), _DEFRINGE, lambda: None)
            if made is not None:
                taken[made.way].append(name)
        told = [f"{len(names)}{': ' if names else ''}{', '.join(names)}" for names in taken.values()]
        section.rows.append((part, str(len(pictures)), *told))
    return section


def _judged(subject: _Subject, name: str, ground: Ground) -> tuple[bool, Sequence[float]]:
    """Whether the background was found, and six errors: ours, of the key and of the network; each over the picture, and at edges."""
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
    return made is not None and made.way == wanted, errors


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
    for held_out in (False, True):
        for scene in studio.scenes(held_out=held_out):
            factor = min(1.0, _LONGEST / max(scene.alpha.shape))
            colours, alpha = (
                cv2.resize(each, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) for each in (scene.foreground, scene.alpha)
            )
            part = "held out" if held_out else "seen"
            yield _Subject(scene.name, part, np.asarray(colours * 255, np.float32), np.asarray(alpha, np.float32))


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
