"""The script that a user would run instead of a task on a video: `python -m benchmarks.video_loop JOB SOURCE TARGET`.

A plain script: PyAV with FFmpeg's filters and encoders, with the options that the worker gives them; Pillow for an animated WebP; the same
ONNX models in this process, frame after frame. It prints the seconds that took, without imports and loading of a model, and its peak memory
in bytes, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.video.stream import VideoStream
from PIL import Image as PillowImage
from PIL import ImageSequence

from benchmarks import onnx_models, picture_loop
from benchmarks.peak import status
from services.inference.matting import matting
from services.inference.media import Image

Pixels = npt.NDArray[np.uint8]

_H264 = {"crf": "20", "preset": "fast"}
_VP9 = {"crf": "32", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
_THREADS = 2
_WEBP_QUALITY = 75


def transcode(source: Path, target: Path, filters: tuple[tuple[str, str], ...] = ()) -> None:
    """A video or an animation through FFmpeg's filters."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        taken = read.streams.video[0]
        taken.thread_type = "AUTO"
        graph = Graph()
        last = graph.add_buffer(template=taken)
        for name, options in (*filters, ("format", "yuv420p"), ("buffersink", "")):
            following = graph.add(name, options) if options else graph.add(name)
            last.link_to(following)
            last = following
        graph.configure()
        made: VideoStream | None = None
        for frame in read.decode(taken):
            graph.push(frame)
            pulled = graph.pull()
            assert isinstance(pulled, av.VideoFrame)
            if made is None:
                made = _stream(written, target, pulled.width, pulled.height)
                made.time_base = pulled.time_base
            written.mux(made.encode(pulled))
        assert made is not None
        written.mux(made.encode())


def as_webp(source: Path, target: Path) -> None:
    """An animation as a WebP."""
    with PillowImage.open(source) as animation:
        first, *others = (frame.convert("RGBA") for frame in ImageSequence.Iterator(animation))
        duration = animation.info["duration"]
    first.save(target, save_all=True, append_images=others, duration=duration, quality=_WEBP_QUALITY)


def by_frame(source: Path, target: Path, change: Callable[[Pixels], Pixels]) -> None:
    """Each frame by itself."""
    with av.open(str(target), "w") as written:
        made: VideoStream | None = None
        for frame in _frames(source):
            changed = change(frame)
            if made is None:
                alpha = changed.shape[2] == 4
                made = _stream(written, target, changed.shape[1], changed.shape[0], "yuva420p" if alpha else "yuv420p")
            written.mux(made.encode(av.VideoFrame.from_ndarray(changed, format="rgba" if changed.shape[2] == 4 else "rgb24")))
        assert made is not None
        written.mux(made.encode())


def cut_out(pixels: Pixels) -> Pixels:
    """The frame with the network's alpha, enlarged, as by rembg."""
    coarse = onnx_models.run("isnet", matting.model_input(Image(pixels)), _THREADS, spinning=False)[0, ..., 0]
    return np.dstack([pixels, cv2.resize(coarse, pixels.shape[1::-1], interpolation=cv2.INTER_LANCZOS4)])


def enlarged(pixels: Pixels) -> Pixels:
    """The frame, twice as large."""
    with tempfile.TemporaryDirectory() as folder:
        return np.asarray(asyncio.run(picture_loop.run("upscale", Image(pixels), Path(folder), _THREADS)).pixels, np.uint8)


JOBS: dict[str, Callable[[Path, Path], None]] = {
    "resize": lambda source, target: transcode(source, target, (("scale", "iw/2:ih/2"),)),
    "rotate": lambda source, target: transcode(source, target, (("transpose", "clock"),)),
    "GIF to WebP": as_webp,
    "GIF to MP4": transcode,
    "MP4 to WebM": transcode,
    "remove_background": lambda source, target: by_frame(source, target, cut_out),
    "upscale": lambda source, target: by_frame(source, target, enlarged),
}


def _frames(source: Path) -> Iterator[Pixels]:
    with av.open(str(source)) as read:
        for frame in read.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _stream(written: av.container.OutputContainer, target: Path, width: int, height: int, samples: str = "yuv420p") -> VideoStream:
    codec, options = ("libvpx-vp9", _VP9 | {"auto-alt-ref": "0"}) if target.suffix == ".webm" else ("libx264", _H264)
    stream = written.add_stream(codec, rate=25, options=options)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = width, height, samples
    stream.codec_context.thread_count = _THREADS
    return stream


def main() -> None:
    """Do one job."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.video_loop")
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    if options.job in picture_loop.MODELS:
        onnx_models.session(picture_loop.MODELS[options.job], _THREADS, spinning=False)
    begun = time.perf_counter()
    JOBS[options.job](options.source, options.target)
    print(json.dumps({"seconds": time.perf_counter() - begun, "memory": status("VmHWM")}))


if __name__ == "__main__":
    main()
