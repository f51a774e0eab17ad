"""Short animations and videos made by tests, and looks at those that came back."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image, ImageSequence

from tests.system.pictures import disc, encoded

_RATE = 10
_CODECS = {"mp4": ("libx264", "yuv420p"), "mov": ("libx264", "yuv420p"), "webm": ("libvpx-vp9", "yuv420p")}


@dataclass(frozen=True, slots=True)
class Moving:
    """What is in an animation or a video."""

    frames: int
    width: int
    height: int


def pictures(count: int, width: int = 160, height: int = 120) -> list[Image.Image]:
    """A red disc that moves to the right, a tenth of the width in all."""
    still = np.asarray(disc(width, height))
    return [Image.fromarray(np.roll(still, number * width // (10 * count), axis=1)) for number in range(count)]


def animation(format_: str = "GIF", count: int = 6) -> bytes:
    """An animation of so many frames, a tenth of a second each."""
    first, *others = pictures(count)
    return encoded(first, format_, save_all=True, append_images=others, duration=1000 // _RATE, loop=0)


def video(format_: str = "mp4", count: int = 6) -> bytes:
    """A video of so many frames, without sound."""
    file = io.BytesIO()
    codec, samples = _CODECS[format_]
    with av.open(file, "w", format=format_) as out:
        stream = out.add_stream(codec, rate=_RATE)
        assert isinstance(stream, VideoStream)
        first, *_ = frames = pictures(count)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = first.width, first.height, samples, Fraction(1, _RATE)
        for picture in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")))
        out.mux(stream.encode())
    return file.getvalue()


def looked_at(content: bytes) -> Moving:
    """An animation that Pillow reads, or a video."""
    if content[4:8] == b"ftyp" or content.startswith(b"\x1aE\xdf\xa3"):
        with av.open(io.BytesIO(content), "r") as container:
            frames = list(container.decode(video=0))
        return Moving(len(frames), frames[0].width, frames[0].height)
    picture = Image.open(io.BytesIO(content))
    return Moving(sum(1 for _ in ImageSequence.Iterator(picture)), picture.width, picture.height)
