"""Chroma that a network tells, put under the lightness of a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from models.contract import CHROMA_ONE, CHROMA_ZERO, COLORIZE_SIDE, Contract
from models.tiny import tiny_model
from services.inference.colouring.network import SIDE, apply_chroma, network_input, read
from services.inference.media import Image
from tests.unit.models.ncnn_files import evaluate

PORTRAIT = Path(__file__).resolve().parents[3] / "samples" / "portrait.jpg"


def nothing() -> None:
    """Never stops."""


def photograph(width: int = 300, height: int = 200) -> np.ndarray:
    with Pillow.open(PORTRAIT) as file:
        return np.asarray(file.convert("RGB").resize((width, height)))


def gray(depth: int = 8) -> np.ndarray:
    levels = np.asarray(Pillow.fromarray(photograph()).convert("L"))[..., None]
    return levels if depth == 8 else levels.astype(np.uint16) * 257


def lab(image: Image) -> np.ndarray:
    full = np.float32(255 if image.pixels.dtype == np.uint8 else 65535)
    return cv2.cvtColor(image.pixels.astype(np.float32) / full, cv2.COLOR_RGB2Lab)


def constant(a: float, b: float) -> np.ndarray:
    return np.broadcast_to(np.array([a, b], np.float32), (SIDE, SIDE, 2))


def test_the_codes_are_those_of_the_contract() -> None:
    assert SIDE == COLORIZE_SIDE
    wanted = np.array([[-256.0, 12.5], [0.0, 255.9921875]])
    numbers = (wanted * CHROMA_ONE + CHROMA_ZERO).astype(int)
    codes = np.concatenate([numbers // 256, numbers % 256], axis=-1).astype(np.uint8)[None, None]
    np.testing.assert_allclose(read(codes)[0], wanted)


def test_the_network_sees_the_lightness_alone() -> None:
    shown = network_input(Image(pixels=photograph()))
    assert (shown.shape, shown.dtype) == ((1, SIDE, SIDE, 3), np.uint8)
    assert int(np.ptp(shown.astype(int), axis=3).max()) <= 1
    small = cv2.resize(photograph(), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    expected = cv2.cvtColor(small, cv2.COLOR_RGB2Lab)[..., 0]
    told = cv2.cvtColor(shown[0].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[..., 0]
    assert float(np.abs(told - expected).max()) < 0.5


@pytest.mark.parametrize("make", [gray, photograph], ids=["gray", "colour"])
def test_lightness_stays_and_chroma_is_the_network_s(make: Callable[[], np.ndarray]) -> None:
    image = Image(pixels=make())
    made = apply_chroma(image, constant(10, -15), 1.0, nothing)
    before, after = lab(Image(pixels=image.srgb())), lab(made)
    # Where sRGB has the colour.
    inner = (before[..., 0] > 25) & (before[..., 0] < 85)
    assert inner.mean() > 0.5
    assert float(np.abs(after - before)[inner][:, 0].max()) < 0.6
    np.testing.assert_allclose(after[inner][:, 1:].mean(axis=0), [10, -15], atol=0.2)


def test_half_the_intensity_is_half_the_chroma_and_none_is_gray() -> None:
    image = Image(pixels=gray())
    half = lab(apply_chroma(image, constant(20, 30), 0.5, nothing))
    inner = (half[..., 0] > 25) & (half[..., 0] < 85)
    np.testing.assert_allclose(half[inner][:, 1:].mean(axis=0), [10, 15], atol=0.2)
    none = apply_chroma(image, constant(20, 30), 0.0, nothing).pixels
    assert int(np.abs(none.astype(int) - gray()).max()) <= 1


def test_alpha_and_bits_stay_and_no_profile_is_left() -> None:
    alpha = np.linspace(0, 65535, 300 * 200).astype(np.uint16).reshape(200, 300)
    made = apply_chroma(Image(pixels=gray(16), alpha=alpha), constant(5, 5), 1.0, nothing)
    assert (made.pixels.dtype, made.pixels.shape, made.icc) == (np.uint16, (200, 300, 3), None)
    np.testing.assert_array_equal(made.alpha, alpha)
    # More levels than eight bits have.
    assert len(np.unique(made.pixels[..., 1])) > 150
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    wide = apply_chroma(Image(pixels=photograph().astype(np.uint16) * 257, alpha=alpha, icc=profile), constant(5, 5), 1.0, nothing)
    assert (wide.pixels.dtype, wide.icc) == (np.uint8, None)
    assert wide.alpha is not None
    np.testing.assert_array_equal(wide.alpha, np.rint(alpha / 257))


def test_each_place_gets_its_own_colour_at_any_size() -> None:
    # Red on the left, green on the right, in bands that are higher than a strip.
    chroma = constant(40, 20).copy()
    chroma[:, SIDE // 2 :] = (-40, 20)
    for width, height in ((1, 1), (37, 1200), (1300, 700)):
        after = lab(apply_chroma(Image(pixels=np.full((height, width, 1), 128, np.uint8)), chroma, 1.0, nothing))
        if width > 1:
            assert (after[:, : width // 2 - 8, 1] > 35).all()
            assert (after[:, width // 2 + 8 :, 1] < -35).all()
            # The middle is in the middle.
            middle = after[height // 2, :, 1]
            crossing = int(np.flatnonzero(middle < 0)[0])
            assert abs(crossing - width / 2) <= max(1.0, width / SIDE)


def test_the_tiny_network_from_end_to_end() -> None:
    image = Image(pixels=gray())
    made = apply_chroma(image, read(evaluate(tiny_model(Contract("colorize", SIDE, SIDE)), image=network_input(image))), 1.0, nothing)
    spread = np.ptp(made.pixels.astype(int), axis=2)
    assert float(np.median(spread)) > 20


def test_it_can_be_stopped() -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        apply_chroma(Image(pixels=gray()), constant(0, 0), 1.0, stop)
