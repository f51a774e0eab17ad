"""Reading barcodes with ZXing-C++ (https://github.com/zxing-cpp/zxing-cpp), also where it does not look by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp

Gray = npt.NDArray[np.uint8]
Point = tuple[float, float]
MOST = 255
_SMALL_SIDE, _LARGE_SIDE = 1200, 2400
"""Longer sides below which a picture is also looked at enlarged, and above which it is only turned when made smaller."""
_SHORTEST_ITF = 6
_LIGHT_REACH = 0.06
"""The radius, as a share of a picture's shorter side, in which the light that falls on it is estimated."""
_BAND_REACH = 1.0
"""How far from each other, as a share of a code's longer side, bands of one code of bars may be."""
_ANGLES = (15, 30, 45, 60, 75)
_BLURS = (1.7, 2.2, 3.0)
"""Standard deviations of the blurs that are taken back, in pixels."""
_NOISE = 0.01
"""How much of a blurred picture is noise, in power: more is taken back with less."""
_MATRIX = frozenset(("QRCode", "MicroQRCode", "RMQRCode", "DataMatrix", "Aztec", "MaxiCode"))
_CHECKED = "|".join((*sorted(_MATRIX), "PDF417", "Code128", "Code93"))
"""Those that correct errors, or have check characters that chance hardly meets."""
_NAMES: Mapping[str, str] = {
    "QR Code Model 1": "QRCode",
    "QR Code Model 2": "QRCode",
    "rMQR Code": "RMQRCode",
    "Aztec Code": "Aztec",
    "Aztec Rune": "Aztec",
    "Code 39 Standard": "Code39",
    "Code 39 Extended": "Code39",
    "Compact PDF417": "PDF417",
    "DataBar Omni": "DataBar",
    "DataBar Stacked": "DataBar",
    "DataBar Stacked Omni": "DataBar",
    "DataBar Expanded Stacked": "DataBarExpanded",
    "ITF-14": "ITF",
    "Telepen Alpha": "Telepen",
    "Telepen Numeric": "Telepen",
}


@dataclass(frozen=True, slots=True)
class Barcode:
    """A barcode."""

    type: str
    text: str
    corners: Sequence[Point]
    """Top left, top right, bottom right and bottom left of the code in reading orientation, in pixels."""


def read(gray: Gray, *, quick: bool, check: Callable[[], None]) -> Sequence[Barcode]:
    """The barcodes of a picture, each once, from top to bottom."""
    found = list(_seen([(gray, lambda point: point)], quick, check))
    if not quick:
        scale = min(1.0, _LARGE_SIDE / max(gray.shape))
        small = gray if scale == 1 else _resized(gray, scale)
        # A code of squares is found at any angle, one of bars next to it is not.
        found += _seen((_turned(small, angle, scale) for angle in _ANGLES), quick, check)
        if not found:
            found += _seen(_clearer(gray, small, scale), quick, check)
        if not found:
            found += _seen(_sharpened(small, scale), quick, check, _CHECKED)
    found = _distinct(found)
    return sorted(found, key=lambda one: (round(min(y for _, y in one.corners)), min(x for x, _ in one.corners)))[:MOST]


_Back = Callable[[Point], Point]


def _seen(views: Iterable[tuple[Gray, _Back]], quick: bool, check: Callable[[], None], kinds: str = "") -> Iterator[Barcode]:
    """The codes of pictures, of some kinds or of all, in points of the picture that each `_Back` leads to."""
    formats = zxingcpp.barcode_formats_from_str(kinds)
    for picture, back in views:
        check()
        for code in zxingcpp.read_barcodes(picture, formats, try_rotate=True, try_downscale=not quick, try_invert=not quick):
            one = _found(code, back)
            # Fewer digits are often a part of a longer code, of any kind.
            if one.type != "ITF" or len(one.text) >= _SHORTEST_ITF:
                yield one


def _clearer(gray: Gray, small: Gray, scale: float) -> Iterator[tuple[Gray, _Back]]:
    """The picture as a negative, evenly lit, sharper, larger and softer."""
    yield 255 - gray, lambda point: point
    flat = _evenly_lit(small)
    yield flat, partial(_divided, by=scale)
    for angle in _ANGLES:
        yield _turned(flat, angle, scale)
    blurred = cv2.GaussianBlur(gray, (0, 0), 2)
    yield cv2.addWeighted(gray, 2.5, blurred, -1.5, 0).astype(np.uint8), lambda point: point
    if max(gray.shape) < _SMALL_SIDE:
        for factor in (2, 3):
            yield _resized(gray, factor), partial(_divided, by=factor)
    softer = cv2.GaussianBlur(small, (0, 0), 1.2).astype(np.uint8)
    yield softer, partial(_divided, by=scale)
    local = cv2.createCLAHE(4, (8, 8)).apply(small).astype(np.uint8)
    yield local, partial(_divided, by=scale)


def _evenly_lit(gray: Gray) -> Gray:
    """The picture divided by the light that falls on it: what is lightest around each pixel, with the edges of shadows where they are
    (a morphological closing)."""
    reach = max(3, round(min(gray.shape) * _LIGHT_REACH)) | 1
    light = cv2.morphologyEx(gray, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    return cv2.divide(gray, np.maximum(light, 1), scale=255).astype(np.uint8)


def _sharpened(small: Gray, scale: float) -> Iterator[tuple[Gray, _Back]]:
    """The picture before a blur: Wiener's filter for a Gaussian, in cosines, which continue a picture mirrored."""
    even = small[: small.shape[0] // 2 * 2, : small.shape[1] // 2 * 2]
    if not even.size:
        return
    waves = cv2.dct(even.astype(np.float32))
    down, across = (np.arange(side, dtype=np.float32) / (2 * side) for side in even.shape)
    for blur in _BLURS:
        kept = np.exp(-2 * (math.pi * blur) ** 2 * (down[:, None] ** 2 + across**2)).astype(np.float32)
        sharp = cv2.idct(waves * (kept / (kept**2 + _NOISE)))
        yield np.clip(sharp, 0, 255).astype(np.uint8), partial(_divided, by=scale)


def _resized(gray: Gray, factor: float) -> Gray:
    width, height = (max(1, round(side * factor)) for side in gray.shape[::-1])
    method = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    return cv2.resize(gray, (width, height), interpolation=method).astype(np.uint8)


def _divided(point: Point, by: float) -> Point:
    return point[0] / by, point[1] / by


def _turned(gray: Gray, angle: float, scale: float) -> tuple[Gray, _Back]:
    height, width = gray.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    cosine, sine = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    size = math.ceil(width * cosine + height * sine), math.ceil(width * sine + height * cosine)
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    # One colour: edges that are drawn out look like bars.
    around = float(np.median(np.concatenate((gray[0], gray[-1], gray[:, 0], gray[:, -1]))))
    picture = cv2.warpAffine(gray, turn, size, flags=cv2.INTER_CUBIC, borderValue=around).astype(np.uint8)
    inverse = cv2.invertAffineTransform(turn)

    def back(point: Point) -> Point:
        x, y = (float(each) / scale for each in inverse @ (*point, 1))
        return x, y

    return picture, back


def _found(code: zxingcpp.Barcode, back: _Back) -> Barcode:
    at = code.position
    corners = [back((point.x, point.y)) for point in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)]
    kind, text = _NAMES.get(str(code.format), str(code.format).replace(" ", "")), code.text
    if kind == "EAN-13" and text.startswith("0") and len(text) == 13:
        # GS1 General Specifications, 5.2.2: the same symbol.
        kind, text = "UPC-A", text[1:]
    elif kind == "UPC-E":
        text = _zero_suppressed(text[-12:]) or text
    return Barcode(kind, text, corners)


def _zero_suppressed(number: str) -> str:
    """The eight digits of UPC-E for the twelve of UPC-A (GS1 General Specifications, 5.2.2.4); empty if there are none."""
    if len(number) != 12 or not number.isdigit():
        return ""
    system, maker, product, check = number[0], number[1:6], number[6:11], number[11]
    if maker[2:] in ("000", "100", "200") and product[:2] == "00":
        return f"{system}{maker[:2]}{product[2:]}{maker[2]}{check}"
    if maker[3:] == "00" and product[:3] == "000":
        return f"{system}{maker[:3]}{product[3:]}3{check}"
    if maker[4] == "0" and product[:4] == "0000":
        return f"{system}{maker[:4]}{product[4]}4{check}"
    return f"{system}{maker}{product[4]}{check}" if product[:4] == "0000" and product[4] >= "5" else ""


def _distinct(found: Sequence[Barcode]) -> list[Barcode]:
    """Each code once: one of bars is often seen in several bands, and a band across its edge may be read as another code.

    Codes of squares correct errors, so bars that are read in their place are wrong. The first of equal texts counts.
    """
    kept: list[Barcode] = []
    for one in sorted(found, key=lambda one: (one.type not in _MATRIX, -len(one.text))):
        if not any(_is_part_of(one, other) for other in kept):
            kept.append(one)
    return kept


def _is_part_of(one: Barcode, other: Barcode) -> bool:
    left, top, right, bottom = _box(other)
    # Bands of one code are next to each other; bands inside a code do not belong to it.
    same = one.type == other.type and one.text in other.text and one.type not in _MATRIX
    reach = max(right - left, bottom - top) * _BAND_REACH if same else 0
    x, y = (sum(corner[axis] for corner in one.corners) / 4 for axis in (0, 1))
    return left - reach <= x <= right + reach and top - reach <= y <= bottom + reach


def _box(one: Barcode) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in one.corners], [y for _, y in one.corners]
    return min(xs), min(ys), max(xs), max(ys)


def outline(pixels: npt.NDArray[np.uint8], found: Sequence[Barcode]) -> npt.NDArray[np.uint8]:
    """The picture, height × width × 3, with the codes outlined and numbered from 1."""
    shown = np.ascontiguousarray(pixels).copy()
    width = max(2, round(max(shown.shape[:2]) / 300))
    for number, one in enumerate(found, start=1):
        outline = np.array([[round(x), round(y)] for x, y in one.corners], np.int32)
        cv2.polylines(shown, [outline], True, (255, 255, 255), width + 2, cv2.LINE_AA)
        cv2.polylines(shown, [outline], True, (220, 20, 60), width, cv2.LINE_AA)
        at = int(outline[:, 0].min()), max(12 * width, int(outline[:, 1].min()) - 2 * width)
        for colour, weight in (((255, 255, 255), 2 * width), ((220, 20, 60), width)):
            cv2.putText(shown, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, width * 0.5, colour, weight, cv2.LINE_AA)
    return shown
