"""Memory that a worker's process uses for one picture, compared with what it reserves for it: `python -m benchmarks.needs CASE TRITON`
measures one case."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from benchmarks.alone import needed
from benchmarks.programs import answer
from benchmarks.table import Section
from darkroom.operations.v1 import operation_pb2
from deploy.local.scratch.stack import ScratchStack
from deploy.local.scratch.triton import install, running
from services.inference.contract.models import Models
from services.inference.media import Effort, Image, Limits, Pixels, Saving, encode

_PHOTO = Path(__file__).resolve().parent.parent / "samples" / "portrait.jpg"
_LIMITS = Limits(400)


@dataclass(frozen=True, slots=True)
class _Case:
    """An operation, and a picture for it."""

    operation: Mapping[str, Any]
    width: int
    height: int
    wide: bool = False
    alpha: bool = False
    gray: bool = False
    says: str = ""


_CUT: Mapping[str, Any] = {"remove_background": {}}
_BOX = {"x1": 60, "y1": 80, "x2": 95, "y2": 95}
_CASES: Mapping[str, _Case] = {
    "cutout": _Case(_CUT, 4000, 3000),
    "cutout-24": _Case(_CUT, 6000, 4000),
    "cutout-gray": _Case(_CUT, 6000, 4000, gray=True),
    "cutout-wishes": _Case(
        {"remove_background": {"keep_shadow": True, "trim": True, "background_color": "#FFFFFF"}}, 4000, 3000, says="shadow, trim, colour"
    ),
    "cutout-wide-alpha": _Case(_CUT, 4000, 3000, wide=True, alpha=True),
    "watermark": _Case({"remove_watermark": {}}, 1600, 1200, says="looked for"),
    "watermark-box": _Case({"remove_watermark": {"boxes": [_BOX]}}, 4000, 3000, says="in a box"),
    "watermark-wide-alpha": _Case({"remove_watermark": {"boxes": [_BOX]}}, 4000, 3000, wide=True, alpha=True, says="in a box"),
    "upscale": _Case({"upscale": {"factor": 2}}, 4000, 3000),
    "upscale-enhanced": _Case(
        {"upscale": {"factor": 2, "enhancements": ["ENHANCEMENT_QUALITY", "ENHANCEMENT_TEXT"]}}, 2000, 1500, says="quality, text"
    ),
    "upscale-wide-alpha": _Case({"upscale": {"factor": 2}}, 4000, 3000, wide=True, alpha=True),
    "upscale-100": _Case({"upscale": {"factor": 2}}, 5774, 4330, says="100 megapixels out"),
    "upscale-8": _Case({"upscale": {"factor": 8}}, 1444, 1083, says="100 megapixels out"),
    "enhance-100": _Case({"enhance_picture": {"intensity": 100}}, 11547, 8660),
    "carve-100": _Case({"carve_seams": {"width": 9000}}, 11547, 8660),
    "crop-100": _Case({"smart_crop": {"width": 900, "height": 900, "faces": "FACE_FRAME_CLOSE_UP"}}, 11547, 8660),
}


async def measure(_stack: ScratchStack) -> Section:
    """Every case in a process of its own."""
    section = Section(
        "Memory of one picture",
        "The worker's pipeline (decoding, operation, encoding) on one picture, in a process of its own, with networks of a few nodes "
        "(`--set tiny`): they run in Triton, which is not counted, and neither is the child that decodes. *Peak*: the resident memory of "
        "the process at its highest, beyond what it had before; mapped files, which the system can take back, are in it. *Reserved*: what "
        "`memory_needs.py` takes out of `DARKROOM_MEMORY_BYTES`.",
        ("operation", "picture", "samples", "peak", "times the samples", "reserved"),
    )
    with tempfile.TemporaryDirectory() as folder:
        repository = await asyncio.to_thread(install, Path(folder) / "models", "--set", "tiny")
        with running(repository, Path(folder) / "triton.log") as server:
            for name, case in _CASES.items():
                section.rows.append(_row(case, **await answer("benchmarks.needs", name, server.address)))
                print(*section.rows[-1], file=sys.stderr)
    return section


def _row(case: _Case, samples: int, peak: int, reserved: int) -> list[str]:
    ((operation, options),) = case.operation.items()
    what = f"{operation}{' by ' + str(options['factor']) if 'factor' in options else ''}{', ' + case.says if case.says else ''}"
    kind = f"{case.width} × {case.height}, {16 if case.wide else 8} bits{', gray' if case.gray else ''}{', alpha' if case.alpha else ''}"
    sizes = [f"{size / 2**20:,.0f} MiB" for size in (samples, peak, reserved)]
    return [what, kind, *sizes[:2], f"{peak / samples:.1f}", sizes[2]]


async def _one(case: _Case, triton_address: str) -> dict[str, int]:
    def draw(small: bool, target: Path) -> None:
        _draw(_Case({}, 300, 200) if small else case, target)

    factors = {factor: f"realesr_animevideov3_x{factor}" for factor in (2, 3, 4)}
    models = Models("isnet", "ppocr_det", factors, 256, upscale_batch=4)
    took = await needed(operation_pb2.Operation(**case.operation), triton_address, models, _LIMITS, draw, None)
    return {"samples": took.samples, "peak": took.peak, "reserved": took.reserved_bytes}


def _draw(case: _Case, target: Path) -> None:
    """The sample photograph at the size of the case."""
    with PillowImage.open(_PHOTO) as photo:
        drawn = photo.convert("L" if case.gray else "RGB").resize((case.width, case.height), PillowImage.Resampling.BICUBIC)
    pixels = np.asarray(drawn).reshape(case.height, case.width, -1)
    samples: Pixels = pixels.astype(np.uint16) * np.uint16(257) if case.wide else pixels
    alpha = np.full(samples.shape[:2], np.iinfo(samples.dtype).max, samples.dtype) if case.alpha else None
    if alpha is not None:
        # Only a small area: a picture that is already a cut-out is left alone.
        alpha[:8, :8] = 0
    target.write_bytes(encode(Image(samples, alpha), Saving(effort=Effort.LITTLE)))


def main() -> None:
    """One case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.needs")
    parser.add_argument("case", choices=_CASES)
    parser.add_argument("triton", help="host:port")
    options = parser.parse_args()
    json.dump(asyncio.run(_one(_CASES[options.case], options.triton)), sys.stdout)


if __name__ == "__main__":
    main()
