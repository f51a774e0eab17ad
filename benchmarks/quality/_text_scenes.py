"""Pictures of known text: languages, fonts, sizes, angles, and photographs behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from benchmarks.quality._upscale_inputs import PACKAGES, ROOT

Pixels8 = npt.NDArray[np.uint8]

_OWN = ROOT / "services" / "inference" / "fonts"
_CJK = _OWN / "NotoSansCJKjp-Regular.otf"
_FONTS = {
    "tuned": (_OWN / "DejaVuSans.ttf", PACKAGES / "font_roboto" / "files" / "Roboto-Regular.ttf"),
    "held out": (
        PACKAGES / "font_caladea" / "files" / "Caladea-Regular.ttf",
        PACKAGES / "font_caladea" / "files" / "Caladea-BoldItalic.ttf",
    ),
}
_PHOTOGRAPHS = {
    "tuned": ("skimage/data/coffee.png", "skimage/data/chelsea.png"),
    "held out": ("skimage/data/astronaut.png", "sklearn/datasets/images/china.jpg"),
}
_EAST_ASIAN = ("zh", "ja")
TEXTS = {
    "en": ("The quick brown fox jumps over", "13 lazy dogs & 42 cats (at dawn),", "for only $9.75 each!"),
    "de": ("Schöne Grüße aus München:", "Größe 38,50 m² und Übermaß", "für 120 € im Jahr 2024"),
    "fr": ("Où est le garçon près du café ?", "L'élève a dû naître à Sète", "le 14 août, 25 % des œuvres"),
    "es": ("El niño comió piñas mañana", "a las 10:45 en Málaga; qué", "corazón tan único, señor"),
    "pl": ("Zażółć gęślą jaźń, proszę", "Łódź i Kraków, 15 złotych", "ćma śpi pod ścianą"),
    "cs": ("Příliš žluťoučký kůň úpěl", "ďábelské ódy, 250 korun", "v září čtvrtého roku"),
    "tr": ("Güneşli bir gün İstanbul'da", "çocuklar ağaçların altında", "şarkı söylüyor, 30 kişi"),
    "zh": ("今天天气很好，我们去公园", "图书馆早上九点开门", "请出示您的身份证和车票"),
    "ja": ("東京の天気は晴れのち曇り", "コーヒーを二杯ください", "明日の会議は午後三時です"),
}
ABOUT = ("plain", "over photographs", "faint, with noise", "askew by up to 8°", "turned by 90°, 180°, 270°", "small print of 12 megapixels")


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, and what it says."""

    part: str
    about: str
    language: str
    pixels: Pixels8
    truth: str


def scenes() -> Iterator[Scene]:
    """Each language in half of the circumstances, with one font of each part."""
    for part, fonts in _FONTS.items():
        for about_number, about in enumerate(ABOUT):
            for number, language in enumerate(TEXTS):
                if (number + about_number) % 2:
                    continue
                chance = np.random.default_rng((about_number, number, part == "tuned"))
                font = _CJK if language in _EAST_ASIAN else fonts[number % len(fonts)]
                pixels = _made(about, language, font, _PHOTOGRAPHS[part][number % 2], chance)
                yield Scene(part, about, language, pixels, " ".join(TEXTS[language]))


def _made(about: str, language: str, font: Path, photograph: str, chance: np.random.Generator) -> Pixels8:
    size = int(chance.integers(20, 44))
    if about == ABOUT[-1]:
        page = np.full((3000, 4000, 3), 245, np.uint8)
        page[1200:1800, 500:1900] = _lettered(page[1200:1800, 500:1900], language, font, 26, (25, 25, 30))
        return _photographed(page, chance, 1.5, 0.5)
    ground = np.full((420, 760, 3), 240, np.uint8)
    if about == "over photographs":
        seen = np.asarray(Image.open(PACKAGES / photograph).convert("RGB"))
        ground = np.ascontiguousarray(cv2.resize(seen, (760, 420), interpolation=cv2.INTER_AREA), np.uint8)
        white = bool(chance.integers(2))
        return _photographed(
            _lettered(ground, language, font, size, (255, 255, 255) if white else (0, 0, 0), outlined=True), chance, 3, 0.4
        )
    if about == "faint, with noise":
        return _photographed(_lettered(ground, language, font, size, (195, 195, 200)), chance, 7, 0.8)
    drawn = _lettered(ground, language, font, size, (20, 20, 60))
    if about.startswith("askew"):
        turn = cv2.getRotationMatrix2D((380, 210), float(chance.uniform(-8, 8)), 1.0)
        drawn = np.asarray(cv2.warpAffine(drawn, turn, (760, 420), borderValue=(240, 240, 240)), np.uint8)
    if about.startswith("turned"):
        drawn = np.ascontiguousarray(np.rot90(drawn, int(chance.integers(1, 4))))
    return _photographed(drawn, chance, 3, 0.6)


def _lettered(ground: Pixels8, language: str, font: Path, size: int, ink: tuple[int, int, int], *, outlined: bool = False) -> Pixels8:
    picture = Image.fromarray(ground)
    draw, face = ImageDraw.Draw(picture), ImageFont.truetype(str(font), size)
    for number, line in enumerate(TEXTS[language]):
        edge = (0, 0, 0) if ink[0] > 128 else (255, 255, 255)
        draw.text((50, 60 + number * size * 1.8), line, ink, face, stroke_width=2 if outlined else 0, stroke_fill=edge)
    return np.asarray(picture)


def _photographed(pixels: Pixels8, chance: np.random.Generator, noise: float, blur: float) -> Pixels8:
    """Out of focus, with noise, as a JPEG."""
    seen = cv2.GaussianBlur(pixels, (0, 0), blur).astype(np.float32) + chance.normal(0, noise, pixels.shape).astype(np.float32)
    encoded = cv2.imencode(".jpg", seen.clip(0, 255).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
