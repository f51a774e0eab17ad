"""The appearance of an image: its opacity, its lightness, and the direction of its content."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from pypdf.generic import PdfObject, StreamObject

from services.inference.pdf import objects
from services.inference.pdf.document import PARSE_ERRORS
from services.inference.pdf.search import samples

_SEEN = 0.02  # share of full opacity, or distance from white, from which a pixel is visible


@dataclass(frozen=True, slots=True)
class Look:
    """The look of an image by itself, in its own coordinates with y upwards."""

    digest: bytes
    """Digest of the data, equal for copies of an image."""
    soft: bool = False
    """Whether it has a soft mask with values other than full and none."""
    alpha: float = 1.0
    """Mean opacity of the visible part."""
    lightness: float = 0.5
    """Mean lightness of the visible part, on white paper."""
    darkest: float = 0.0
    """Fifth percentile of the same."""
    share: float = 1.0
    """Share of the area that is visible."""
    lean: float = 0.0
    """Main direction of the visible part, in degrees from the horizontal, -90 to 90, at the image's own proportions."""
    stretch: float = 1.0
    """Length over breadth of the visible part."""
    is_known: bool = False
    """Whether the samples could be read; if not, everything but the digest is a guess."""


class Pictures:
    """The images of one document, each examined once."""

    def __init__(self) -> None:
        self._known: dict[int, Look] = {}

    def look(self, image: StreamObject) -> Look:
        """The look of an image XObject."""
        number = objects.number(image) or -id(image)
        if number not in self._known:
            self._known[number] = _look(image)
        return self._known[number]


def _look(image: StreamObject) -> Look:
    mask = objects.entry(image, "/SMask")
    digest = _digest(image, mask)
    try:
        alpha = samples.lightness(mask) if isinstance(mask, StreamObject) else None
        shades = None if _is(image, "/ImageMask") else samples.lightness(image)
        if _is(image, "/ImageMask"):
            alpha = samples.stencil(image)
    except (*PARSE_ERRORS, UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return Look(digest)
    return _measured(digest, alpha, shades)


def _measured(digest: bytes, alpha: NDArray[np.float32] | None, shades: NDArray[np.float32] | None) -> Look:
    if alpha is None and shades is None:
        return Look(digest)
    if shades is None:
        shades = np.zeros((1, 1), np.float32)
    if alpha is None:
        alpha = np.ones_like(shades)
    if shades.shape != alpha.shape:
        rows = np.linspace(0, shades.shape[0] - 1, alpha.shape[0]).astype(int)
        columns = np.linspace(0, shades.shape[1] - 1, alpha.shape[1]).astype(int)
        shades = shades[np.ix_(rows, columns)]
    on_white = 1 - alpha * (1 - shades)
    shown = 1 - on_white > _SEEN
    if not shown.any():
        return Look(digest, lightness=1.0, darkest=1.0, share=0.0, is_known=True)
    lean, stretch = _direction(shown)
    inner = alpha[shown]
    return Look(
        digest=digest,
        soft=bool(((inner > 0.05) & (inner < 0.95)).mean() > 0.5),
        alpha=float(inner.mean()),
        lightness=float(on_white[shown].mean()),
        darkest=float(np.percentile(on_white[shown], 5)),
        share=float(shown.mean()),
        lean=lean,
        stretch=stretch,
        is_known=True,
    )


def _direction(shown: NDArray[np.bool_]) -> tuple[float, float]:
    """Main axis of the visible pixels, from their second moments."""
    rows, columns = np.nonzero(shown)
    if len(rows) < 16:
        return 0.0, 1.0
    x, y = columns - columns.mean(), rows.mean() - rows
    xx, yy, xy = float((x * x).mean()), float((y * y).mean()), float((x * y).mean())
    lean = 0.5 * math.degrees(math.atan2(2 * xy, xx - yy))
    spread = math.hypot(xx - yy, 2 * xy)
    least = max(xx + yy - spread, 1e-6)
    return lean, math.sqrt((xx + yy + spread) / least)


def _digest(image: StreamObject, mask: PdfObject | None) -> bytes:
    digest = hashlib.sha256(image._data)
    if isinstance(mask, StreamObject):
        digest.update(mask._data)
    return digest.digest()[:12]


def _is(container: PdfObject | None, key: str) -> bool:
    return str(objects.entry(container, key)).lower() == "true"
