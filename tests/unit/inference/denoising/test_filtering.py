"""How much noise is found in pictures, and how much of it is removed."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from services.inference.denoising.filtering import Settings, Tier, noise_of, without_noise
from services.inference.media import Image
from tests.harness.matrices import matrix
from tests.unit.imaging.pictures import photo

CLEAN = photo(160, 200)
USUAL = Settings()


def noisy(sigma: float, pixels: npt.NDArray[np.uint8] = CLEAN) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(1).normal(0, sigma, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def fidelity(pixels: npt.NDArray[np.generic], truth: npt.NDArray[np.uint8] = CLEAN) -> float:
    """Peak signal-to-noise ratio, dB."""
    return float(cv2.PSNR(np.asarray(pixels, np.uint8), truth))


def filtered(pixels: npt.NDArray[np.uint8], settings: Settings = USUAL) -> npt.NDArray[np.generic]:
    image = Image(pixels)
    noise = noise_of(image)
    assert noise is not None
    return without_noise(image, noise, settings, lambda: None, lambda _done: None).pixels


@cache
def without(sigma: float, settings: Settings = USUAL) -> npt.NDArray[np.generic]:
    """What is made of the `noisy` picture: several tests look at each, and none may write to it."""
    made = filtered(noisy(sigma), settings)
    made.setflags(write=False)
    return made


@pytest.mark.parametrize("sigma", [5, 10, 20, 40])
def test_the_noise_is_measured(sigma: float) -> None:
    noise = noise_of(Image(noisy(sigma)))
    assert noise is not None
    assert noise.level == pytest.approx(sigma, rel=0.15, abs=1)
    assert np.median(noise.levels, axis=1) == pytest.approx([sigma] * 3, rel=0.15, abs=0.5)


def test_noise_that_grows_with_the_light_is_measured_so() -> None:
    ramp = np.tile(np.linspace(20, 235, 400), (300, 1))[..., None]
    pixels = np.clip(ramp + np.random.default_rng(1).normal(0, 1, ramp.shape) * ramp / 12, 0, 255).round().astype(np.uint8)
    noise = noise_of(Image(pixels))
    assert noise is not None
    assert noise.of(0, np.array([60], np.float32)) == pytest.approx(5, rel=0.25)
    assert noise.of(0, np.array([180], np.float32)) == pytest.approx(15, rel=0.25)


def test_noise_that_a_camera_has_smeared_is_coarse() -> None:
    smeared = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 20, (240, 280, 1)), (0, 0), 1)[..., None]
    noise = noise_of(Image(np.clip(128 + smeared, 0, 255).round().astype(np.uint8)))
    assert noise is not None
    assert noise.level == pytest.approx(smeared.std(), rel=0.25)
    spectrum = noise.spectra[0].reshape(8, 8)
    assert spectrum[1, 1] > 5 * spectrum[6, 6]


@pytest.mark.parametrize("pixels", [np.full((100, 100, 3), 90, np.uint8), np.full((3, 3, 1), 9, np.uint8)])
def test_a_flat_picture_has_none(pixels: npt.NDArray[np.uint8]) -> None:
    assert noise_of(Image(pixels)) is None


def test_a_drawing_has_none() -> None:
    drawing = np.full((200, 200, 3), 255, np.uint8)
    cv2.circle(drawing, (90, 90), 60, (200, 30, 40), -1, cv2.LINE_AA)
    cv2.putText(drawing, "words", (10, 180), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2, cv2.LINE_AA)
    assert noise_of(Image(drawing)) is None


@pytest.mark.cases(2)
@pytest.mark.parametrize(("tier", "gain"), [(Tier.QUICK, 7), (Tier.BALANCED, 8.5), (Tier.QUALITY, 8.8), (Tier.MAXIMUM, 9)])
def test_each_tier_beats_plain_filters(tier: Tier, gain: float) -> None:
    pixels = noisy(20)
    made = fidelity(without(20, Settings(tier)))
    plain = (
        cv2.medianBlur(pixels, 3),
        cv2.medianBlur(pixels, 5),
        cv2.bilateralFilter(pixels, 7, 60, 3),
        cv2.GaussianBlur(pixels, (0, 0), 1),
    )
    assert made > fidelity(pixels) + gain
    assert made > max(fidelity(one) for one in plain) + 1


@pytest.mark.thorough
def test_more_work_is_better() -> None:
    made = [fidelity(without(20, Settings(tier))) for tier in Tier]
    assert made == sorted(made)


def test_a_picture_without_noise_hardly_changes() -> None:
    made = filtered(CLEAN)
    assert fidelity(made) > 44
    assert int(np.abs(made.astype(int) - CLEAN).max()) < 24


def test_no_strength_changes_nothing() -> None:
    pixels = noisy(20)
    assert np.array_equal(filtered(pixels, Settings(strength=0)), pixels)


def test_more_strength_is_smoother_and_more_detail_is_rougher() -> None:
    strengths = [cv2.Laplacian(without(20, Settings(strength=value)), cv2.CV_32F).std() for value in (0, 20, 50, 100)]
    assert strengths == sorted(strengths, reverse=True)
    details = [cv2.Laplacian(without(20, Settings(detail=value)), cv2.CV_32F).std() for value in (0, 50, 100)]
    assert details == sorted(details)


def test_the_noise_of_the_colours_is_removed_on_its_own() -> None:
    pixels = noisy(20)
    chroma = []
    for value in (0, 30, 100):
        made = without(20, Settings(colour=value)).astype(float)
        chroma.append(cv2.Laplacian(made[..., 0] - made[..., 2], cv2.CV_64F).std())
    assert chroma == sorted(chroma, reverse=True)
    kept = without(20, Settings(colour=0)).astype(float)
    before = pixels.astype(float)
    inside = (pixels > 40).all(axis=2) & (pixels < 215).all(axis=2)
    assert np.abs((kept[..., 0] - kept[..., 2]) - (before[..., 0] - before[..., 2]))[inside].max() <= 2


@pytest.mark.cases(3)
@matrix("tier, shape", Tier, [(9, 40, 3), (40, 9, 1), (30, 530, 1), (530, 30, 1), (600, 530, 1)])
def test_any_shape(tier: Tier, shape: tuple[int, int, int]) -> None:
    truth = np.full(shape, 120, np.uint8)
    pixels = noisy(15, truth)
    noise = noise_of(Image(noisy(15, np.full((80, 80, shape[2]), 120, np.uint8))))
    assert noise is not None
    made = without_noise(Image(pixels), noise, Settings(tier), lambda: None, lambda _done: None).pixels
    assert made.shape == shape
    assert (made.astype(float) - truth).std() < 5


def test_sixteen_bits_and_alpha_stay() -> None:
    deep = noisy(20).astype(np.uint16) * np.uint16(257)
    alpha = np.tile(np.linspace(0, 65535, 200).astype(np.uint16), (160, 1))
    image = Image(deep, alpha)
    noise = noise_of(image)
    assert noise is not None
    made = without_noise(image, noise, Settings(), lambda: None, lambda _done: None)
    assert made.pixels.dtype == np.uint16
    assert made.alpha is alpha
    assert fidelity(np.rint(made.pixels / 257)) > fidelity(noisy(20)) + 8


def test_it_can_be_stopped() -> None:
    def stop() -> None:
        raise TimeoutError

    noise = noise_of(Image(noisy(20)))
    assert noise is not None
    with pytest.raises(TimeoutError):
        without_noise(Image(noisy(20)), noise, Settings(), stop, lambda _done: None)
