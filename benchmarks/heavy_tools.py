"""The heaviest of the classic tools at the public port, compared with the libraries that somebody would use instead."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from benchmarks import commands, large
from benchmarks.load import FORM, Connection, form, open_connection
from benchmarks.table import Section, milliseconds, percentile
from deploy.local.scratch.stack import ScratchStack

_ROOT = Path(__file__).resolve().parent.parent
_CONTENDER = _ROOT / "benchmarks" / "contenders" / "heavy_tools.py"
_PYTHON = _ROOT / ".venv-bench" / "bin" / "python"
_TIMES, _MOST_SECONDS = 5, 8.0
_PHOTO, _FRAMES, _FRAME = (1632, 1224), 24, (480, 360)
# Of a longer side than 640 pixels, `content-aware-resize` finds seams in a smaller copy, and of more than 500,000 areas of one colour
# `vectorize` traces one. What is run instead does not.
_CARVED, _TRACED = (640, 480), (800, 600)
_GIFSICLE = "gifsicle"
CALLS: Mapping[str, tuple[Sequence[str], Mapping[str, object]]] = {
    "gif-tools": (["animation.gif"], {"mode": "resize", "percentage": 50}),
    "content-aware-resize": (["carved.png"], {"width": round(_CARVED[0] * 0.8)}),
    "vectorize": (
        ["traced.jpg"],
        {"colorMode": "color", "colorPrecision": 6, "layerDifference": 16, "filterSpeckle": 4, "cornerThreshold": 60, "pathMode": "spline"},
    ),
    "pdf-to-image": (["report.pdf"], {"dpi": 150}),
    "collage": ([f"{number}.jpg" for number in range(4)], {"templateId": "4-grid"}),
}
"""Files and settings, by tool."""


async def measure(stack: ScratchStack) -> Section:
    """Each tool, and then each contender."""
    gifsicle = await asyncio.to_thread(commands.find, "Gifsicle", (_GIFSICLE,))
    section = Section(
        "Heavy tools by form",
        f"SnapOtter's tools at the public port, one caller, the median of {_TIMES} calls, fewer where they are slow: the form uploaded, "
        "and the reply, which says where the result is. Both sides take the same file with the same settings, and make a result of the "
        f"same size. `gif-tools` makes an animation of {_FRAMES} frames of {_FRAME[0]} × {_FRAME[1]} half as wide; `content-aware-resize` "
        f"takes a photograph of {_CARVED[0]} × {_CARVED[1]} to 80 % of its width by forward energy, to a PNG; `vectorize` traces one of "
        f"{_TRACED[0]} × {_TRACED[1]} in colours; `pdf-to-image` draws the sample report at 150 dpi; `collage` puts four photographs of "
        f"{_PHOTO[0]} × {_PHOTO[1]} on 2400 × 1800 pixels. *Instead*: a library in a Python process of its own that is already started, "
        f"from file to bytes, without a server; or the program {gifsicle.version if gifsicle else 'gifsicle (not installed here)'}, from "
        "file to file, its start included; it keeps the palettes.",
        ("tool", "here", "instead", "took", "ratio"),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await asyncio.to_thread(_draw, folder)
        others = json.loads(await asyncio.to_thread(_instead, folder))
        async with open_connection(stack.url, {"Authorization": f"Bearer {stack.api_key}"}) as http:
            for tool, (files, settings) in CALLS.items():
                sent = [("file", file, (folder / file).read_bytes()) for file in files]
                body = form(*sent, ("settings", "", json.dumps(settings).encode()))
                mine = await _median(http, tool, body)
                print(tool, milliseconds(mine), file=sys.stderr)
                library, taken = others[tool]
                section.rows.append((f"`{tool}`", milliseconds(mine), library, milliseconds(taken), f"{mine / taken:.2f}"))
                if tool == "gif-tools":
                    section.rows.append((f"`{tool}`", milliseconds(mine), *await asyncio.to_thread(_by_gifsicle, gifsicle, folder, mine)))
    return section


def _by_gifsicle(program: commands.Program | None, folder: Path, mine: float) -> tuple[str, str, str]:
    if program is None:
        return _GIFSICLE, "–", "–"
    half = f"{_FRAME[0] // 2}x{_FRAME[1] // 2}"
    command = (program.path, "--no-warnings", "--resize", half, str(folder / "animation.gif"), "--output", str(folder / "half.gif"))
    taken = percentile(commands.times(command, _TIMES, _MOST_SECONDS), 0.5)
    return _GIFSICLE, milliseconds(taken), f"{mine / taken:.2f}"


def _draw(folder: Path) -> None:
    for name in ("photo.jpg", *(f"{number}.jpg" for number in range(4))):
        large.draw(folder / name, _PHOTO, 90)
    with Image.open(folder / "photo.jpg") as photo:
        photo.resize(_CARVED, Image.Resampling.LANCZOS).save(folder / "carved.png")
        photo.resize(_TRACED, Image.Resampling.LANCZOS).save(folder / "traced.jpg", quality=90)
    (folder / "report.pdf").write_bytes((_ROOT / "samples" / "report.pdf").read_bytes())
    with Image.open(folder / "photo.jpg") as photo:
        small = photo.resize((_FRAME[0] * 2, _FRAME[1]))
    frames = [small.crop((number * 10, 0, number * 10 + _FRAME[0], _FRAME[1])).quantize(128) for number in range(_FRAMES)]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:], duration=80, loop=0)
    (folder / "animation.gif").write_bytes(target.getvalue())


def _instead(folder: Path) -> bytes:
    return subprocess.run([_PYTHON, _CONTENDER, folder], check=True, stdout=subprocess.PIPE).stdout


async def _median(http: Connection, tool: str, body: bytes) -> float:
    await http.request("POST", f"/api/v1/tools/{tool}", body, FORM)
    taken: list[float] = []
    while len(taken) < _TIMES and sum(taken) < _MOST_SECONDS:
        begun = time.perf_counter()
        await http.request("POST", f"/api/v1/tools/{tool}", body, FORM)
        taken.append(time.perf_counter() - begun)
    return percentile(taken, 0.5)
