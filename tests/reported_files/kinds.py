"""Rarer kinds: palettes and colours that are transparent, arithmetic coding, JPEG XL, icons, and drawings in UTF-16."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping

import numpy as np
from PIL import Image

from tests.reported_files.making import Made, Pixels, as_shown, seen, seen_gray
from tests.unit.imaging import rare_files
from tests.unit.imaging.pictures import written

ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/"
    "2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/yQARCAAYACQDAREAAhEBAxEB/8wA"
    "CgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/ANj7vmUWL+NNQw0Hww3OVulHOerMpfABbMORgKg0soOCg7zgIaFB/wBHGlUmp2LtSuOVqwW6KMPdwq7rmKsm536N"
    "dl+2iIaMWfIjvbmm94w4v0O8BzKjF1Q2xBX2NBLIkRTEpTCXYpTd6gck+m/wm22EA8zfPx+TP3MOL/qySxMXcjH9K9zUxo5VdxR8lofOSL6VK3gv0w3XWFzz"
    "keFnbvQzGEm0SgsJFM/f/bNbWBcuU47eWhSOLVIN1zeKeHXzUHe1x7ufHowtfsvmw2ByuJ/YoBa2JbgKQp3ItNoJxRsgTIA1WD/oQ/uzpq15cvvn8fr8Jq39"
    "qL7OIV7OwjuUMppBXyJMai4WVx6H0RTifLEDEfQhwDuti2RPK3gPawSsl1XT/9k="
)
"""`quarters` by `cjpeg -arithmetic -quality 95 -sample 1x1` of libjpeg-turbo 2.1.5."""
_DRAWING = '<?xml version="1.0" encoding="UTF-16"?><svg xmlns="http://www.w3.org/2000/svg" width="60" height="40">{}</svg>'.format(
    '<rect width="60" height="40" fill="#0a0"/>'
)


def quarters() -> Pixels:
    """24 x 36 pixels in four colours."""
    found = np.zeros((24, 36, 3), np.uint8)
    found[:12, :18], found[:12, 18:], found[12:, :18], found[12:, 18:] = (220, 40, 40), (40, 200, 60), (50, 70, 220), (230, 220, 60)
    return found


def _over_white(pixels: Pixels, opacity: np.ndarray) -> Pixels:
    share = opacity[..., None] / 255
    return np.rint(pixels * share + 255 * (1 - share)).astype(np.uint8)


def _palette() -> Made:
    """Of its colours, one is clear and one lets half through."""
    picture = Image.fromarray(seen()).quantize(32)
    numbers = np.asarray(picture)
    opacities = bytes([0, 128]) + b"\xff" * 30
    colours = np.asarray(picture.convert("RGB"))
    opacity = np.frombuffer(opacities, np.uint8)[numbers]
    return Made("png", written(picture, "PNG", transparency=opacities), _over_white(colours, opacity), 0.5)


def _clear_gray() -> Made:
    gray = seen_gray()
    clear = int(np.bincount(gray.ravel()).argmax())
    return Made("png", written(gray, "PNG", transparency=clear), _over_white(as_shown(gray), np.where(gray == clear, 0, 255)))


def _clear_colour() -> Made:
    pixels, clear = quarters(), (220, 40, 40)
    opacity = np.where((pixels == clear).all(axis=2), 0, 255)
    return Made("png", written(pixels, "PNG", transparency=clear), _over_white(pixels, opacity))


def files() -> Mapping[str, Made]:
    """All of them."""
    green = np.zeros((40, 60, 3), np.uint8)
    green[:] = (0, 0xAA, 0)
    return {
        "a palette with opacities": _palette(),
        "one gray that is clear": _clear_gray(),
        "one colour that is clear": _clear_colour(),
        "arithmetic coding": Made("jpg", ARITHMETIC, quarters(), 2),
        "JPEG XL": Made("jxl", rare_files.jxl(seen()), seen()),
        "an icon": Made("ico", rare_files.ico(Image.fromarray(seen())), seen()),
        "UTF-16, little end first": Made("svg", b"\xff\xfe" + _DRAWING.encode("utf-16-le"), green),
        "UTF-16, big end first": Made("svg", b"\xfe\xff" + _DRAWING.encode("utf-16-be"), green),
        "UTF-16 without a mark": Made("svg", _DRAWING.encode("utf-16-le"), green),
        "compressed": Made("svg", gzip.compress(_DRAWING.encode("utf-16")), None, said="gzip"),
    }
