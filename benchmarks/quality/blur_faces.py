"""Faces found in photographs that show some, and in those without, compared with those that dlib's detector finds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np

from benchmarks import onnx_models
from benchmarks.quality._cutout_photographs import SHOWN
from benchmarks.quality._face_pictures import Photograph, Pixels8, Spot, drawn_photographs, photographs, without_faces
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._theme_photographs import PUBLIC_DOMAIN
from benchmarks.table import Section
from services.inference.faces import blurring
from services.inference.faces.detection import DETECTOR
from services.inference.faces.finding import least_score
from services.inference.faces.mesh import MESH, Mesh, find_meshes
from services.inference.media import Image
from services.inference.plain import faces as dlib_faces

_THREADS = 2
_NEAR = 0.5  # of a face's side, between the middles of a face and of what was found
_RATIOS = 0.35, 2.6  # of the sides
_PARTS = ("seen", "once held out", "held out")
_SEED, _EACH = 53895, 2
"""What crops and mirrors the photographs held out, first used for this table; and how often each."""
_MAY_BE_SHOWN = {*SHOWN, *(name for _, name in PUBLIC_DOMAIN), "grace_hopper.jpg"}
"""In the public domain, or under CC0."""
_SHOWN_SIZE = 300, 220
_RED, _GREEN = (220, 0, 0), (0, 160, 0)

Find = Callable[[Pixels8], Sequence[Spot]]
Change = Callable[[Photograph], tuple[Pixels8, Sequence[Spot]]]


@dataclass
class _Score:
    faces: int = 0
    found_count: int = 0
    wrong: int = 0
    errors: list[str] = field(default_factory=list)
    shown: list[Case] = field(default_factory=list)

    def lines(self) -> list[str]:
        share = f"{self.found_count} of {self.faces}" if self.faces else "–"
        return [share, str(self.wrong)]


def measure() -> Sequence[Section]:
    """One table: what was done to the photographs, by part."""
    known, drawn = list(photographs()), list(drawn_photographs(_SEED, _EACH))
    section = Section(
        "Faces that are found",
        f"{sum(len(each.faces) for each in known)} faces in {len(known)} photographs of npm packages (fetched, not part of Darkroom), "
        "scikit-image and Matplotlib, at most 1000 pixels long, marked by hand: portraits (*seen*), and groups of two to five people "
        f"and two portraits, by other photographers (*once held out*). *Held out*: {sum(len(each.faces) for each in drawn)} faces in "
        f"{len(drawn)} pictures, each of {len(drawn) // _EACH} photographs of web themes cropped and perhaps mirrored {_EACH} times by the "
        f"seed {_SEED}, which was first used for this table. Each row changes all of them. *Small*: the largest face is so many "
        "pixels high. *Found*: something was found whose middle is at most half a face away. *Wrong*: found where no face is, or a second "
        "time. Blurred faces should not be found. The detector is MediaPipe's, by `blur_faces` at its usual `sensitivity`; dlib's as "
        "`smart_crop` uses it.",
        ("photographs", "what was done to them", "found", "wrong", "dlib: found", "wrong"),
    )
    errors, shown = list[str](), list[Case]()
    for part in _PARTS:
        chosen = [each for each in (*known, *drawn) if each.part == part]
        for name, change in (*_CHANGES.items(), ("blurred by `blur_faces`, radius 1", _pixels(_hidden))):
            cases = [(each.name, *change(each)) for each in chosen]
            own, dlib = (_scored(f"{name} ({part})", cases, find) for find in (_own, _of_dlib))
            section.rows.append((part, name, *own.lines(), *dlib.lines()))
            if name in _CHANGES:
                shown += own.shown
                if own.errors and part == "held out":
                    errors.append(f"{name}: {', '.join(own.errors)}")
        empty = [(name, pixels, ()) for name, pixels in without_faces(part)]
        own, dlib = (_scored(f"without a face ({part})", empty, find) for find in (_own, _of_dlib))
        section.rows.append((part, f"{len(empty)} pictures without a face", *own.lines(), *dlib.lines()))
        shown += own.shown
    section.remarks = f"Missed of those held out, or found wrongly: {'; '.join(errors) or 'nothing'}."
    show_worst(section, "blur_faces", "with red squares at the faces, and green ones at what was found", shown, columns=5)
    return [section]


def _scored(what: str, cases: Sequence[tuple[str, Pixels8, Sequence[Spot]]], find: Find) -> _Score:
    score = _Score()
    for name, pixels, faces in cases:
        found = find(pixels)
        left, missed, farthest = list(found), 0, 0.0
        for face in faces:
            match = min((each for each in left if _same(face, each)), key=partial(_away, face), default=None)
            if match is None:
                missed += 1
            else:
                left.remove(match)
                farthest = max(farthest, _away(face, match))
        wrong = len(left)
        score.faces += len(faces)
        score.found_count += len(faces) - missed
        score.wrong += wrong
        said = ", ".join(f"{count} {error}" for count, error in ((missed, "missed"), (wrong, "wrong")) if count)
        if said:
            score.errors.append(f"{name} ({said})")
        if name in _MAY_BE_SHOWN and (faces or wrong):
            label = f"{name}, {what}: {said or f'{farthest:.2f} of a face away'}"
            score.shown.append(Case(missed + wrong + farthest, label, [_marked(pixels, faces, found)]))
    return score


def _away(face: Spot, other: Spot) -> float:
    """How far the middles are apart, in sides of the face."""
    return float(np.hypot(other.x - face.x, other.y - face.y)) / face.side


def _same(face: Spot, other: Spot) -> bool:
    return _away(face, other) <= _NEAR and _RATIOS[0] <= other.side / face.side <= _RATIOS[1]


def _marked(pixels: Pixels8, faces: Sequence[Spot], found: Sequence[Spot]) -> Pixels8:
    """In a frame of one size, with squares around what it shows and what was found."""
    width, height = _SHOWN_SIZE
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for spots, colour in ((faces, _RED), (found, _GREEN)):
        for spot in (each.scale(scale) for each in spots):
            corner, other = ((round(spot.x + reach), round(spot.y + reach)) for reach in (-spot.side / 2, spot.side / 2))
            cv2.rectangle(small, corner, other, colour, 2)
    return np.pad(small, ((0, height - small.shape[0]), (0, width - small.shape[1]), (0, 0)), constant_values=255).astype(np.uint8)


def _meshes(pixels: Pixels8) -> Sequence[Mesh]:
    return asyncio.run(
        find_meshes(
            pixels,
            onnx_models.picture_model(DETECTOR, _THREADS),
            onnx_models.picture_model(MESH, _THREADS),
            least_score(None),
            lambda: None,
            lambda _done: None,
        )
    )


def _hidden(pixels: Pixels8) -> Pixels8:
    """With its faces as little blurred as `blur_faces` does it."""
    ovals = [blurring.oval_of(mesh) for mesh in _meshes(pixels)]
    return np.asarray(blurring.blur_ovals(Image(pixels), ovals, 1.0, lambda: None).pixels, np.uint8)


def _own(pixels: Pixels8) -> Sequence[Spot]:
    boxes = [mesh.face for mesh in _meshes(pixels)]
    return [Spot(box.left + box.width / 2, box.top + box.height / 2, box.width) for box in boxes]


def _of_dlib(pixels: Pixels8) -> Sequence[Spot]:
    found = dlib_faces.find(pixels)
    return [Spot(face.left + face.width / 2, face.top + face.height / 2, face.width) for face in found]


def _small(side: float) -> Change:
    def change(photograph: Photograph) -> tuple[Pixels8, Sequence[Spot]]:
        factor = side / max(face.side for face in photograph.faces)
        small = cv2.resize(photograph.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8), [face.scale(factor) for face in photograph.faces]

    return change


def _turned(degrees: float) -> Change:
    def change(photograph: Photograph) -> tuple[Pixels8, Sequence[Spot]]:
        height, width = photograph.pixels.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
        wide, high = round(height * sin + width * cos), round(height * cos + width * sin)
        turn[:, 2] += (wide - width) / 2, (high - height) / 2
        turned = cv2.warpAffine(photograph.pixels, turn, (wide, high), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        places = [turn @ (face.x, face.y, 1) for face in photograph.faces]
        spots = [Spot(float(x), float(y), face.side) for (x, y), face in zip(places, photograph.faces, strict=True)]
        return np.asarray(turned, np.uint8), spots

    return change


def _pixels(change: Callable[[Pixels8], Pixels8]) -> Change:
    return lambda photograph: (change(photograph.pixels), photograph.faces)


def _noisy(pixels: Pixels8) -> Pixels8:
    noise = np.random.default_rng(7).normal(0, 25, pixels.shape)
    return np.asarray(np.clip(pixels + noise, 0, 255), np.uint8)


def _blurred(photograph: Photograph) -> tuple[Pixels8, Sequence[Spot]]:
    side = max(face.side for face in photograph.faces)
    return np.asarray(cv2.GaussianBlur(photograph.pixels, (0, 0), side / 25), np.uint8), photograph.faces


def _jpeg(pixels: Pixels8) -> Pixels8:
    _, code = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 12])
    read = cv2.imdecode(code, cv2.IMREAD_COLOR)
    assert read is not None
    return np.ascontiguousarray(read[..., ::-1], np.uint8)


def _covered(photograph: Photograph) -> tuple[Pixels8, Sequence[Spot]]:
    """With a cloth over mouth and chin."""
    pixels = photograph.pixels.copy()
    for x, y, side in ((face.x, face.y, face.side) for face in photograph.faces):
        corner, other = (round(x - 0.45 * side), round(y + 0.1 * side)), (round(x + 0.45 * side), round(y + 0.6 * side))
        cv2.rectangle(pixels, corner, other, (90, 130, 170), -1)
    return pixels, photograph.faces


def _tiled(photograph: Photograph) -> tuple[Pixels8, Sequence[Spot]]:
    """Nine times, side by side."""
    height, width = photograph.pixels.shape[:2]
    spots: Iterator[Spot] = (
        Spot(face.x + column * width, face.y + row * height, face.side)
        for row in range(3)
        for column in range(3)
        for face in photograph.faces
    )
    return np.tile(photograph.pixels, (3, 3, 1)), list(spots)


_CHANGES: Mapping[str, Change] = {
    "nothing": _pixels(lambda pixels: pixels),
    "small: 96 pixels": _small(96),
    "small: 48 pixels": _small(48),
    "small: 24 pixels": _small(24),
    "turned by 30°": _turned(30),
    "turned by 60°": _turned(60),
    "a fifth of the light": _pixels(lambda pixels: np.asarray(pixels * 0.2, np.uint8)),
    "noise of 25 levels": _pixels(_noisy),
    "out of focus": _blurred,
    "JPEG of quality 12": _pixels(_jpeg),
    "gray": _pixels(lambda pixels: np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.uint8)),
    "mouth and chin covered": _covered,
    "nine times, side by side": _tiled,
}
