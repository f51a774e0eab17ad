"""Pictures of known text: languages, fonts, sizes, angles, and photographs behind it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from benchmarks.quality._cutout_photographs import DEVELOPMENT, HELD_OUT
from benchmarks.quality._npm_files import npm_file
from benchmarks.quality._sentences import sentence
from benchmarks.quality._theme_photographs import PHOTOGRAPHS
from benchmarks.quality._upscale_inputs import PACKAGES, ROOT

Pixels8 = npt.NDArray[np.uint8]

_OWN = ROOT / "services" / "inference" / "fonts"
_CJK = _OWN / "NotoSansCJKjp-Regular.otf"
_FONTS = {
    "seen": (_OWN / "DejaVuSans.ttf", PACKAGES / "font_roboto" / "files" / "Roboto-Regular.ttf"),
    "once held out": (
        PACKAGES / "font_caladea" / "files" / "Caladea-Regular.ttf",
        PACKAGES / "font_caladea" / "files" / "Caladea-BoldItalic.ttf",
    ),
    "held out": (
        PACKAGES / "font_source_serif_pro" / "files" / "SourceSerifPro-Regular.ttf",
        PACKAGES / "font_manrope" / "files" / "Manrope-Medium.ttf",
    ),
}
_EAST_ASIAN = {
    "zh": ("zcool-xiaowei", "3892605b636331e7fa85eff31ee75b836cb1d9f3a04f85310b850f597176a19c", "chinese-simplified"),
    "ja": ("sawarabi-mincho", "b9cc69b97b116a17bc97191beff36d300a1c0ea97f34188b692a01fc2dbd04ab", "japanese"),
}
"""Languages whose fonts held out are in packages @fontsource/…, of the version below and under the SIL Open Font License, with the
SHA-256 of each package."""
_FONTSOURCE_VERSION = "5.2.8"
_PHOTOGRAPHS = {
    "seen": ("coffee.png", "chelsea.png"),
    "once held out": ("astronaut.png", "china.jpg"),
    "held out": tuple(name for _, name in PHOTOGRAPHS),
}
SEED = 535811
"""First used for this table: it draws all of the part held out."""
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
_OVER = "over photographs"
ABOUT = ("plain", _OVER, "faint, with noise", "askew by up to 8°", "turned by 90°, 180°, 270°", "small print of 12 megapixels")


PARTS = tuple(_FONTS)


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, and what it says."""

    part: str
    about: str
    language: str
    photograph: str
    """That it is over, or nothing."""
    pixels: Pixels8
    truth: str


@dataclass(frozen=True, slots=True)
class _Text:
    lines: Sequence[str]
    font: bytes
    left: float = 50
    top: float = 60


def scenes() -> Iterator[Scene]:
    """Each language in half of the circumstances, with one font of each part."""
    for part, photographs in _PHOTOGRAPHS.items():
        for about_number, about in enumerate(ABOUT):
            for number, language in enumerate(TEXTS):
                if (number + about_number) % 2:
                    continue
                if part == "held out":
                    chance = np.random.default_rng((SEED, about_number, number))
                    photograph = photographs[int(chance.integers(len(photographs)))]
                    where, damage = chance.uniform((40, 60), (80, 110)), chance.uniform(0.75, 1.25)
                    text = _Text(sentence(language, chance), _font(part, language, number), *where)
                else:
                    chance = np.random.default_rng((about_number, number, part == "seen"))
                    photograph, damage = photographs[number % 2], 1.0
                    text = _Text(TEXTS[language], _font(part, language, number))
                drawn, noise, blur = _drawn(about, text, photograph, chance)
                pixels = _photographed(drawn, chance, noise * damage, blur * damage)
                yield Scene(part, about, language, photograph if about == _OVER else "", pixels, " ".join(text.lines))


def _font(part: str, language: str, number: int) -> bytes:
    if part == "held out" and language in _EAST_ASIAN:
        name, sha256, letters = _EAST_ASIAN[language]
        return npm_file(f"@fontsource/{name}", _FONTSOURCE_VERSION, sha256, f"files/{name}-{letters}-400-normal.woff")
    return (_CJK if language in _EAST_ASIAN else _FONTS[part][number % 2]).read_bytes()


def _drawn(about: str, text: _Text, photograph: str, chance: np.random.Generator) -> tuple[Pixels8, float, float]:
    """The picture, and its usual noise and blur."""
    size = int(chance.integers(20, 44))
    if about == ABOUT[-1]:
        page = np.full((3000, 4000, 3), 245, np.uint8)
        page[1200:1800, 500:1900] = _lettered(page[1200:1800, 500:1900], text, 26, (25, 25, 30))
        return page, 1.5, 0.5
    ground = np.full((420, 760, 3), 240, np.uint8)
    if about == _OVER:
        seen = (HELD_OUT if photograph in _PHOTOGRAPHS["held out"] else DEVELOPMENT).read(photograph)
        ground = np.ascontiguousarray(cv2.resize(seen, (760, 420), interpolation=cv2.INTER_AREA), np.uint8)
        white = bool(chance.integers(2))
        return _lettered(ground, text, size, (255, 255, 255) if white else (0, 0, 0), outlined=True), 3, 0.4
    if about == "faint, with noise":
        return _lettered(ground, text, size, (195, 195, 200)), 7, 0.8
    drawn = _lettered(ground, text, size, (20, 20, 60))
    if about.startswith("askew"):
        turn = cv2.getRotationMatrix2D((380, 210), float(chance.uniform(-8, 8)), 1.0)
        drawn = np.asarray(cv2.warpAffine(drawn, turn, (760, 420), borderValue=(240, 240, 240)), np.uint8)
    if about.startswith("turned"):
        drawn = np.ascontiguousarray(np.rot90(drawn, int(chance.integers(1, 4))))
    return drawn, 3, 0.6


def _lettered(ground: Pixels8, text: _Text, size: int, ink: tuple[int, int, int], *, outlined: bool = False) -> Pixels8:
    picture = Image.fromarray(ground)
    draw, face = ImageDraw.Draw(picture), ImageFont.truetype(io.BytesIO(text.font), size)
    for number, line in enumerate(text.lines):
        edge = (0, 0, 0) if ink[0] > 128 else (255, 255, 255)
        draw.text((text.left, text.top + number * size * 1.8), line, ink, face, stroke_width=2 if outlined else 0, stroke_fill=edge)
    return np.asarray(picture)


def _photographed(pixels: Pixels8, chance: np.random.Generator, noise: float, blur: float) -> Pixels8:
    """Out of focus, with noise, as a JPEG."""
    seen = cv2.GaussianBlur(pixels, (0, 0), blur).astype(np.float32) + chance.normal(0, noise, pixels.shape).astype(np.float32)
    encoded = cv2.imencode(".jpg", seen.clip(0, 255).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
