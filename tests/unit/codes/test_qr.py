"""QR codes as they are drawn: each is read back by ZXing-C++, which did not make it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import zxingcpp

from darkroom.operations.v1.qr_code_pb2 import QR_STYLE_DOTS, QR_STYLE_ROUNDED, QR_STYLE_SQUARES, QrErrorCorrection, QrStyle
from services.inference.codes.qr import contrast, coverage, modules_of
from services.platform.errors import DarkroomError, ErrorReason

TEXTS = ("1", "DARKROOM 42", "https://example.org/?q=ä€漢字😀", "line\nline", "x" * 900)
STYLES = (QR_STYLE_SQUARES, QR_STYLE_DOTS, QR_STYLE_ROUNDED)


def said(picture: np.ndarray[Any, Any]) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(np.ascontiguousarray(picture))]


@pytest.mark.cases(10)
@pytest.mark.parametrize("style", STYLES, ids=QrStyle.Name)
@pytest.mark.parametrize("level", QrErrorCorrection.values(), ids=QrErrorCorrection.Name)
@pytest.mark.parametrize("text", TEXTS, ids=len)
def test_it_is_read_back(text: str, level: QrErrorCorrection.ValueType, style: QrStyle.ValueType) -> None:
    modules = modules_of(text, level)
    picture = 255 - coverage(modules, 4, 6 * (len(modules) + 8), style)
    assert said(picture) == [text]


@pytest.mark.parametrize("size", [29, 30, 58, 100, 101, 407, 1000])
@pytest.mark.parametrize("style", STYLES, ids=QrStyle.Name)
def test_it_has_the_size_that_was_asked_for(size: int, style: QrStyle.ValueType) -> None:
    assert coverage(modules_of("hi", QrErrorCorrection.QR_ERROR_CORRECTION_M), 4, size, style).shape == (size, size)


@pytest.mark.parametrize("style", STYLES, ids=QrStyle.Name)
def test_the_quiet_zone_is_empty(style: QrStyle.ValueType) -> None:
    shown = coverage(modules_of("hi", QrErrorCorrection.QR_ERROR_CORRECTION_M), 3, 270, style)
    assert shown.shape == (270, 270)
    inside = shown[30:240, 30:240]
    assert shown.sum() == inside.sum() > 0
    assert all(edge.max() > 200 for edge in (inside[:10], inside[:, :10]))


def test_squares_have_no_gray() -> None:
    assert set(np.unique(coverage(modules_of("hi", QrErrorCorrection.QR_ERROR_CORRECTION_M), 4, 407, QR_STYLE_SQUARES))) == {0, 255}


def test_less_than_a_pixel_a_module_is_refused() -> None:
    with pytest.raises(DarkroomError, match="28 pixels are too few for 29 × 29 modules") as refusal:
        coverage(modules_of("hi", QrErrorCorrection.QR_ERROR_CORRECTION_M), 4, 28, QR_STYLE_SQUARES)
    assert (refusal.value.reason, refusal.value.field) == (ErrorReason.FIELD_INVALID, "size")


# ISO/IEC 18004:2015, table 7: bytes in version 40.
@pytest.mark.parametrize(("level", "most"), [("L", 2953), ("M", 2331), ("Q", 1663), ("H", 1273)])
def test_the_longest_text_of_a_level(level: str, most: int) -> None:
    value = QrErrorCorrection.Value(f"QR_ERROR_CORRECTION_{level}")
    assert len(modules_of("x" * most, value)) == 177
    with pytest.raises(DarkroomError) as refusal:
        modules_of("x" * (most + 1), value)
    assert (refusal.value.reason, refusal.value.field) == (ErrorReason.FIELD_INVALID, "text")


# Values of WCAG 2.2's own formula, worked out by hand for its best-known pairs.
@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [((0, 0, 0), (255, 255, 255), 21), ((255, 255, 255), (255, 255, 255), 1), ((118, 118, 118), (255, 255, 255), 4.54)],
)
def test_contrast(one: tuple[int, int, int], other: tuple[int, int, int], ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(contrast(other, one)) == pytest.approx(ratio, abs=0.005)
