"""Animations and videos for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.uint8]
RATE = 25


def picture(number: int, width: int = 64, height: int = 48) -> Samples:
    """Soft colours and a red square that moves, each frame another."""
    y, x = np.mgrid[:height, :width]
    made = np.stack([x * 200 // width + 20, y * 200 // height + 20, np.full_like(x, (20 + number * 12) % 230)], -1).astype(np.uint8)
    made[8:20, 4 + number * 3 : 16 + number * 3] = 220, 30, 30
    return made


def see_through(number: int, width: int = 64, height: int = 48) -> Samples:
    """The alpha of a disk that moves, with a soft edge."""
    y, x = np.mgrid[:height, :width]
    return np.clip((14 - np.hypot(x - 20 - 2 * number, y - 24)) * 60, 0, 255).astype(np.uint8)


def video(
    path: Path,
    codec: str = "libx264",
    *,
    frames: Sequence[Samples] = (),
    samples: str = "yuv420p",
    times: Sequence[int] | None = None,
    sound: str | None = None,
    options: Mapping[str, str] | None = None,
    stream: Mapping[str, Any] | None = None,
    matrix: int = 5,
    full: bool = False,
    more_streams: int = 0,
) -> Path:
    """Write a video. `times` are those of frames in milliseconds. `stream` sets attributes of the stream, or of its codec."""
    with av.open(str(path), "w") as out:
        frames = frames or [picture(number) for number in range(6)]
        height, width = frames[0].shape[:2]
        streams: list[Any] = [out.add_stream(codec, rate=RATE, options=dict(options or {})) for _ in range(1 + more_streams)]
        for made in streams:
            made.width, made.height, made.pix_fmt = width, height, samples
            made.codec_context.time_base = Fraction(1, 1000)
            for name, value in (stream or {}).items():
                setattr(made.codec_context, name, value)
        track: Any = out.add_stream(sound, rate=48_000) if sound else None
        for number, content in enumerate(frames):
            layout = "rgba" if content.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(content), layout).reformat(
                format=samples, dst_colorspace=matrix, src_color_range=2, dst_color_range=2 if full else 1, threads=1
            )
            frame.time_base = Fraction(1, 1000)
            frame.pts = times[number] if times else number * 1000 // RATE
            for made in streams:
                out.mux(made.encode(frame))
        for made in streams:
            out.mux(made.encode())
        if track is not None:
            seconds = (times[-1] / 1000 if times else len(frames) / RATE) + 0.2
            _write_tone(out, track, seconds)
    return path


def _write_tone(out: Any, track: Any, seconds: float) -> None:
    context = track.codec_context
    tone = (0.3 * np.sin(np.arange(round(seconds * 48_000)) / 20)).astype(np.float32)
    whole = av.AudioFrame.from_ndarray(tone[None], format="flt", layout="mono")
    whole.sample_rate, whole.pts, whole.time_base = 48_000, 0, Fraction(1, 48_000)
    resampler = av.AudioResampler(context.format, context.layout, 48_000, context.frame_size or None)
    for frame in [*resampler.resample(whole), *resampler.resample(None)]:
        out.mux(track.encode(frame))
    out.mux(track.encode())
