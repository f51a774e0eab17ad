"""The evaluation set of background removal: pictures of 4 to 12 megapixels whose alpha and foreground are known."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.quality import _cutout_shapes as shapes
from benchmarks.quality._cutout_photographs import Floats, Photographs, Pixels, outline_subject

Matte = Callable[[Pixels], Pixels]
"""The model's alpha of a picture, uint8 1024 x 1024."""
Subject = tuple[Floats, Floats]
"""Colours, height x width x 3, and alpha, height x width; both 0 to 1."""

_NOISE = 1.5  # levels, as from a camera in good light
_JPEG = 93


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture as a camera would produce it, and its ground truth."""

    name: str
    kind: str
    """`portrait`, `product` or `general`."""
    held_out: bool
    picture: Pixels
    alpha: Floats
    foreground: Floats
    """Height x width x 3, 0 to 1."""

    @property
    def megapixels(self) -> float:
        """Millions of pixels."""
        return self.alpha.size / 1e6


class Studio:
    """Makes the scenes. `matte` finds the outlines of the photographs' subjects."""

    def __init__(self, photographs: Photographs, matte: Matte) -> None:
        self._photographs, self._matte = photographs, matte

    def subject(self, name: str, height: int, crop: tuple[slice, slice] = (slice(None), slice(None))) -> Subject:
        """The subject of a photograph, or of a part of it, `height` pixels high."""
        photograph = np.ascontiguousarray(self._photographs.read(name)[crop])
        return outline_subject(photograph, self._matte(photograph), height)

    def shaggy(self, name: str, height: int, rng: np.random.Generator, **strands: float) -> Subject:
        """The same with hair or fur: see `shapes.with_strands`."""
        colours, alpha = self.subject(name, height)
        return colours, shapes.with_strands(alpha, rng, **strands)  # type: ignore[arg-type]

    def silhouette(self, height: int, rng: np.random.Generator) -> Subject:
        """The horse of scikit-image in a coat of one of its textures."""
        mask = 255 - self._photographs.read("horse.png")[..., 0]
        width = round(mask.shape[1] * height / mask.shape[0])
        large = cv2.GaussianBlur(cv2.resize(mask, (width, height), interpolation=cv2.INTER_CUBIC), (0, 0), height / 300).astype(np.float32)
        alpha = np.asarray(((large / 255 - 0.5) * 12 + 0.5).clip(0, 1), np.float32)
        coat = cv2.resize(self._photographs.read("grass.png"), (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
        light = np.linspace(1.25, 0.6, height, dtype=np.float32)[:, None, None]
        colours = (np.array([0.55, 0.34, 0.2], np.float32) * (0.7 + 0.6 * coat) * light).clip(0, 1).astype(np.float32)
        return colours, shapes.with_strands(alpha, rng, count=5000, length=0.018)

    def backdrop(self, name: str, height: int, width: int, *, blur: float = 0, tint: tuple[float, float, float] = (1, 1, 1)) -> Floats:
        """A photograph that fills height x width, out of focus by `blur` (a share of the height)."""
        picture = self._photographs.read(name)
        scale = max(height / picture.shape[0], width / picture.shape[1])
        large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)[:height, :width].astype(np.float32) / 255
        large = np.asarray(cv2.resize(large, (width, height)) * np.array(tint, np.float32), np.float32)
        return np.asarray((cv2.GaussianBlur(large, (0, 0), blur * height) if blur else large).clip(0, 1), np.float32)

    @staticmethod
    def paper(height: int, width: int, colour: tuple[float, float, float]) -> Floats:
        """Studio background paper, lit from above."""
        y, x = np.mgrid[:height, :width].astype(np.float32)
        light = 1.03 - 0.2 * np.hypot((x / width - 0.5), (y / height - 0.35))
        return np.asarray((np.array(colour, np.float32) * light[..., None]).clip(0, 1), np.float32)

    def scenes(self, *, held_out: bool) -> Iterator[Scene]:
        """The scenes used for tuning, or the held-out ones."""
        for name, kind, build in _HELD_OUT if held_out else _TUNED:
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            subjects, background = build(self, rng)
            yield _shot(name, kind, held_out, subjects, background, rng)


def _shot(
    name: str, kind: str, held_out: bool, subjects: Sequence[tuple[Subject, int, int]], background: Floats, rng: np.random.Generator
) -> Scene:
    height, width = background.shape[:2]
    alpha = np.zeros((height, width), np.float32)
    foreground = np.zeros_like(background)
    for (colours, own), left, top in subjects:
        above, beside = max(-top, 0), max(-left, 0)
        inner = (slice(above, min(own.shape[0], height - top)), slice(beside, min(own.shape[1], width - left)))
        outer = (slice(top + above, top + inner[0].stop), slice(left + beside, left + inner[1].stop))
        near, far = own[inner][..., None], alpha[outer][..., None]
        whole = near + far * (1 - near)
        foreground[outer] = (colours[inner] * near + foreground[outer] * far * (1 - near)) / np.maximum(whole, 1e-6)
        foreground[outer] = np.where(whole > 0, foreground[outer], colours[inner])
        alpha[outer] = whole[..., 0]
    return Scene(name, kind, held_out, *take_photograph(foreground, alpha, background, rng))


def take_photograph(foreground: Floats, alpha: Floats, background: Floats, rng: np.random.Generator) -> tuple[Pixels, Floats, Floats]:
    """A photograph of a subject, as a camera stores it; and the subject's alpha and colours in it, height x width (x 3), 0 to 1."""
    # A lens blurs every point a little.
    alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 0.7), np.float32)
    spread = (
        cv2.GaussianBlur(foreground * (alpha > 0)[..., None], (0, 0), 2)
        / np.maximum(cv2.GaussianBlur((alpha > 0).astype(np.float32), (0, 0), 2), 1e-6)[..., None]
    )
    foreground = np.where(foreground.any(axis=2, keepdims=True), foreground, spread).astype(np.float32)
    mixed = (foreground * alpha[..., None] + background * (1 - alpha[..., None])) * 255
    noisy = (mixed + rng.standard_normal((*alpha.shape, 1), np.float32) * _NOISE).round().clip(0, 255).astype(np.uint8)
    stored, data = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG])
    assert stored
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert picture is not None
    return np.ascontiguousarray(picture[..., ::-1]), alpha, foreground


_Built = tuple[list[tuple[Subject, int, int]], Floats]
_Build = Callable[[Studio, np.random.Generator], _Built]


def _woman_in_town(studio: Studio, rng: np.random.Generator) -> _Built:
    subject = studio.shaggy("astronaut.png", 2600, rng, count=2600, length=0.09, below=0.42)
    return [(subject, 200, 600)], studio.backdrop("china.jpg", 3200, 2800, blur=0.008)


def _woman_at_a_wall(studio: Studio, rng: np.random.Generator) -> _Built:
    subject = studio.shaggy("astronaut.png", 2000, rng, count=900, length=0.2, below=0.4, curl=0.2)
    return [(subject, 300, 400)], studio.backdrop("brick.png", 2400, 2600, tint=(1.1, 0.75, 0.6))


def _cup_on_paper(studio: Studio, _rng: np.random.Generator) -> _Built:
    return [(studio.subject("coffee.png", 2000), 0, 100)], studio.paper(2200, 3000, (0.82, 0.85, 0.9))


def _cup_on_gravel(studio: Studio, _rng: np.random.Generator) -> _Built:
    return [(studio.subject("coffee.png", 1300), 300, 700)], studio.backdrop("gravel.png", 2400, 2400, tint=(0.8, 0.9, 1.1))


def _racket_on_grass(studio: Studio, _rng: np.random.Generator) -> _Built:
    return [(shapes.racket(2000), 250, 100)], studio.backdrop("grass.png", 2200, 2500, tint=(0.55, 0.95, 0.4))


def _woman_and_cup(studio: Studio, rng: np.random.Generator) -> _Built:
    woman = studio.shaggy("astronaut.png", 1500, rng, count=1200, length=0.1, below=0.4)
    return [(woman, -150, 500), (studio.subject("coffee.png", 900), 1450, 1000)], studio.backdrop(
        "hubble_deep_field.jpg", 2000, 2800, blur=0.02
    )


def _bottle_on_paper(studio: Studio, _rng: np.random.Generator) -> _Built:
    return [(shapes.bottle(2100), 200, 50)], studio.paper(2200, 2500, (0.9, 0.86, 0.8))


def _cat_in_a_garage(studio: Studio, rng: np.random.Generator) -> _Built:
    subject = studio.shaggy("chelsea.png", 2820, rng, count=6000, length=0.03)
    return [(subject, -600, -10)], studio.backdrop("motorcycle_left.png", 2800, 3600, blur=0.006)


def _cat_on_tissue(studio: Studio, rng: np.random.Generator) -> _Built:
    subject = studio.shaggy("chelsea.png", 2020, rng, count=3000, length=0.05, curl=0.15)
    return [(subject, -900, -10)], studio.backdrop("ihc.png", 2000, 2400)


def _horse_in_a_garage(studio: Studio, rng: np.random.Generator) -> _Built:
    return [(studio.silhouette(2200, rng), 400, 300)], studio.backdrop("motorcycle_right.png", 2600, 3400, blur=0.02, tint=(0.9, 1, 1.1))


def _flower_on_paper(studio: Studio, _rng: np.random.Generator) -> _Built:
    return [(studio.subject("flower.jpg", 2200), 100, 100)], studio.paper(2400, 3400, (0.75, 0.8, 0.72))


def _fern_at_a_wall(studio: Studio, rng: np.random.Generator) -> _Built:
    return [(shapes.fern(2400, rng), 300, 150)], studio.backdrop("retina.jpg", 2600, 3000, blur=0.01, tint=(0.9, 1.4, 1.6))


def _rocket_over_paper(studio: Studio, _rng: np.random.Generator) -> _Built:
    return [(studio.subject("rocket.jpg", 2000), 200, 200)], studio.paper(2400, 3200, (0.55, 0.6, 0.75))


def _flower_and_cat(studio: Studio, rng: np.random.Generator) -> _Built:
    cat = studio.shaggy("chelsea.png", 2020, rng, count=2500, length=0.04)
    return [(cat, -1500, -10), (studio.subject("flower.jpg", 1100), 1500, 300)], studio.backdrop(
        "moon.png", 2000, 3000, blur=0.01, tint=(0.9, 1, 1.2)
    )


_TUNED: Sequence[tuple[str, str, _Build]] = (
    ("woman in town", "portrait", _woman_in_town),
    ("woman at a wall", "portrait", _woman_at_a_wall),
    ("cup on paper", "product", _cup_on_paper),
    ("cup on gravel", "product", _cup_on_gravel),
    ("racket on grass", "product", _racket_on_grass),
    ("bottle on paper", "product", _bottle_on_paper),
    ("woman and cup", "general", _woman_and_cup),
)
_HELD_OUT: Sequence[tuple[str, str, _Build]] = (
    ("cat in a garage", "portrait", _cat_in_a_garage),
    ("cat on tissue", "portrait", _cat_on_tissue),
    ("horse in a garage", "general", _horse_in_a_garage),
    ("flower on paper", "product", _flower_on_paper),
    ("fern at a wall", "general", _fern_at_a_wall),
    ("rocket over paper", "product", _rocket_over_paper),
    ("flower and cat", "general", _flower_and_cat),
)
