"""Removing noise with a network."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.inference.denoising.filtering import Settings, Tier, noise_of, without_noise
from services.inference.denoising.network import Network, Pixels8, mix_with_network, suits, turns
from services.inference.media import Image
from tests.unit.inference.denoising.test_filtering import noisy


class Watched:
    """A network that gives one colour, and remembers what it was given."""

    def __init__(self, colour: tuple[int, int, int] = (90, 100, 110)) -> None:
        self.colour = np.array(colour, np.uint8)
        self.given: list[Pixels8] = []

    def __call__(self, picture: Pixels8) -> Pixels8:
        self.given.append(picture)
        return np.broadcast_to(self.colour, (*picture.shape[:3], 3)).copy()

    @property
    def deviation(self) -> float:
        """Mean standard deviation that it was told, in levels."""
        return float(np.mean([each[..., 3].mean() for each in self.given])) / 4


def same(picture: Pixels8) -> Pixels8:
    return picture[..., :3].copy()


def denoised(image: Image, settings: Settings, network: Network, filtered: Image | None = None) -> np.ndarray:
    """What is made of a picture; noise as strong as most tests have leaves nothing of the filtered one."""
    noise = noise_of(image)
    assert noise is not None
    return np.asarray(
        mix_with_network(
            filtered or image.replace(pixels=np.zeros_like(image.pixels)),
            image,
            noise,
            settings,
            network,
            turns(image, settings, math.inf),
            lambda: None,
            lambda _done: None,
        ).pixels
    )


@pytest.mark.parametrize("sigma", [20, 40])
def test_it_is_told_how_much_noise_there_is(sigma: float) -> None:
    network = Watched()
    result = denoised(Image(noisy(sigma)), Settings(Tier.QUALITY), network)
    assert network.deviation == pytest.approx(sigma, rel=0.15)
    # Noise of over 15 levels is its own.
    assert np.unique(result.reshape(-1, 3), axis=0).tolist() == [[90, 100, 110]]


def test_strength_and_detail_change_what_it_is_told() -> None:
    usual, strong, fine = Watched(), Watched(), Watched()
    image = Image(noisy(20))
    denoised(image, Settings(Tier.QUALITY), usual)
    denoised(image, Settings(Tier.QUALITY, strength=75, colour=30), strong)
    denoised(image, Settings(Tier.QUALITY, detail=100), fine)
    assert strong.deviation == pytest.approx(1.5 * usual.deviation, rel=0.02)
    assert fine.deviation < usual.deviation


def test_brightness_and_colours_are_taken_from_passes_of_their_own() -> None:
    image = Image(noisy(20))
    network = Watched()
    result = denoised(image, Settings(Tier.QUALITY, colour=0), network).astype(float)
    # The brightness is the network's, 300 over all; the colours are the noisy picture's, but where they leave the range.
    inside = ((result > 0) & (result < 255)).all(axis=2)
    assert np.abs(result.sum(axis=2)[inside] - 300).max() <= 2
    away = image.pixels.astype(float) - image.pixels.mean(axis=2, keepdims=True)
    assert np.abs((result - result.mean(axis=2, keepdims=True) - away)[inside]).max() <= 2


def test_weak_noise_is_left_to_the_filter_and_between_it_is_mixed() -> None:
    weak, middle = noise_of(Image(noisy(3))), noise_of(Image(noisy(10)))
    assert weak is not None
    assert middle is not None
    assert not suits(Image(noisy(3)), weak, Tier.MAXIMUM)
    assert suits(Image(noisy(10)), middle, Tier.MAXIMUM)
    image, settings = Image(noisy(10)), Settings(Tier.QUALITY)
    filtered = without_noise(image, middle, settings, lambda: None, lambda _done: None)
    result = denoised(image, settings, Watched((0, 0, 0)), filtered).astype(float)
    share = 1 - result.sum() / filtered.pixels.astype(float).sum()
    assert share == pytest.approx((middle.level - 5) / 10, abs=0.02)


def test_lower_tiers_gray_and_deep_pictures_are_the_filters() -> None:
    image = Image(noisy(20))
    noise = noise_of(image)
    assert noise is not None
    assert [suits(image, noise, tier) for tier in Tier] == [False, False, True, True]
    assert not suits(Image(image.pixels[..., :1].copy()), noise, Tier.QUALITY)
    assert not suits(Image(image.pixels.astype(np.uint16) * np.uint16(257)), noise, Tier.QUALITY)


@pytest.mark.parametrize("shape", [(300, 530), (61, 257), (9, 400)])
def test_a_picture_of_any_size_goes_through_in_tiles_and_comes_back_in_place(shape: tuple[int, int]) -> None:
    chance = np.random.default_rng(2)
    pixels = np.clip(np.rint(128 + chance.normal(0, 30, (*shape, 3))), 0, 255).astype(np.uint8)
    sides: list[int] = []

    def network(picture: Pixels8) -> Pixels8:
        sides.extend(picture.shape[1:3])
        return same(picture)

    result = denoised(Image(pixels), Settings(Tier.MAXIMUM), network)
    np.testing.assert_array_equal(result, pixels)
    assert max(sides) <= 256
    assert all(side % 16 == 0 for side in sides)


@pytest.mark.parametrize(
    ("tier", "colour", "megapixels", "expected"),
    [
        (Tier.QUALITY, 30, 0.02, 1),
        (Tier.QUALITY, 30, 0.009, 0),
        (Tier.QUALITY, 60, 0.015, 0),
        (Tier.MAXIMUM, 30, math.inf, 4),
        (Tier.MAXIMUM, 30, 0.04, 4),
        (Tier.MAXIMUM, 30, 0.03, 1),
        (Tier.MAXIMUM, 60, 0.03, 1),
        (Tier.MAXIMUM, 60, 0.01, 0),
    ],
)
def test_a_picture_goes_through_as_often_as_its_size_allows(tier: Tier, colour: float, megapixels: float, expected: int) -> None:
    image = Image(np.zeros((100, 100, 3), np.uint8))
    assert turns(image, Settings(tier, colour=colour), megapixels) == expected


def test_it_ends_when_it_is_told_to() -> None:
    image, settings = Image(noisy(20)), Settings(Tier.QUALITY)
    noise = noise_of(image)
    assert noise is not None

    def check() -> None:
        raise TimeoutError

    network = Watched()
    with pytest.raises(TimeoutError):
        mix_with_network(image, image, noise, settings, network, 1, check, lambda _done: None)
    assert network.given == []
