"""Photographs of labels with barcodes, of which everything is known: labels that are drawn, bent, tilted and lit as on a shelf, in front of
photographs, and then seen by a camera."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SIZE = 1280, 960
_MODULE = 6
"""Pixels of a module of the label as it is drawn."""
_QUIET = 10
"""Modules around a code."""
_HEIGHT = 30
"""Modules that bars are high."""
_FORMATS: Mapping[str, zxingcpp.BarcodeFormat] = {
    "QRCode": zxingcpp.BarcodeFormat.QRCode,
    "MicroQRCode": zxingcpp.BarcodeFormat.MicroQRCode,
    "DataMatrix": zxingcpp.BarcodeFormat.DataMatrix,
    "Aztec": zxingcpp.BarcodeFormat.Aztec,
    "PDF417": zxingcpp.BarcodeFormat.PDF417,
    "EAN-13": zxingcpp.BarcodeFormat.EAN13,
    "EAN-8": zxingcpp.BarcodeFormat.EAN8,
    "UPC-A": zxingcpp.BarcodeFormat.UPCA,
    "UPC-E": zxingcpp.BarcodeFormat.UPCE,
    "Code128": zxingcpp.BarcodeFormat.Code128,
    "Code39": zxingcpp.BarcodeFormat.Code39,
    "Code93": zxingcpp.BarcodeFormat.Code93,
    "ITF": zxingcpp.BarcodeFormat.ITF,
    "Codabar": zxingcpp.BarcodeFormat.Codabar,
}
KINDS: Sequence[str] = tuple(_FORMATS)
_OF_BARS = frozenset(("EAN-13", "EAN-8", "UPC-A", "UPC-E", "Code128", "Code39", "Code93", "ITF", "Codabar"))


@dataclass(frozen=True, slots=True)
class Way:
    """How a label is seen. Lengths are in modules of its code where they are not said to be pixels."""

    module: float = 3.5
    """Pixels of a module in the photograph."""
    turn: float = 8
    """Degrees, at most, to either side."""
    tilt: float = 5
    """Degrees, at most, out of the picture's plane."""
    bent: bool = False
    """Around a bottle."""
    defocus: float = 0.15
    """Standard deviation of the blur."""
    motion: float = 0
    """Length of a movement's blur."""
    noise: float = 3
    """Levels, standard deviation."""
    light: float = 1
    """The share of it that is left."""
    shadow: bool = False
    """With a hard edge across the code."""
    quality: int = 88
    """Of the JPEG."""


WAYS: Mapping[str, Way] = {
    "straight": Way(),
    "turned": Way(turn=180),
    "tilted": Way(tilt=38, turn=20),
    "turned, tilted": Way(tilt=30, turn=180),
    "on a bottle": Way(bent=True, tilt=10),
    "far": Way(module=1.9, defocus=0.2, quality=80),
    "out of focus": Way(defocus=0.6),
    "moved": Way(motion=1.6),
    "dim": Way(light=0.16, noise=5, quality=75),
    "half in shadow": Way(shadow=True, turn=15, tilt=15),
    "poor": Way(module=2.4, turn=180, tilt=20, defocus=0.3, noise=7, light=0.5, quality=60),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A photograph, and what is to be read in it."""

    gray: Pixels
    kind: str
    text: str
    middle: tuple[float, float]
    """Column and row of the middle of the label."""


def scene(kind: str, way: Way, background: Pixels, seed: int) -> Scene:
    """A label with a code of this kind, in front of a photograph (sRGB, height × width × 3)."""
    chance = np.random.default_rng(seed)
    text = _text(kind, chance)
    label = _label(kind, text, chance)
    picture = _covering(background, SIZE)
    place, weight = _placed(label, way, chance)
    shown = picture * (1 - weight[..., None]) + place * weight[..., None]
    row, column = np.argwhere(weight > 0.5).mean(axis=0)
    shown = _lit(shown, way, (column, row), chance)
    return Scene(_photographed(shown, way, chance), kind, text, (float(column), float(row)))


_PATTERNS: Mapping[str, str] = {
    "EAN-13": "4%%%%%%%%%%%",
    "EAN-8": "%%%%%%%",
    "UPC-A": "%%%%%%%%%%%",
    "ITF": "%%%%%%%%%%%%%%",
    "Codabar": "A%%%%%%%%B",
    "MicroQRCode": "%%%%%%%%%",
    "Code39": "$$$-%%%%%",
    "Code93": "$$$-%%%%%",
    "Code128": "$$%%%%%%-$",
    "QRCode": "https://example.org/$$$$$$?n=%%%%%",
}
"""What texts look like: `%` is a digit and `$` a letter."""
_USUAL_PATTERN = "$$$$ %%%%%% $$$"


def _text(kind: str, chance: np.random.Generator) -> str:
    if kind == "UPC-E":
        # Of these, the last digit says how zeros were left out.
        number = "0" + "".join(str(each) for each in chance.integers(0, 10, 5)) + str(chance.integers(0, 3))
        return number + _check_digit(f"0{number[1:3]}{number[6]}0000{number[3:6]}")
    some = {"%": "0123456789", "$": "ABCDEFGHJKLMNPQRSTUVWXYZ"}
    text = "".join(str(chance.choice(list(some.get(each, each)))) for each in _PATTERNS.get(kind, _USUAL_PATTERN))
    return text + _check_digit(text) if kind in ("EAN-13", "EAN-8", "UPC-A") else text


def _check_digit(number: str) -> str:
    """That of GS1 (General Specifications, 7.9)."""
    return str(-sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(number))) % 10)


def _label(kind: str, text: str, chance: np.random.Generator) -> Floats:
    """A code on paper, with lines of print around it; colours from 0 to 1, opaque."""
    drawn = np.array(zxingcpp.create_barcode(text, _FORMATS[kind]).to_image(scale=1, add_quiet_zones=False))
    if kind in _OF_BARS:
        drawn = np.repeat(drawn[:1], _HEIGHT, axis=0)
    code = np.kron(np.pad(drawn, _QUIET, constant_values=255), np.ones((_MODULE, _MODULE), np.uint8))
    high, wide = code.shape
    sheet = np.full((round(high * 1.6), round(wide * 1.3)), 255, np.uint8)
    top, left = sheet.shape[0] - high - 2 * _MODULE, (sheet.shape[1] - wide) // 2
    sheet[top : top + high, left : left + wide] = code
    scale = sheet.shape[0] / 500
    for line in range(2):
        words = " ".join("".join(chance.choice(list("abcdefghiklmnoprstu"), chance.integers(3, 9))) for _ in range(3))
        y = round((0.35 + 0.5 * line) * top) + round(14 * scale)
        cv2.putText(sheet, words, (left, y), cv2.FONT_HERSHEY_DUPLEX, scale, 0, max(1, round(2 * scale)), cv2.LINE_AA)
    ink, paper = chance.uniform(0.02, 0.15), chance.uniform((0.82, 0.78, 0.68), 0.97)
    share = (sheet / 255).astype(np.float32)[..., None]
    return (ink + share * (np.asarray(paper, np.float32) - ink)).astype(np.float32)


def _placed(label: Floats, way: Way, chance: np.random.Generator) -> tuple[Floats, Floats]:
    """The label where it is in the photograph, and its weight there."""
    if way.bent:
        label = _bent(label)
    height, width = label.shape[:2]
    scale = way.module / _MODULE
    turn, yaw, pitch = (math.radians(chance.uniform(-most, most)) for most in (way.turn, way.tilt, way.tilt))
    if way.tilt > 20:
        yaw = math.copysign(max(abs(yaw), math.radians(way.tilt / 2)), yaw)
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]], np.float64) / 2 * scale
    far = 2.2 * max(SIZE)
    turned = np.pad(corners, ((0, 0), (0, 1))) @ _turning(turn, 0, 1).T @ _turning(yaw, 0, 2).T @ _turning(pitch, 1, 2).T
    seen = turned[:, :2] * far / (far + turned[:, 2:])
    low, high = np.min(seen, axis=0), np.max(seen, axis=0)
    # All of it is in the picture if it can be.
    room = np.maximum(0, np.array(SIZE) - 20 - (high - low))
    centre = 10 - low + chance.uniform(0, 1, 2) * room
    points = (seen + centre).astype(np.float32)
    before = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    # From four pixels one, as a lens and a sensor do.
    matrix = cv2.getPerspectiveTransform(before, points * 2)
    large = SIZE[0] * 2, SIZE[1] * 2
    smooth = cv2.GaussianBlur(label, (0, 0), max(0.3, 0.3 / scale))
    shown = cv2.warpPerspective(smooth, matrix, large, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpPerspective(np.ones((height, width), np.float32), matrix, large, flags=cv2.INTER_LINEAR)
    return (
        cv2.resize(shown, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32),
        cv2.resize(weight, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32),
    )


def _turning(angle: float, one: int, other: int) -> npt.NDArray[np.float64]:
    """The rotation from one axis towards another."""
    matrix = np.eye(3)
    matrix[one, one] = matrix[other, other] = math.cos(angle)
    matrix[other, one], matrix[one, other] = math.sin(angle), -math.sin(angle)
    return matrix


def _bent(label: Floats) -> Floats:
    """Around a cylinder of which it covers 100 degrees: its sides are narrower and darker."""
    height, width = label.shape[:2]
    half = math.radians(50)
    radius = width / (2 * half)
    across = round(2 * radius * math.sin(half))
    angle = np.arcsin(np.clip((np.arange(across) - across / 2) / radius, -1, 1))
    x = (angle * radius + width / 2).astype(np.float32)
    rows = np.arange(height, dtype=np.float32)
    bent = cv2.remap(label, np.tile(x, (height, 1)), np.tile(rows[:, None], (1, across)), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(bent * np.cos(angle * 0.9)[None, :, None], np.float32)


def _lit(shown: Floats, way: Way, label: tuple[float, float], chance: np.random.Generator) -> Floats:
    """By one lamp: brighter towards a side, and in shadow where something stands before it. `label`: the middle of the label."""
    y, x = np.mgrid[-1 : 1 : SIZE[1] * 1j, -1 : 1 : SIZE[0] * 1j]
    towards = chance.uniform(0, 2 * math.pi)
    light = 0.8 + 0.2 * (x * math.cos(towards) + y * math.sin(towards))
    if way.shadow:
        slope = chance.uniform(0.6, 1.6)
        at = label[0] / SIZE[0] * 2 - 1 + slope * (label[1] / SIZE[1] * 2 - 1) + chance.uniform(-0.05, 0.05)
        side = cv2.GaussianBlur((x + slope * y > at).astype(np.float32), (0, 0), 6)
        light = light * (0.3 + 0.7 * side)
    return np.asarray(shown * light[..., None] * way.light, np.float32)


def _photographed(shown: Floats, way: Way, chance: np.random.Generator) -> Pixels:
    """As a camera writes it, in gray."""
    picture = shown
    if way.defocus:
        picture = cv2.GaussianBlur(picture, (0, 0), way.defocus * way.module).astype(np.float32)
    if way.motion:
        length = max(2, round(way.motion * way.module)) | 1
        line = np.zeros((length, length), np.float32)
        line[length // 2] = 1
        turn = cv2.getRotationMatrix2D((length // 2, length // 2), chance.uniform(0, 180), 1)
        kernel = cv2.warpAffine(line, turn, (length, length))
        picture = cv2.filter2D(picture, -1, kernel / kernel.sum()).astype(np.float32)
    exposure = 1 if way.light > 0.3 else 0.5 / way.light * 0.6
    noisy = picture * 255 * exposure + chance.normal(0, way.noise * exposure, picture.shape)
    written = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, way.quality])[1]
    return np.asarray(cv2.imdecode(written, cv2.IMREAD_GRAYSCALE), np.uint8)


def _covering(background: Pixels, size: tuple[int, int]) -> Floats:
    height, width = background.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = cv2.resize(background, (math.ceil(width * scale), math.ceil(height * scale)), interpolation=how)
    return (large[: size[1], : size[0]] / 255).astype(np.float32)
