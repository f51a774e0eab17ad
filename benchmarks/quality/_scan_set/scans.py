"""The scans: pages with and without marks, on uneven paper, out of focus, askew, with noise, as JPEG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.quality._scan_set.random_marks import LOOK, draw_marks, register_fonts
from benchmarks.quality._scan_set.sheets import SECOND, SEEN, THIRD, Look, Pixels, Sheet, render_sheet
from benchmarks.quality._scan_set.stamps import Stamp

_GREY, _RED, _BLUE, _GREEN, _VIOLET = (110, 110, 110), (200, 30, 40), (35, 70, 190), (30, 130, 70), (120, 40, 140)
_ORANGE, _TEAL = (215, 110, 20), (0, 120, 130)
_SEEN = (
    Stamp("slanted", "CONFIDENTIAL", "VeraBd", (0, 0, 0), 0.16, True, 45),
    Stamp("slanted", "DRAFT", "VeraBd", _GREY, 0.4, False, 40),
    Stamp("slanted", "COPY", "Vera", _GREY, 0.55, False, 52),
    Stamp("slanted", "SAMPLE", "VeraBd", _RED, 0.35, True, 33),
    Stamp("slanted", "URGENT", "Vera", _BLUE, 0.4, False, 50),
    Stamp("level", "DRAFT", "VeraBd", _GREY, 0.35, True),
    Stamp("round", "HARBOUR", "VeraBd", _RED, 0.85, True, 15, (0.68, 0.3)),
    Stamp("round", "RECEIVED", "VeraBd", _BLUE, 0.75, True, -20, (0.35, 0.55)),
    Stamp("tiled", "DO NOT COPY", "Vera", _GREY, 0.5, True, 30),
    Stamp("tiled", "Northquay", "VeraBd", _BLUE, 0.3, True, 45),
    Stamp("footer", "Licensed to M. Larsen, 3 May", "Vera", _GREY, 0.9, True),
)
_SECOND = (
    Stamp("slanted", "VOID", "Helvetica-Bold", _GREY, 0.45, True, 55),
    Stamp("slanted", "PRELIMINARY", "Times-Bold", (60, 60, 60), 0.25, False, 42),
    Stamp("slanted", "SPECIMEN", "Helvetica", _GREEN, 0.4, True, 38),
    Stamp("slanted", "Internal use", "Times-Bold", _VIOLET, 0.35, False, -40),
    Stamp("level", "SECRET", "Helvetica-Bold", _GREY, 0.35, False, 0, (0.5, 0.6)),
    Stamp("round", "NOTARY", "Helvetica-Bold", _VIOLET, 0.8, True, 30, (0.3, 0.35)),
    Stamp("round", "APPROVED", "Helvetica", _GREEN, 0.85, True, -10, (0.65, 0.6)),
    Stamp("framed", "PAID", "Helvetica-Bold", _RED, 0.8, True, 18, (0.6, 0.4)),
    Stamp("tiled", "evaluation only", "Helvetica", _GREY, 0.5, False, 25),
    Stamp("tiled", "OSPREY", "Helvetica-Bold", _RED, 0.3, True, -35),
    Stamp("footer", "Downloaded from example.org by O. Brandt", "Helvetica", _GREY, 0.9, True),
)
_THIRD = (
    Stamp("slanted", "OBSOLETE", "Courier-Bold", (90, 90, 90), 0.35, True, 48),
    Stamp("slanted", "Proof", "Times-BoldItalic", _GREY, 0.5, False, 30),
    Stamp("slanted", "DO NOT FILE", "VeraBI", _ORANGE, 0.4, True, 44),
    Stamp("slanted", "Expired", "Helvetica-Oblique", _TEAL, 0.45, False, -36),
    Stamp("level", "DUPLICATE", "VeraBI", (80, 80, 80), 0.3, True, 0, (0.5, 0.45)),
    Stamp("round", "KESTREL", "VeraBd", _TEAL, 0.8, True, -35, (0.6, 0.5)),
    Stamp("round", "CUSTOMS", "Times-Bold", _BLUE, 0.7, True, 12, (0.35, 0.62)),
    Stamp("framed", "CANCELLED", "VeraBd", _VIOLET, 0.75, True, -14, (0.5, 0.35)),
    Stamp("tiled", "not for resale", "VeraBI", _GREY, 0.45, True, 35),
    Stamp("tiled", "Kestrel Mills", "Times-Bold", _TEAL, 0.35, False, 28),
    Stamp("framed", "LATE", "Helvetica-Bold", _RED, 0.85, True, 9, (0.62, 0.55)),
)
_MARKED, _UNMARKED = 20, 12
_EXTRAS = ("", "headline", "logo", "highlighter", "signature", "letterhead")


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A page as scanned, without its mark, and how far the mark covers it (0 to 1)."""

    name: str
    mark: str
    """The kind of its mark; empty if it has none."""
    picture: Pixels
    clean: Pixels
    cover: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the set: its marks, fonts and look are its own."""

    name: str
    look: Look
    marks: tuple[Stamp, ...]
    fonts: tuple[tuple[str, str], ...]
    kinds: tuple[str, ...]
    seed: int


_KINDS = ("text", "table", "text", "photograph")
ONCE_HELD_OUT, HELD_OUT = 90217, 531742
"""Seeds of the parts that are drawn: results of the first have been looked at, those of the second had not when the code was last
changed."""


def _drawn(name: str, seed: int) -> Part:
    return Part(
        name,
        LOOK,
        draw_marks(seed),
        (("Roboto", "Roboto-Bold"), ("Caladea", "Caladea-Bold")),
        ("chart", "text", "photograph", "table"),
        seed,
    )


PARTS = (
    Part("seen", SEEN, _SEEN, (("Helvetica", "Helvetica-Bold"), ("Courier", "Courier-Bold")), _KINDS, 0),
    Part("second set", SECOND, _SECOND, (("Vera", "VeraBd"), ("Times-Roman", "Times-Bold")), _KINDS, 100),
    Part(
        "third set",
        THIRD,
        _THIRD,
        (("VeraIt", "VeraBI"), ("Times-Italic", "Times-BoldItalic")),
        ("text", "table", "chart", "photograph"),
        200,
    ),
    _drawn("once held out", ONCE_HELD_OUT),
    _drawn("held out", HELD_OUT),
)


def scans(part: Part) -> Iterator[Scan]:
    """Marked pages, then unmarked ones."""
    register_fonts()
    for number in range(_MARKED):
        font, bold = part.fonts[number % 2]
        sheet = Sheet(part.kinds[number % 4], font, bold, 10 + number % 3, part.look, "" if number % 3 else "letterhead")
        yield _scan(f"marked {number + 1}", sheet, part.marks[number % len(part.marks)], number + part.seed)
    for number in range(_UNMARKED):
        font, bold = part.fonts[number % 2]
        sheet = Sheet(part.kinds[number // 2 % 4], font, bold, 10 + number % 3, part.look, _EXTRAS[number % 6])
        yield _scan(f"unmarked {number + 1}", sheet, None, 50 + number + part.seed)


def _scan(name: str, sheet: Sheet, stamp: Stamp | None, seed: int) -> Scan:
    dpi = 200 if seed % 4 == 0 else 150
    clean = render_sheet(sheet.draw, dpi)
    cover = np.zeros(clean.shape[:2], np.float32)
    marked = clean
    if stamp is not None:
        cover = 1 - render_sheet(stamp.draw, dpi)[..., 0].astype(np.float32) / np.float32(255)
        strength = (stamp.opacity * cover)[..., np.newaxis]
        colour = np.array(stamp.colour, np.float32)
        paint = clean * colour / 255 if stamp.multiplies else colour
        marked = np.round(clean * (1 - strength) + paint * strength).astype(np.uint8)
    turned = np.asarray(cv2.warpAffine(cover, _turn(cover.shape, seed), cover.shape[::-1]), np.float32)
    return Scan(name, "" if stamp is None else stamp.kind, _scanned(marked, seed), _scanned(clean, seed), turned)


def _turn(shape: tuple[int, ...], seed: int) -> npt.NDArray[np.float64]:
    return np.asarray(cv2.getRotationMatrix2D((shape[1] / 2, shape[0] / 2), float(np.random.default_rng(seed).uniform(-1, 1)), 1.0))


def _scanned(page: Pixels, seed: int) -> Pixels:
    random = np.random.default_rng(seed + 1000)
    height, width = page.shape[:2]
    turned = cv2.warpAffine(page, _turn(page.shape, seed), (width, height), flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
    soft = cv2.GaussianBlur(turned, (0, 0), float(random.uniform(0.5, 0.9))).astype(np.float32) / 255
    tone = np.array((240, 238, 230), np.float32) - float(random.uniform(0, 12))
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    light = 1 - float(random.uniform(0.01, 0.05)) * (across**2 + down * float(random.uniform(-1, 1)))
    noise = cv2.GaussianBlur(random.normal(0, float(random.uniform(3, 9)), page.shape).astype(np.float32), (0, 0), 0.6)
    gray = 12 + soft * (tone - 12) * light[..., np.newaxis].astype(np.float32) + noise
    quality = int(random.integers(70, 92))
    encoded = cv2.imencode(".jpg", gray.clip(0, 255).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
