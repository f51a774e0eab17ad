"""The modules of child processes that read and write animations and videos, by name: the worker does without what they import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_HERE = "services.inference.moving"
ON_DEMAND: Mapping[str, Sequence[str]] = {
    f"{_HERE}.reading.animation_child": (
        f"{_HERE}.reading.animation_child",
        *(f"PIL.{name}" for name in ("AvifImagePlugin", "WebPImagePlugin")),
        "cv2",
    ),
    f"{_HERE}.writing.animation_writing": (f"{_HERE}.writing.animation_writing",),
    f"{_HERE}.reading.video_child": (f"{_HERE}.reading.video_child", f"{_HERE}.reading.video_colour", "av.sidedata.sidedata"),
    f"{_HERE}.writing.video_writing": (f"{_HERE}.writing.video_writing", "av"),
    f"{_HERE}.writing.joining": (f"{_HERE}.writing.joining", "av"),
}
"""For `Sandbox`: what the functions of each module need. FFmpeg's libraries take 35 MiB, until there is a video."""
