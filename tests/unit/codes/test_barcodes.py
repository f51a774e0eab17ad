"""Barcodes of 14 symbologies, drawn by ZXing-C++'s writer and then turned, blurred, lit from one side, and so on.

`make quality` reads them in 924 photographs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import zxingcpp

from services.inference.codes.barcodes import outline, read

Gray = npt.NDArray[np.uint8]
CODES: Mapping[str, tuple[zxingcpp.BarcodeFormat, str]] = {
    "QRCode": (zxingcpp.BarcodeFormat.QRCode, "https://example.org/a?b=c"),
    "MicroQRCode": (zxingcpp.BarcodeFormat.MicroQRCode, "12345"),
    "DataMatrix": (zxingcpp.BarcodeFormat.DataMatrix, "Darkroom 42"),
    "Aztec": (zxingcpp.BarcodeFormat.Aztec, "Darkroom 42"),
    "PDF417": (zxingcpp.BarcodeFormat.PDF417, "Darkroom 42"),
    "EAN-13": (zxingcpp.BarcodeFormat.EAN13, "4006381333931"),
    "EAN-8": (zxingcpp.BarcodeFormat.EAN8, "40170725"),
    "UPC-A": (zxingcpp.BarcodeFormat.UPCA, "036000291452"),
    "UPC-E": (zxingcpp.BarcodeFormat.UPCE, "01234565"),
    "Code128": (zxingcpp.BarcodeFormat.Code128, "Darkroom-42"),
    "Code39": (zxingcpp.BarcodeFormat.Code39, "DARKROOM42"),
    "Code93": (zxingcpp.BarcodeFormat.Code93, "DARKROOM42"),
    "ITF": (zxingcpp.BarcodeFormat.ITF, "00123456"),
    "Codabar": (zxingcpp.BarcodeFormat.Codabar, "A12345B"),
}


def symbol(kind: str, scale: int = 4) -> Gray:
    format_, text = CODES[kind]
    return np.pad(np.array(zxingcpp.create_barcode(text, format_).to_image(scale=scale)), 60, constant_values=255)


def turned(gray: Gray, angle: float) -> Gray:
    side = int(np.hypot(*gray.shape)) + 1
    turn = cv2.getRotationMatrix2D((gray.shape[1] / 2, gray.shape[0] / 2), angle, 1)
    turn[:, 2] += (side - gray.shape[1]) / 2, (side - gray.shape[0]) / 2
    return cv2.warpAffine(gray, turn, (side, side), flags=cv2.INTER_CUBIC, borderValue=255).astype(np.uint8)


def blurred(gray: Gray, sigma: float) -> Gray:
    return cv2.GaussianBlur(gray, (0, 0), sigma).astype(np.uint8)


def seen_from_the_side(gray: Gray) -> Gray:
    height, width = gray.shape
    before = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    after = before * np.array([[1, 1], [0.95, 1], [1, 1], [1, 0.9]], np.float32) + np.array([[0.1 * width, 0.08 * height]] + [[0, 0]] * 3)
    return cv2.warpPerspective(
        gray, cv2.getPerspectiveTransform(before, after.astype(np.float32)), (width, height), borderValue=255
    ).astype(np.uint8)


def noisy(gray: Gray) -> Gray:
    noise = np.random.default_rng(1).normal(0, 25, gray.shape)
    return np.clip(gray + noise, 0, 255).astype(np.uint8)


def half_in_shadow(gray: Gray) -> Gray:
    y, x = np.mgrid[-1 : 1 : gray.shape[0] * 1j, -1 : 1 : gray.shape[1] * 1j]
    light = cv2.GaussianBlur((x + y > 0).astype(np.float32), (0, 0), 3)
    return (gray * (0.25 + 0.75 * light)).astype(np.uint8)


CHANGES: Mapping[str, Callable[[Gray], Gray]] = {
    "as it is": lambda gray: gray,
    "turned by 37": lambda gray: turned(gray, 37),
    "turned by 222": lambda gray: turned(gray, 222),
    "very blurred": lambda gray: blurred(gray, 2.2),
    "small": lambda gray: gray[::2, ::2],
    "from the side": seen_from_the_side,
    "half in shadow": half_in_shadow,
    "negative": lambda gray: 255 - gray,
    "noisy": noisy,
    "lit from the right": lambda gray: (gray * np.linspace(0.25, 1, gray.shape[1])).astype(np.uint8),
}
MISSED = {("UPC-A", "very blurred")}
"""At a blur of more than half a module, another number is read."""


def told(gray: Gray) -> Sequence[tuple[str, str]]:
    return [(code.type, code.text) for code in read(gray, quick=False, check=lambda: None)]


@pytest.mark.cases(14)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", CODES)
def test_codes_are_read(kind: str, change: str) -> None:
    found = told(CHANGES[change](symbol(kind)))
    assert (found == [(kind, CODES[kind][1])]) == ((kind, change) not in MISSED), found


@pytest.mark.cases(2)
@pytest.mark.parametrize("angle", [0, 20, 45, 80])
@pytest.mark.parametrize("kind", ["EAN-13", "ITF"])
def test_bars_beside_a_qr_code_are_read_at_any_angle(kind: str, angle: float) -> None:
    label = np.full((480, 1400), 255, np.uint8)
    for code, left in ((symbol("QRCode"), 10), (symbol(kind), 450)):
        label[40 : 40 + code.shape[0], left : left + code.shape[1]] = code
    assert set(told(turned(label, angle))) == {(each, CODES[each][1]) for each in ("QRCode", kind)}


@pytest.mark.cases(1)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_read_in_noise(seed: int) -> None:
    assert told(np.random.default_rng(seed).integers(0, 256, (300, 400)).astype(np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
def test_tiny_and_thin_pictures(shape: tuple[int, int]) -> None:
    assert told(np.zeros(shape, np.uint8)) == []


@pytest.mark.parametrize("angle", [0, 30])
def test_outlines_are_drawn_where_the_code_is(angle: float) -> None:
    gray = turned(symbol("EAN-13"), angle)
    shown = np.repeat(gray[..., None], 3, 2)
    changed = (outline(shown, read(gray, quick=False, check=lambda: None)) != shown).any(axis=2)
    height, width = gray.shape
    assert changed.any()
    assert not changed[:, :10].any() and not changed[: height // 20].any()
    assert shown.shape == (height, width, 3)
