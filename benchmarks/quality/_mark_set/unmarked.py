"""Pictures without a watermark that tempt a detector: photographs, and text, patterns and graphics that belong to what is shown.

Two hundred to develop with, and 58 held out that a seed makes of other material."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from benchmarks.quality._mark_set.drawers import Colour, Pixels, face
from benchmarks.quality._mark_set.marked import jpeg
from benchmarks.quality._mark_set.material import SEEN, TUNED, Material, held_out
from benchmarks.quality._mark_set.photographs import some

Make = Callable[["Scene"], Pixels]
_HELD_OUT_SHARE = 0.6
_BOARDS: tuple[tuple[Colour, Colour], ...] = (
    ((25, 60, 120), (240, 235, 220)),
    ((140, 25, 20), (250, 215, 80)),
    ((235, 235, 230), (30, 30, 30)),
    ((20, 90, 50), (245, 245, 245)),
)


class Scene:
    """A photograph and chance, from some material."""

    def __init__(self, kind: str, number: int, turn: int, material: Material) -> None:
        self.rng = random.Random(f"unmarked {kind} {number} {material.seed}")
        self.name, self.pixels = some(self.rng, material.photographs, turn)
        self._material = material

    def words(self) -> str:
        """A few words."""
        return self.rng.choice(self._material.signs)

    def font(self, pixels: float) -> ImageFont.FreeTypeFont:
        """A font of this size."""
        return face(self.rng.choice(self._material.fonts), max(10, round(pixels)))

    def save(self, pixels: npt.NDArray[np.float64] | npt.NDArray[np.float32] | Pixels) -> Pixels:
        """As a JPEG of good or middling quality."""
        return jpeg(np.rint(pixels).clip(0, 255).astype(np.uint8), self.rng.choice((80, 85, 90, 95)))


def unmarked_photographs(seed: int | None) -> Iterator[tuple[str, str, Pixels, str]]:
    """Kind, name, picture, and part: the 200 to develop with, or with a seed, 58 held out."""
    for material in (TUNED, SEEN) if seed is None else (held_out(seed),):
        for kind, (make, count) in KINDS.items():
            for number in range(count if seed is None else round(_HELD_OUT_SHARE * count)):
                # Held-out kinds begin with different photographs.
                scene = Scene(kind, number, number if seed is None else number + 5 * len(kind), material)
                yield kind, scene.name, make(scene), material.part


def _photograph(scene: Scene) -> Pixels:
    return scene.save(scene.pixels) if scene.rng.random() < 0.5 else scene.pixels


def _placed(scene: Scene, flat: Pixels, cover: npt.NDArray[np.float32], corners: npt.NDArray[np.float32], glow: float = 0.0) -> Pixels:
    """A flat thing hung in the scene: in perspective, in the scene's light, as blurred and grainy as a camera sees it."""
    height, width = scene.pixels.shape[:2]
    source = np.array([(0, 0), (flat.shape[1], 0), flat.shape[1::-1], (0, flat.shape[0])], np.float32)
    warp = cv2.getPerspectiveTransform(source, corners)
    seen = cv2.warpPerspective(flat, warp, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    alpha = cv2.GaussianBlur(cv2.warpPerspective(cover, warp, (width, height)), (0, 0), scene.rng.uniform(0.6, 1.1))[..., np.newaxis]
    light = cv2.GaussianBlur(cv2.cvtColor(scene.pixels, cv2.COLOR_RGB2GRAY), (0, 0), 6).astype(np.float32)[..., np.newaxis]
    shade = 0.6 + 0.4 * light / max(1.0, float(light[alpha > 0.5].max()))
    grain = np.random.default_rng(scene.rng.randrange(1 << 30)).normal(0, 4, scene.pixels.shape)
    below = scene.pixels.astype(np.float32)
    if glow:
        halo = cv2.GaussianBlur(seen * alpha, (0, 0), glow)
        below, shade = below + 0.8 * halo, np.ones_like(shade)
    return scene.save(below * (1 - alpha) + (seen * shade + grain) * alpha)


def _corners(scene: Scene, tall: float) -> npt.NDArray[np.float32]:
    """A rectangle seen from the side, `tall` times as high as wide."""
    height, width = scene.pixels.shape[:2]
    wide = scene.rng.uniform(0.3, 0.6) * width
    high = min(0.4 * height, wide * tall)
    left, top = scene.rng.uniform(0.05, 0.35) * width, scene.rng.uniform(0.1, 0.5) * height
    lean, shrink = scene.rng.uniform(-0.12, 0.12) * wide, scene.rng.uniform(0.75, 1.0)
    return np.array([(left, top), (left + wide, top + lean), (left + wide, top + lean + shrink * high), (left, top + high)], np.float32)


def _sign(scene: Scene) -> Pixels:
    board, paint = scene.rng.choice(_BOARDS)
    flat = Image.new("RGB", (420, 120), board)
    ImageDraw.Draw(flat).text((210, 60), scene.words(), fill=paint, font=scene.font(58), anchor="mm")
    return _placed(scene, np.asarray(flat), np.ones((120, 420), np.float32), _corners(scene, 0.28))


def _letters(scene: Scene) -> npt.NDArray[np.float32]:
    cover = Image.new("L", (420, 120), 0)
    ImageDraw.Draw(cover).text((210, 60), scene.words(), fill=255, font=scene.font(70), anchor="mm")
    return np.asarray(cover, np.float32) / np.float32(255)


def _shirt(scene: Scene) -> Pixels:
    """Letters on cloth or on a wall: opaque, but with the folds and the light of what they are on."""
    return _placed(scene, np.full((120, 420, 3), scene.rng.choice((235, 20)), np.uint8), _letters(scene), _corners(scene, 0.3))


def _neon(scene: Scene) -> Pixels:
    tube = scene.rng.choice(((255, 80, 90), (110, 220, 255), (255, 240, 180)))
    return _placed(scene, np.full((120, 420, 3), tube, np.uint8), _letters(scene), _corners(scene, 0.3), glow=6)


def _label(scene: Scene) -> Pixels:
    """A label with several lines, as on a bottle."""
    flat = Image.new("RGB", (300, 300), scene.rng.choice(((245, 240, 225), (225, 235, 245), (40, 40, 40))))
    brush, dark = ImageDraw.Draw(flat), (30, 30, 30) if flat.getpixel((0, 0)) != (40, 40, 40) else (230, 220, 200)
    brush.rectangle((12, 12, 288, 288), outline=dark, width=3)
    for row, size in ((60, 46), (120, 26), (160, 26), (240, 18)):
        brush.text((150, row), scene.words(), fill=dark, font=scene.font(size), anchor="mm")
    return _placed(scene, np.asarray(flat), np.ones((300, 300), np.float32), _corners(scene, 1.0))


def _caption(scene: Scene) -> Pixels:
    """A subtitle: part of what is shown to those who read it."""
    picture = Image.fromarray(scene.pixels)
    text = scene.rng.choice(("And then it was gone.", "We will meet at the temple.", "Nobody saw him leave."))
    letters = scene.font(0.05 * picture.height)
    place = picture.width / 2, 0.92 * picture.height
    ImageDraw.Draw(picture).text(place, text, "white", letters, anchor="mm", stroke_width=2, stroke_fill="black")
    return scene.save(np.asarray(picture))


def _poster(scene: Scene) -> Pixels:
    """A photograph with a plain field beside it that holds a headline."""
    height, width = scene.pixels.shape[:2]
    back, front = scene.rng.choice(_BOARDS)
    field = Image.new("RGB", (width, max(90, height // 3)), back)
    brush = ImageDraw.Draw(field)
    brush.text((width / 2, field.height * 0.38), scene.words(), front, scene.font(0.35 * field.height), anchor="mm")
    brush.text((width / 2, field.height * 0.78), scene.words().lower(), front, scene.font(0.16 * field.height), anchor="mm")
    return scene.save(np.concatenate([scene.pixels, np.asarray(field)]))


def _cloth(scene: Scene) -> Pixels:
    """A printed cloth with folds: checks, dots, stripes or diamonds."""
    height, width = scene.pixels.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    wave, size = scene.rng.uniform(6, 14), scene.rng.uniform(14, 30)
    y, x = y + wave * np.sin(x / 90), x + wave * np.sin(y / 70 + 1)
    which = scene.rng.randrange(4)
    if which == 0:
        pattern = 0.5 * (x // size % 2) + 0.5 * (y // size % 2)
    elif which == 1:
        pattern = ((x % (2.4 * size) - 1.2 * size) ** 2 + (y % (2.4 * size) - 1.2 * size) ** 2 < (0.55 * size) ** 2).astype(np.float64)
    elif which == 2:
        pattern = (x // size % 2).astype(np.float64)
    else:
        pattern = ((x + y) // size % 2) * ((x - y) // size % 2)
    fold = 0.8 + 0.2 * np.sin((x + 0.6 * y) / 60)
    ink, ground = np.array(scene.rng.choice(((190, 40, 50), (30, 80, 160), (20, 20, 20)))), 235
    weave = 0.75 + 0.25 * cv2.cvtColor(scene.pixels, cv2.COLOR_RGB2GRAY) / 255
    return scene.save((ink * pattern[..., None] + ground * (1 - pattern[..., None])) * (fold * weave)[..., None])


def _screen(scene: Scene) -> Pixels:
    """A window with a list of lines, buttons and an icon in its corner."""
    dark = scene.rng.random() < 0.5
    back, front, accent = ((30, 32, 38), (225, 225, 230), (70, 130, 240)) if dark else ((250, 250, 250), (40, 40, 40), (20, 120, 80))
    picture = Image.new("RGB", (640, 420), back)
    brush, small = ImageDraw.Draw(picture), scene.font(18)
    brush.rectangle((0, 0, 640, 44), fill=accent)
    brush.text((20, 22), "Settings", "white", scene.font(22), anchor="lm")
    lines = ["Account and sign-in", "Notifications", "Storage: 12.4 GB used", "Language: English", "About this device", scene.words()]
    scene.rng.shuffle(lines)
    for number, line in enumerate(lines[:5]):
        y = 90 + 56 * number
        brush.text((70, y), line, front, small, anchor="lm")
        brush.ellipse((24, y - 14, 52, y + 14), outline=accent, width=3)
        brush.line((20, y + 28, 620, y + 28), fill=(128, 128, 128))
    brush.rounded_rectangle((520, 374, 620, 408), 8, fill=accent)
    brush.text((570, 391), "Save", "white", small, anchor="mm")
    return np.asarray(picture)


def _chart(scene: Scene) -> Pixels:
    """Bars or a line with axes, numbers and a title."""
    back = scene.rng.choice(((255, 255, 255), (245, 243, 236), (24, 26, 32)))
    picture = Image.new("RGB", (700, 460), back)
    light = sum(back) > 380
    ink = (40, 40, 40) if light else (220, 220, 220)
    brush = ImageDraw.Draw(picture)
    brush.text((350, 30), f"{scene.words()}, 2019 to 2024", ink, scene.font(24), anchor="mm")
    for step in range(6):
        y = 400 - 60 * step
        brush.line((70, y, 660, y), fill=(128, 128, 128))
        brush.text((60, y), str(20 * step), ink, scene.font(15), anchor="rm")
        tall, colour = scene.rng.uniform(30, 300), scene.rng.choice(((70, 130, 240), (230, 120, 40), (60, 160, 90)))
        brush.rectangle((100 + 95 * step, 400 - tall, 160 + 95 * step, 400), fill=colour)
        brush.text((130 + 95 * step, 420), str(2019 + step), ink, scene.font(15), anchor="mm")
    return np.asarray(picture)


def _glass(scene: Scene) -> Pixels:
    """Shadows, light spots and reflections: translucent shapes that belong to the scene."""
    height, width = scene.pixels.shape[:2]
    layer = np.zeros((height, width), np.float32)
    for _ in range(scene.rng.randrange(1, 4)):
        centre = (scene.rng.randrange(width), scene.rng.randrange(height))
        axes = (round(scene.rng.uniform(0.05, 0.3) * width), round(scene.rng.uniform(0.05, 0.3) * height))
        cv2.ellipse(layer, centre, axes, scene.rng.uniform(0, 180), 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(layer, (0, 0), scene.rng.uniform(2, 12))[..., None] * scene.rng.uniform(0.15, 0.4)
    tone = scene.rng.choice((0, 255))
    drift = 1 + 0.2 * math.sin(scene.rng.uniform(0, 6)) * np.linspace(-1, 1, width)[None, :, None]
    return scene.save(scene.pixels * (1 - soft * drift) + tone * soft * drift)


KINDS: dict[str, tuple[Make, int]] = {
    "photograph": (_photograph, 48),
    "sign": (_sign, 9),
    "print on cloth or wall": (_shirt, 7),
    "neon": (_neon, 4),
    "label": (_label, 5),
    "subtitle": (_caption, 4),
    "poster": (_poster, 5),
    "cloth": (_cloth, 7),
    "screen": (_screen, 4),
    "chart": (_chart, 3),
    "shadow or reflection": (_glass, 4),
}
"""How each kind is made, and how many of each are tuned on, and as many seen."""
