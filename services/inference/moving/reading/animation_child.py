"""The part of the child process that reads an animation: GIF by libvips, WebP and AVIF by Pillow, and APNG, one frame after the other."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pyvips
from PIL import Image as PillowImage

from services.inference.media import colour, configure_libvips, gif
from services.inference.media.animation import USUAL_DELAY
from services.inference.media.colour import Pixels
from services.inference.media.decode import TURNED_BY_A_QUARTER
from services.inference.media.errors import damaged_error
from services.inference.media.image import Image, Metadata, from_samples
from services.inference.media.pillow_samples import FAILURES, samples_of
from services.inference.media.turning import upright
from services.inference.moving.leaving import Ask, Leaving
from services.inference.moving.limits import MovingLimits
from services.inference.moving.reading.apng import Apng
from services.pictures.media_format import MediaFormat

_SUBJECT = "The animation"
_FASTEST = 10
"""Milliseconds; all browsers show what is said to be as fast as the usual, which files that say 0 mean."""
_LONGEST = 24 * 60 * 60 * 1000
_ROWS = 5_000_000
"""Rows of the frames that libvips opens at once, one below the other: it has at most ten million."""
_ORIENTATION = 0x0112
_Taken = TypeVar("_Taken")


def facts(source: Path, format_: str, limits: MovingLimits) -> dict[str, Any]:
    """The fields of `Facts`. Raises FILE_CORRUPT and MEDIA_LIMIT_EXCEEDED."""
    return opened(source.read_bytes(), MediaFormat(format_), limits).facts()


def read(source: Path, folder: Path, format_: str, limits: MovingLimits, ask: Ask) -> dict[str, Any]:
    """Leave every frame in `folder`; returns the notes. Raises FILE_CORRUPT and MEDIA_LIMIT_EXCEEDED."""
    leaving = Leaving(folder, ask)
    notes: list[str] = []
    for image, milliseconds in pictures(opened(source.read_bytes(), MediaFormat(format_), limits)):
        notes += [note for note in image.notes if note not in notes]
        alpha = None if image.alpha is None else colour.to_8bit(image.alpha)
        leaving.leave(image.srgb(), alpha, round(1000 * _shown(milliseconds)))
    return {"notes": notes}


def _shown(milliseconds: float) -> float:
    return min(milliseconds, _LONGEST) if milliseconds > _FASTEST else USUAL_DELAY


def opened(data: bytes, format_: MediaFormat, limits: MovingLimits) -> Opened:
    """An animation whose frames are not decoded yet. Raises FILE_CORRUPT and MEDIA_LIMIT_EXCEEDED."""
    configure_libvips(1)
    if format_ is MediaFormat.GIF:
        return _Gif(data, limits)
    return _Png(data, limits) if format_ is MediaFormat.PNG else _ByPillow(data, format_, limits)


def pictures(animation: Opened) -> Iterator[tuple[Image, float]]:
    """Each frame, upright, and its milliseconds as the file has them. Raises FILE_CORRUPT."""
    for samples, icc, milliseconds in animation.frames():
        yield from_samples(samples, icc, Metadata(), animation.format), milliseconds


class _Gif:
    format = MediaFormat.GIF

    def __init__(self, data: bytes, limits: MovingLimits) -> None:
        self._data = data
        gif.check(data)
        try:
            self._first = gif.load(data, access="sequential", fail_on="error")
        except pyvips.Error as error:
            raise damaged_error(MediaFormat.GIF) from error
        self._count = int(self._first.get("n-pages")) if self._first.get_typeof("n-pages") else 1
        limits.check(_SUBJECT, self._first.width, self._first.height, self._count)

    def delays(self) -> list[int]:
        known = list(self._first.get("delay")) if self._first.get_typeof("delay") else []
        return [*known, *[0] * self._count][: self._count]

    def facts(self) -> dict[str, Any]:
        opened = self._first
        return {
            "width": opened.width,
            "height": opened.height,
            "frames": self._count,
            "milliseconds": round(sum(map(_shown, self.delays()))),
            "loop": int(opened.get("loop")) if opened.get_typeof("loop") else 0,
            "alpha": opened.hasalpha(),
        }

    def frames(self) -> Iterator[tuple[Pixels, bytes | None, float]]:
        height, delays = self._first.height, self.delays()
        at_once = max(1, _ROWS // height)
        try:
            for begin in range(0, self._count, at_once):
                wanted = min(at_once, self._count - begin)
                stack = gif.load(self._data, page=begin, n=wanted, access="sequential", fail_on="error").colourspace("srgb")
                for number in range(wanted):
                    frame = colour.array_from_vips(stack.crop(0, number * height, stack.width, height))
                    yield frame, None, delays[begin + number]
        except pyvips.Error as error:
            raise damaged_error(MediaFormat.GIF) from error


class _Png:
    format = MediaFormat.PNG

    def __init__(self, data: bytes, limits: MovingLimits) -> None:
        self._limits, self._animation = limits, Apng(data)
        self._count = len(self._animation.delays)
        if not self._count:
            raise damaged_error(MediaFormat.PNG)
        limits.check(_SUBJECT, self._animation.width, self._animation.height, self._count)
        self._orientation = _orientation(self._animation.exif)

    def delays(self) -> list[float]:
        return self._animation.delays

    def facts(self) -> dict[str, Any]:
        animation = self._animation
        turned = self._orientation in TURNED_BY_A_QUARTER
        return {
            "width": animation.height if turned else animation.width,
            "height": animation.width if turned else animation.height,
            "frames": self._count,
            "milliseconds": round(sum(map(_shown, animation.delays))),
            "loop": animation.loop,
            "alpha": animation.has_alpha,
        }

    def frames(self) -> Iterator[tuple[Pixels, bytes | None, float]]:
        for samples, delay in zip(self._animation.frames(self._limits.picture), self._animation.delays, strict=True):
            yield upright(samples, self._orientation), None, delay


def _orientation(exif: bytes) -> int:
    parsed = PillowImage.Exif()
    try:
        parsed.load(exif)
        return int(parsed.get(_ORIENTATION, 1))
    except FAILURES:
        return 1


class _ByPillow:
    def __init__(self, data: bytes, format_: MediaFormat, limits: MovingLimits) -> None:
        self.format = format_
        # The size is checked here, against the limit of this deployment.
        PillowImage.MAX_IMAGE_PIXELS = None
        try:
            self._picture = PillowImage.open(io.BytesIO(data), formats=[format_.value.upper()])
        except (*FAILURES, RuntimeError) as error:
            raise damaged_error(format_) from error
        self._count = int(getattr(self._picture, "n_frames", 1))
        limits.check(_SUBJECT, *self._picture.size, self._count)
        self._orientation = _orientation(self._picture.info.get("exif", b""))
        self._icc = self._picture.info.get("icc_profile")

    def facts(self) -> dict[str, Any]:
        width, height = self._picture.size
        if self._orientation in TURNED_BY_A_QUARTER:
            width, height = height, width
        return {
            "width": width,
            "height": height,
            "frames": self._count,
            "milliseconds": 0,
            "loop": int(self._picture.info.get("loop", 0)),
            "alpha": bool(self._picture.has_transparency_data),
        }

    def delays(self) -> list[float]:
        # A frame is decoded before its time is known.
        return [milliseconds for _, milliseconds in self._decoded(lambda _picture: None)]

    def frames(self) -> Iterator[tuple[Pixels, bytes | None, float]]:
        for samples, milliseconds in self._decoded(lambda picture: samples_of(picture, "RGBA" if picture.has_transparency_data else "RGB")):
            yield upright(samples, self._orientation), self._icc, milliseconds

    def _decoded(self, take: Callable[[PillowImage.Image], _Taken]) -> Iterator[tuple[_Taken, float]]:
        picture = self._picture
        for number in range(self._count):
            try:
                picture.seek(number)
                picture.load()
                taken = take(picture)
            except (*FAILURES, RuntimeError) as error:
                raise damaged_error(self.format) from error
            yield taken, float(picture.info.get("duration", 0))


Opened = _Gif | _Png | _ByPillow
