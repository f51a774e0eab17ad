"""Sheets of the tools with models, and their pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from benchmarks.contact_sheet.cells import Cell, Sheet, each
from benchmarks.contact_sheet.sources import SAMPLES, encode_file, photo, source
from services.gateway.surfaces.snapotter.tools import backgrounds, faces, passports, restoration, shapes

_SMALL = 180
"""Longest side of what is enlarged."""


@source("small portrait", "portrait.jpg", "small")
def _small_portrait() -> bytes:
    picture = Image.open(SAMPLES / "portrait.jpg").convert("RGB")
    picture.thumbnail((_SMALL, _SMALL), Image.Resampling.LANCZOS)
    return encode_file(picture, "JPEG", quality=85)


def sheets() -> Sequence[Sheet]:
    """In the order in which they are made."""
    return (
        _cut_out(),
        _transparency(),
        _enlarged(),
        _erased(),
        _faces(),
        _sharper_faces(),
        _red_eyes(),
        _passport_photos(),
        _without_noise(),
        _restored(),
    )


def _passport_photos() -> Sheet:
    countries = [Cell("portrait", passports.PASSPORT_PHOTO, {"countryCode": code}) for code in ("DE", "US", "CA", "ES", "CN", "ID")]
    changed = each(
        "portrait",
        passports.PASSPORT_PHOTO,
        {"countryCode": "DE", "zoom": 0.9},
        {"countryCode": "DE", "adjustY": -0.03},
        {"countryCode": "FR", "bgColor": "#BFDBFE"},
        {"countryCode": "XX", "customWidthMm": 40, "customHeightMm": 40},
    )
    return Sheet(passports.PASSPORT_PHOTO.id, [*countries, *changed], in_batches=True)


def _faces() -> Sheet:
    blurred = [Cell("portrait", faces.BLUR_FACES, {"blurRadius": radius}) for radius in (1, 30, 100)]
    group = [
        Cell("group", faces.BLUR_FACES, {}),
        Cell("group", faces.BLUR_FACES, {"sensitivity": 0}),
        Cell("group", faces.BLUR_FACES, {"sensitivity": 1}),
    ]
    return Sheet(faces.BLUR_FACES.id, [*blurred, Cell("photo", faces.BLUR_FACES, {}, "no face"), Cell("group"), *group], columns=4)


@source("group", "group.jpg")
def _group() -> bytes:
    """The portrait in several sizes, turned and mirrored."""
    with Image.open(SAMPLES / "portrait.jpg") as opened:
        portrait = opened.convert("RGB")
    group = Image.new("RGB", (900, 600), (120, 120, 120))
    for left, top, side, angle, mirrored in (
        (0, 0, 400, 0, False),
        (420, 0, 240, 0, True),
        (680, 0, 200, 25, False),
        (420, 260, 160, -30, True),
        (600, 230, 130, 0, False),
        (750, 230, 100, 0, True),
        (600, 400, 180, 60, False),
        (20, 420, 150, 0, True),
        (200, 420, 80, 0, False),
    ):
        head = ImageOps.mirror(portrait) if mirrored else portrait
        head = head.crop((90, 0, 390, 300)).rotate(angle, Image.Resampling.BICUBIC, fillcolor=(150, 140, 130))
        group.paste(head.resize((side, side), Image.Resampling.LANCZOS), (left, top))
    return encode_file(group, "JPEG", quality=92)


def _sharper_faces() -> Sheet:
    settings = each("soft face", faces.ENHANCE_FACES, {}, {"strength": 1}, {"strength": 0.3})
    return Sheet(faces.ENHANCE_FACES.id, [Cell("soft face"), *settings], columns=2, detail=(0.5, 0.5))


@source("soft face", "soft.jpg")
def _soft_face() -> bytes:
    """As a small sensor gives it."""
    with Image.open(SAMPLES / "portrait.jpg") as portrait:
        picture = portrait.convert("RGB").crop((100, 0, 360, 260)).filter(ImageFilter.GaussianBlur(1.2))
    return encode_file(picture, "JPEG", quality=70)


def _red_eyes() -> Sheet:
    settings = each("red eyes", faces.RED_EYE_REMOVAL, {}, {"strength": 30}, {"strength": 100, "sensitivity": 90}, {"sensitivity": 0})
    return Sheet(
        faces.RED_EYE_REMOVAL.id, [Cell("red eyes"), *settings, Cell("portrait", faces.RED_EYE_REMOVAL, {}, "no red eye")], columns=3
    )


def _without_noise() -> Sheet:
    tiers = [Cell("noisy", restoration.NOISE_REMOVAL, {"tier": tier}) for tier in ("quick", "balanced", "quality", "maximum")]
    others = each("noisy", restoration.NOISE_REMOVAL, {"strength": 10}, {"strength": 100}, {"detailPreservation": 100}, {"colorNoise": 100})
    clean = [Cell("portrait"), Cell("portrait", restoration.NOISE_REMOVAL, {}, "nothing to remove")]
    return Sheet(restoration.NOISE_REMOVAL.id, [Cell("noisy"), *tiers, *others, *clean], columns=4, detail=(0.43, 0.2))


def _restored() -> Sheet:
    settings = each(
        "old photo", restoration.RESTORE_PHOTO, {}, {"mode": "light"}, {"mode": "heavy"}, {"scratchRemoval": False}, {"denoise": False}
    )
    scratched = each("scratched", restoration.RESTORE_PHOTO, {}, {"mode": "heavy"})
    return Sheet(restoration.RESTORE_PHOTO.id, [Cell("old photo"), *settings, Cell("scratched"), *scratched], columns=3)


@source("scratched", "scratched.png")
def _scratched() -> bytes:
    with Image.open(SAMPLES / "portrait.jpg") as portrait:
        picture = portrait.convert("L").convert("RGB")
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    for start, end in ((0.12, 0.25), (0.8, 0.66)):
        draw.line([(start * width, 0), (end * width, height)], (250, 248, 240), 2)
    draw.line([(0, 0.8 * height), (0.5 * width, 0.77 * height), (width, 0.83 * height)], (248, 246, 240), 3)
    pixels = np.asarray(picture, np.float64)
    noise = np.random.default_rng(1).normal(0, 8, pixels.shape[:2])[..., None]
    return encode_file(Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)), "PNG")


@source("red eyes", "red-eyes.jpg")
def _flashed() -> bytes:
    """As a flash beside the lens leaves them."""
    with Image.open(SAMPLES / "portrait.jpg") as portrait:
        picture = portrait.convert("RGB").crop((150, 20, 310, 180)).resize((640, 640), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    for column, row in ((214, 323), (386, 331)):
        draw.ellipse((column - 10, row - 10, column + 10, row + 10), (196, 32, 38))
        draw.ellipse((column + 1, row - 6, column + 6, row - 1), (255, 250, 248))
    return encode_file(picture.filter(ImageFilter.GaussianBlur(1)), "JPEG", quality=95)


@source("old photo", "old.jpg")
def _old_photo() -> bytes:
    """Yellowed, creased, scratched and noisy."""
    with Image.open(SAMPLES / "portrait.jpg") as portrait:
        gray = np.asarray(portrait.convert("L"), np.float64)
    chance = np.random.default_rng(5)
    sepia = (gray * 0.75 + 45)[..., None] * np.array([1.0, 0.93, 0.78]) + chance.normal(0, 7, (*gray.shape, 1))
    picture = Image.fromarray(np.clip(sepia, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.line([(0, 180), (160, 172), (330, 190), (512, 178)], (246, 240, 226), 3)
    draw.line([(300, 0), (290, 200), (310, 512)], (240, 233, 220), 2)
    for _ in range(12):
        column, row = chance.integers(0, 512, 2)
        lean, length = chance.integers(-30, 30), chance.integers(40, 200)
        draw.line([(int(column), int(row)), (int(column + lean), int(row + length))], (250, 246, 238), 1)
    return encode_file(picture, "JPEG", quality=92)


def _erased() -> Sheet:
    cells = [
        each
        for picture, mask in (("photo", "mask of the spoon"), ("photo", "mask of the saucer's edge"), ("portrait", "mask of the badge"))
        for each in (
            Cell(picture, shapes.BORDER, {"borderWidth": 0}, f"{picture}; {mask}"),
            Cell(picture, restoration.ERASE_OBJECT, {}, "erased, without a network", beside=[("mask", mask)]),
        )
    ]
    return Sheet(restoration.ERASE_OBJECT.id, cells, columns=2)


def _ellipse(size: tuple[int, int], box: tuple[int, int, int, int]) -> bytes:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return encode_file(mask, "PNG")


@source("mask of the spoon", "mask.png")
def _spoon() -> bytes:
    return _ellipse((600, 400), (315, 235, 425, 345))


@source("mask of the saucer's edge", "mask.png")
def _saucer() -> bytes:
    return _ellipse((600, 400), (60, 170, 130, 260))


@source("mask of the badge", "mask.png")
def _badge() -> bytes:
    return _ellipse((512, 512), (120, 320, 215, 415))


def _cut_out() -> Sheet:
    return Sheet(
        backgrounds.REMOVE_BACKGROUND.id,
        [*each("portrait", backgrounds.REMOVE_BACKGROUND, {}), *each("photo", backgrounds.REMOVE_BACKGROUND, {})],
        columns=2,
    )


def _enlarged() -> Sheet:
    settings = each(
        "small portrait",
        restoration.UPSCALE,
        {"scale": 1},
        {"scale": 2},
        {"scale": 3},
        {"scale": 4},
        {"scale": 2.5},
        {"scale": 4, "faceEnhance": True},
        {"scale": 4, "denoise": 50},
        {"scale": 4, "format": "webp", "quality": 40},
    )
    return Sheet(restoration.UPSCALE.id, [Cell("small portrait"), *settings], columns=3, detail=(0.5, 0.35))


Floats = npt.NDArray[np.float64]


def _cup() -> tuple[Floats, Floats]:
    """A round part of a photograph with a hole in it, and its opacity."""
    cup = np.asarray(photo(), np.float64)
    rows, columns = np.mgrid[: cup.shape[0], : cup.shape[1]]
    away = np.hypot(rows - 200, columns - 290)
    inside = np.minimum(165 + 12 * np.sin(7 * np.arctan2(rows - 200, columns - 290)) - away, np.hypot(rows - 250, columns - 290) - 30)
    return cup, np.clip(inside / 2 + 0.5, 0, 1)[..., None]


def _over_squares(side: float) -> bytes:
    cup, opacity = _cup()
    rows, columns = np.mgrid[: cup.shape[0], : cup.shape[1]]
    squares = np.where(((rows // side + columns // side) % 2 == 0)[..., None], 255, 204)
    return encode_file(Image.fromarray((cup * opacity + squares * (1 - opacity)).round().astype(np.uint8)), "JPEG", quality=80)


@source("checkered", "checkered.jpg", "checkered")
def _checkered() -> bytes:
    return _over_squares(10)


@source("checkered 12.4", "checkered.jpg", "checkered, 12.4 pixels")
def _checkered_oddly() -> bytes:
    return _over_squares(12.4)


@source("drawing on white", "drawing.png", "drawing on white")
def _drawing() -> bytes:
    picture = Image.new("RGB", (2400, 1600), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((500, 200, 1700, 1400), "#d02040")
    draw.ellipse((850, 550, 1350, 1050), "white")
    draw.polygon([(1500, 1500), (2000, 300), (2200, 1500)], "#2050c0")
    return encode_file(picture.resize((600, 400), Image.Resampling.BOX), "PNG")


@source("fringed", "fringed.png", "white fringe")
def _fringed() -> bytes:
    cup, opacity = _cup()
    mixed = cup * opacity + 255 * (1 - opacity)
    return encode_file(Image.fromarray(np.dstack([mixed, 255 * opacity]).round().astype(np.uint8)), "PNG")


def _transparency() -> Sheet:
    """Before and after."""
    cells = []
    for name in ("checkered", "checkered 12.4", "drawing on white", "fringed"):
        cells += [Cell(name), *each(name, backgrounds.TRANSPARENCY_FIXER, {})]
    return Sheet(backgrounds.TRANSPARENCY_FIXER.id, cells, columns=4)
