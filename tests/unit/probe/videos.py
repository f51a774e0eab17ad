"""Small videos, encoded in memory."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np

CODECS = {"mp4": "libx264", "mov": "prores_ks", "webm": "libvpx-vp9"}


@cache
def video(
    form: str,
    frames: int = 12,
    rate: int = 24,
    size: tuple[int, int] = (64, 48),
    *,
    sound: bool = False,
    pixels: str = "",
    options: tuple[tuple[str, str], ...] = (),
    seed: int | None = None,
) -> bytes:
    """A video with a shape that moves, or with noise; `options` are the container's."""
    file = io.BytesIO()
    random = np.random.default_rng(seed)
    with av.open(file, "w", format=form, options=dict(options)) as container:
        stream: Any = container.add_stream(CODECS[form], rate=rate)
        stream.width, stream.height = size
        if form == "webm":
            stream.options = {"deadline": "realtime", "cpu-used": "8"}
        stream.pix_fmt = pixels or ("yuv422p10le" if form == "mov" else "yuv420p")
        tone: Any = container.add_stream("libopus" if form == "webm" else "aac", rate=48_000) if sound else None
        for number in range(frames):
            picture = (
                np.zeros((size[1], size[0], 3), np.uint8) if seed is None else random.integers(0, 256, (size[1], size[0], 3), np.uint8)
            )
            picture[4:12, 2 * number % size[0] :] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
        if tone is not None:
            _add_tone(container, tone, frames / rate)
    return file.getvalue()


@cache
def sound_only(form: str) -> bytes:
    """A second of a tone in the container of a video."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        tone = container.add_stream("libopus" if form == "webm" else "aac", rate=48_000)
        _add_tone(container, tone, 1)
    return file.getvalue()


def _add_tone(container: Any, stream: Any, seconds: float) -> None:
    samples = (0.2 * np.sin(np.arange(int(48_000 * seconds)) / 17)).astype(np.float32)
    for start in range(0, len(samples), 960):
        frame = av.AudioFrame.from_ndarray(np.tile(samples[start : start + 960], (2, 1)), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
