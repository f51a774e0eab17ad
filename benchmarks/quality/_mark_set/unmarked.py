"""Pictures without a watermark that tempt a detector: text in the scene, patterns that repeat, screens, pages, captions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from benchmarks.quality._mark_set import drawers
from benchmarks.quality._mark_set.marked import HELD_OUT, TUNED_ON, Pixels, jpeg, photograph

Corners = tuple[tuple[float, float], ...]


def unmarked() -> Iterator[tuple[str, str, Pixels, bool]]:
    """Kind, name, picture, and whether it is held out."""
    for name in TUNED_ON:
        yield "photograph", name, photograph(name), False
    for name in (*HELD_OUT, "moon", "retina"):
        yield "photograph", name, photograph(name), True
    for name, held_out in (("brick", False), ("coins", True)):
        yield "pattern or graphic", name, photograph(name), held_out
    yield "pattern or graphic", "gingham", _cloth(photograph("grass"), _gingham), False
    yield "pattern or graphic", "dots", _cloth(photograph("gravel"), _dots), True
    yield "sign", "shop over coffee", _sign(photograph("coffee"), "BAKERY", "Roboto", (25, 60, 120), (240, 235, 220)), False
    yield "sign", "street in china", _sign(photograph("china"), "TEA HOUSE", "Caladea", (140, 25, 20), (250, 215, 80)), True
    yield (
        "shirt",
        "astronaut",
        _printed(photograph("astronaut"), "SPACE", "Roboto", ((190, 330), (330, 318), (336, 372), (196, 388))),
        False,
    )
    yield "shirt", "chelsea", _printed(photograph("chelsea"), "CAT", "Fredoka One", ((200, 230), (330, 215), (335, 275), (205, 290))), True
    yield "caption", "subtitle", _caption(photograph("rocket"), "And then it was gone.", "Roboto", 24, 0.92), False
    yield "caption", "subtitle over china", _caption(photograph("china"), "We will meet at the temple.", "Caladea", 24, 0.9), True
    yield "screen or page", "chat", _screen("Caladea", dark=True), True


def _sign(scene: Pixels, text: str, font: str, board: tuple[int, int, int], paint: tuple[int, int, int]) -> Pixels:
    """A painted board hung in the scene, seen from the side, with the light of the scene and the grain of a camera."""
    flat = Image.new("RGB", (320, 90), board)
    draw = ImageDraw.Draw(flat)
    draw.text((160, 45), text, fill=paint, font=ImageFont.truetype(drawers.FONTS[font], 48), anchor="mm")
    height, width = scene.shape[:2]
    corners = ((0.12 * width, 0.2 * height), (0.62 * width, 0.14 * height), (0.62 * width, 0.33 * height), (0.12 * width, 0.4 * height))
    return _placed(scene, np.asarray(flat), np.ones((90, 320), np.float32), corners)


def _printed(scene: Pixels, text: str, font: str, corners: Corners) -> Pixels:
    """Letters on cloth: opaque, but with the folds and the light of the cloth."""
    cover = drawers.pillow_text((80, 240), text, font, 60, (120, 40))
    return _placed(scene, np.full((80, 240, 3), 235, np.uint8), cover, corners)


def _placed(scene: Pixels, flat: Pixels, cover: npt.NDArray[np.float32], corners: Corners) -> Pixels:
    height, width = scene.shape[:2]
    source = np.array([(0, 0), (flat.shape[1], 0), flat.shape[1::-1], (0, flat.shape[0])], np.float32)
    warp = cv2.getPerspectiveTransform(source, np.array(corners, np.float32))
    seen = cv2.warpPerspective(flat, warp, (width, height), flags=cv2.INTER_AREA).astype(np.float32)
    alpha = cv2.GaussianBlur(cv2.warpPerspective(cover, warp, (width, height)), (0, 0), 0.8)[..., np.newaxis]
    light = cv2.GaussianBlur(cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY), (0, 0), 6).astype(np.float32)[..., np.newaxis]
    shade = 0.6 + 0.4 * light / max(1.0, float(light[alpha > 0.5].max()))
    grain = np.random.default_rng(5).normal(0, 4, scene.shape)
    return jpeg(np.round(scene * (1 - alpha) + (seen * shade + grain) * alpha).clip(0, 255).astype(np.uint8), 88)


def _caption(scene: Pixels, text: str, font: str, pixels: int, y: float) -> Pixels:
    picture = Image.fromarray(scene)
    face = ImageFont.truetype(drawers.FONTS[font], pixels)
    place = picture.width / 2, y * picture.height
    ImageDraw.Draw(picture).text(place, text, "white", face, anchor="mm", stroke_width=2, stroke_fill="black")
    return jpeg(np.asarray(picture), 90)


def _gingham(y: npt.NDArray[np.int64], x: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return 0.5 * (x // 18 % 2) + 0.5 * (y // 18 % 2)


def _dots(y: npt.NDArray[np.int64], x: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return ((((x + 22 * (y // 44 % 2)) % 44 - 22) ** 2 + (y % 44 - 22) ** 2) < 100).astype(np.float64)


def _cloth(weave: Pixels, pattern: Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], npt.NDArray[np.float64]]) -> Pixels:
    """A printed cloth: a pattern with folds, with the weave from another picture."""
    height, width = weave.shape[:2]
    y, x = np.mgrid[:height, :width]
    print_ = pattern(y + np.round(9 * np.sin(x / 90)).astype(int), x + np.round(11 * np.sin(y / 70 + 1)).astype(int))[..., np.newaxis]
    fold = (0.8 + 0.2 * np.sin((x + 0.6 * y) / 60))[..., np.newaxis]
    cloth = (np.array((190, 40, 50)) * print_ + 235 * (1 - print_)) * fold * (0.75 + 0.25 * weave / 255.0)
    return jpeg(cloth.clip(0, 255).astype(np.uint8), 90)


def _screen(font: str, *, dark: bool) -> Pixels:
    """A window with a list of lines, buttons and an icon in its corner."""
    back, front, accent = ((30, 32, 38), (225, 225, 230), (70, 130, 240)) if dark else ((250, 250, 250), (40, 40, 40), (20, 120, 80))
    picture = Image.new("RGB", (640, 420), back)
    draw, face = ImageDraw.Draw(picture), ImageFont.truetype(drawers.FONTS[font], 18)
    draw.rectangle((0, 0, 640, 44), fill=accent)
    draw.text((20, 22), "Settings", "white", ImageFont.truetype(drawers.FONTS[font], 22), anchor="lm")
    for number, line in enumerate(
        ("Account and sign-in", "Notifications", "Storage: 12.4 GB used", "Language: English", "About this device")
    ):
        y = 90 + 56 * number
        draw.text((70, y), line, front, face, anchor="lm")
        draw.ellipse((24, y - 14, 52, y + 14), outline=accent, width=3)
        draw.line((20, y + 28, 620, y + 28), fill=tuple((a + b) // 2 for a, b in zip(back, (128,) * 3, strict=True)))
    draw.rounded_rectangle((520, 374, 620, 408), 8, fill=accent)
    draw.text((570, 391), "Save", "white", face, anchor="mm")
    return np.asarray(picture)
