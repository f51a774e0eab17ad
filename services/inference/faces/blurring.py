"""Blurring faces so far that nobody is recognised."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.faces.mesh import Mesh
from services.inference.media import Image
from services.inference.media.colour import Pixels, strips

Floats = npt.NDArray[np.float32]

LEAST = 0.15
"""Least standard deviation of the blur, as a share of the width of its oval, whatever is asked for: what detectors no longer find
(benchmarks/quality.md)."""

_ACROSS, _ABOVE, _BELOW = 0.62, 0.85, 0.62  # of the width and the height of the face's points: half axes, from their middle
_EDGE = 0.25  # of the half axes: width of the soft edge around the oval
_REDUCED = 4.0  # pixels: standard deviation in the reduced copy that is blurred
_STRIP = 256
_FAINT = 1e-3


@dataclass(frozen=True, slots=True)
class Oval:
    """The blurred area of a face: an ellipse with this centre and these half axes in pixels, turned by `tilt` radians, clockwise."""

    x: float
    y: float
    across: float
    down: float
    tilt: float

    @property
    def reach(self) -> tuple[float, float]:
        """How far it reaches from its centre, with its soft edge, to the sides, and up and down."""
        cosine, sine = np.cos(self.tilt), np.sin(self.tilt)
        grown = 1 + _EDGE
        return (
            float(np.hypot(self.across * cosine, self.down * sine)) * grown,
            float(np.hypot(self.across * sine, self.down * cosine)) * grown,
        )

    def weights(self, rows: slice, columns: slice) -> Floats:
        """Its share in these pixels of the picture: 1 within it, falling smoothly to 0 at the end of its soft edge."""
        down = (np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(0.5 - self.y))[:, np.newaxis]
        across = np.arange(columns.start, columns.stop, dtype=np.float32) + np.float32(0.5 - self.x)
        cosine, sine = np.float32(np.cos(self.tilt)), np.float32(np.sin(self.tilt))
        u = (across * cosine + down * sine) / np.float32(self.across)
        v = (down * cosine - across * sine) / np.float32(self.down)
        part = ((np.float32(1 + _EDGE) - np.hypot(u, v)) / np.float32(_EDGE)).clip(0, 1)
        return np.asarray(part * part * (3 - 2 * part), np.float32)


def oval_of(mesh: Mesh) -> Oval:
    """The oval that covers a face with its hair line and its chin."""
    if mesh.fits:
        tilt, points = mesh.tilt, mesh.points
    else:
        box = mesh.face
        tilt = box.tilt
        x, y, half = box.left + box.width / 2, box.top + box.height / 2, max(box.width, box.height) / 2
        corners = np.array([(-half, -half), (half, half)]) @ _turn(-tilt).T
        points = (corners + np.array([x, y])).astype(np.float32)
    level = points @ _turn(tilt).T
    (left, top), (right, bottom) = level.min(axis=0), level.max(axis=0)
    width, height = float(right - left), float(bottom - top)
    above, below = (share * height for share in (_ABOVE, _BELOW))
    middle = np.array([(left + right) / 2, (top + bottom) / 2 + (below - above) / 2]) @ _turn(-tilt).T
    return Oval(float(middle[0]), float(middle[1]), _ACROSS * width, (above + below) / 2, tilt)


def _turn(angle: float) -> npt.NDArray[np.float64]:
    """Turns by `angle` against the clock as seen."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, sine], [-sine, cosine]])


def blur_ovals(image: Image, ovals: Sequence[Oval], radius: float, check: Callable[[], None]) -> Image:
    """The picture with the ovals blurred by a Gaussian with the standard deviation `radius`, in pixels, or more; alpha does not change.

    Transparent pixels lend no colour. `check` is called between strips and may raise to cancel.
    """
    if not ovals:
        return image
    pixels = image.pixels.copy()
    for oval in ovals:
        _blur(pixels, image.alpha, oval, max(radius, LEAST * 2 * min(oval.across, oval.down)), check)
    return dataclasses.replace(image, pixels=pixels)


def _blur(pixels: Pixels, alpha: Pixels | None, oval: Oval, sigma: float, check: Callable[[], None]) -> None:
    """Blurs an oval in place."""
    height, width = pixels.shape[:2]
    across, down = oval.reach
    columns, rows = _span(oval.x, across, width), _span(oval.y, down, height)
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return
    # Pixels around it within two standard deviations flow into it.
    around = _span(oval.y, down + 2 * sigma, height), _span(oval.x, across + 2 * sigma, width)
    small = _small(pixels[around], None if alpha is None else alpha[around], sigma, check)
    high, wide = (span.stop - span.start for span in around)
    for strip in strips(rows.stop - rows.start, _STRIP):
        check()
        here = slice(rows.start + strip.start, rows.start + strip.stop)
        colours = _enlarged(small, (high, wide), slice(here.start - around[0].start, here.stop - around[0].start))
        colours = colours[:, columns.start - around[1].start : columns.stop - around[1].start]
        under = pixels[here, columns].astype(np.float32)
        under += oval.weights(here, columns)[..., np.newaxis] * (colours - under)
        pixels[here, columns] = np.round(under).clip(0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)


def _span(middle: float, reach: float, size: int) -> slice:
    return slice(max(0, int(np.floor(middle - reach))), min(size, int(np.ceil(middle + reach)) + 1))


def _small(pixels: Pixels, alpha: Pixels | None, sigma: float, check: Callable[[], None]) -> Floats:
    """A reduced copy, blurred: float32, height x width x channels."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _REDUCED / sigma)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shares = None if alpha is None else (alpha / np.float32(np.iinfo(alpha.dtype).max)).astype(np.float32)
    planes = []
    for channel in range(pixels.shape[2]):
        check()
        plane = pixels[..., channel].astype(np.float32)
        planes.append(_spread(plane if shares is None else plane * shares, size, sigma * size[0] / width, sigma * size[1] / height))
    result = np.stack(planes, axis=2)
    if shares is None:
        return result
    below = _spread(shares, size, sigma * size[0] / width, sigma * size[1] / height)[..., np.newaxis]
    return np.asarray(result / np.maximum(below, _FAINT), np.float32)


def _spread(plane: Floats, size: tuple[int, int], across: float, down: float) -> Floats:
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), sigmaX=across, sigmaY=down, borderType=cv2.BORDER_REPLICATE), np.float32)


def _enlarged(small: Floats, size: tuple[int, int], rows: slice) -> Floats:
    """Rows of a reduced copy, enlarged to height x width: linear between its pixels, which are smooth."""
    places = ((np.arange(rows.start, rows.stop) + 0.5) * small.shape[0] / size[0] - 0.5).clip(0, small.shape[0] - 1)
    upper = np.floor(places).astype(int)
    lower = np.minimum(upper + 1, small.shape[0] - 1)
    share = (places - upper).astype(np.float32)[:, np.newaxis, np.newaxis]
    strip = small[upper] * (1 - share) + small[lower] * share
    wide = cv2.resize(strip, (size[1], len(strip)), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide.reshape(len(strip), size[1], small.shape[2]), np.float32)
