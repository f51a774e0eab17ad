"""The one picture that is made smaller in several benchmarks, as a call of libvips with nothing around it, and as a child's job."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pyvips

from benchmarks.libvips_tools import TOOLS
from benchmarks.load import form
from services.inference.media import configure_libvips

SIZE, WIDTH, QUALITY = (1632, 1224), 800, 80


def draw_photo() -> bytes:
    """A JPEG file of `SIZE`: the two sample photographs side by side."""
    from benchmarks import large  # A child of a sandbox imports this module.

    with tempfile.TemporaryDirectory() as folder:
        large.draw(Path(folder) / "photo.jpg", SIZE)
        return (Path(folder) / "photo.jpg").read_bytes()


def resize_form(picture: bytes) -> bytes:
    """The form that asks for it."""
    output = {"format": {"type": "jpeg", "quality": QUALITY, "progressive": False}}
    edit = json.dumps({"operations": {"resizing": {"width": WIDTH}}, "output": output})
    return form(("data", "", edit.encode()), ("file", "photo.jpg", picture))


def shrink(picture: bytes) -> bytes:
    """The picture, `WIDTH` wide, as a baseline JPEG."""
    opened = pyvips.Image.jpegload_buffer(picture, access="sequential", fail_on="error")
    made = opened.resize(WIDTH / opened.width, kernel="lanczos3")
    return bytes(made.write_to_buffer(".jpg", Q=QUALITY, optimize_coding=True, keep="none"))


def edit_file(source: int, target: int, tool: str) -> int:
    """The same from one open file to another, or the work of this tool if it is not empty. Returns the bytes of the result."""
    configure_libvips(1)
    picture = os.pread(source, os.fstat(source).st_size, 0)
    return os.pwrite(target, TOOLS[tool].run(picture, "jpg") if tool else shrink(picture), 0)
