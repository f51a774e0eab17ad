"""Memory and time of the operations with models on 12 megapixels: `python -m benchmarks.needs_of_models CASE TRITON` measures one case."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from google.protobuf import json_format
from PIL import Image as PillowImage

from benchmarks.alone import needed
from benchmarks.programs import answer
from benchmarks.table import Section
from darkroom.operations.v1 import operation_pb2
from deploy.local.scratch.stack import ScratchStack
from deploy.local.scratch.triton import install, running
from models.building import build_tiny_files
from models.catalogue import load_catalogue
from models.contract import COLORIZE_SIDE
from services.inference.contract.models import Models
from services.inference.media import Effort, Image, Limits, Saving, encode

Pixels8 = npt.NDArray[np.uint8]

_PHOTO = Path(__file__).resolve().parent.parent / "samples" / "portrait.jpg"
_LIMITS = Limits(100)
_MODELS = Models(
    "isnet",
    "ppocr_det",
    {factor: f"realesr_animevideov3_x{factor}" for factor in (2, 3, 4)},
    256,
    upscale_batch=4,
    upscale_fine="realesrgan_x4plus",
    upscale_face_megapixels=0.3,
    reading="ppocr_rec",
    denoise_megapixels=1.0,
)
_WIDTH, _HEIGHT = 4000, 3000
_LONGEST_SECONDS = 300
"""Of a case; one that takes longer is stopped."""
_BESIDE = 7
"""Id of the auxiliary file."""


def _portrait(width: int, height: int) -> Pixels8:
    with PillowImage.open(_PHOTO) as photo:
        return np.asarray(photo.convert("RGB").resize((width, height), PillowImage.Resampling.BICUBIC))


def _group(width: int, height: int) -> Pixels8:
    """Twelve times the portrait."""
    return np.tile(_portrait(width // 4, height // 3), (3, 4, 1))


def _noisy(width: int, height: int) -> Pixels8:
    noise = np.random.default_rng(1).normal(0, 15, (height, width, 1)).astype(np.float32)
    return np.asarray(np.clip(_portrait(width, height) + noise, 0, 255), np.uint8)


def _text(width: int, height: int) -> Pixels8:
    """Forty lines on a page."""
    page = np.full((height, width, 3), 245, np.uint8)
    for line in range(40):
        text = f"{line:02d} The quick brown fox jumps over the lazy dog, five times."
        cv2.putText(
            page, text, (width // 20, (line + 1) * height // 42), cv2.FONT_HERSHEY_SIMPLEX, height / 1500, (30, 30, 30), 3, cv2.LINE_AA
        )
    return page


def _scratched(width: int, height: int) -> Pixels8:
    """Gray, with noise and thirty white lines."""
    gray = np.repeat(_noisy(width, height)[..., 1:2], 3, axis=2)
    generator = np.random.default_rng(2)
    for _ in range(30):
        start, end = (tuple(int(each) for each in generator.uniform((0, 0), (width, height))) for _ in range(2))
        cv2.line(gray, start, end, (245, 245, 245), 4, cv2.LINE_AA)
    return gray


def _checkered(width: int, height: int) -> Pixels8:
    """The middle of the portrait on a painted checkerboard."""
    rows, columns = np.indices((height, width)) // 32
    board = np.where((rows + columns) % 2, 255, 204).astype(np.uint8)[..., None].repeat(3, axis=2)
    cv2.ellipse(shape := np.zeros((height, width), np.uint8), (width // 2, height // 2), (width // 3, height // 3), 0, 0, 360, 1, -1)
    return np.where(shape[..., None] > 0, _portrait(width, height), board)


def _mask(width: int, height: int) -> Pixels8:
    """Five thick lines and two spots, a tenth of the picture."""
    mask = np.zeros((height, width), np.uint8)
    for number in range(5):
        cv2.line(mask, (0, (number + 1) * height // 6), (width, number * height // 6), 255, height // 60)
    for centre in ((width // 3, height // 2), (2 * width // 3, height // 3)):
        cv2.circle(mask, centre, height // 12, 255, -1)
    return mask[..., None]


_LOOKS = {each.__name__.strip("_"): each for each in (_portrait, _group, _noisy, _text, _scratched, _checkered, _mask)}


@dataclass(frozen=True, slots=True)
class _Case:
    """An operation, and what it is given."""

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    look: str = "portrait"
    beside: str = ""
    """The look of an auxiliary file."""
    says: str = ""


_CASES: Mapping[str, _Case] = {
    "remove_background": _Case("remove_background"),
    "effects": _Case(
        "remove_background",
        {"background_color": "#FFFFFF", "effects": {"shadow": 50}, "keep_original": True},
        says="shadow, colour, the original beside it",
    ),
    "blur": _Case("remove_background", {"effects": {"blur": 60}}, says="blur behind"),
    "fix_transparency": _Case("fix_transparency", look="checkered", says="a checkerboard"),
    "fix_transparency-any": _Case("fix_transparency", says="any picture"),
    "upscale": _Case("upscale", {"factor": 2}, says="by 2"),
    "enhance_faces": _Case("enhance_faces", look="group", says="twelve faces"),
    "enhance_faces-large": _Case("enhance_faces", says="one large face"),
    "read_text": _Case("read_text", look="text", says="forty lines"),
    "erase": _Case("erase", {"mask_file_id": _BESIDE}, beside="mask", says="a tenth of the picture, with patches"),
    "blur_faces": _Case("blur_faces", look="group", says="twelve faces"),
    "fix_red_eyes": _Case("fix_red_eyes", look="group", says="twelve faces"),
    **{
        f"remove_noise-{tier}": _Case("remove_noise", {"tier": f"NOISE_TIER_{tier.upper()}"}, look="noisy", says=tier)
        for tier in ("quick", "balanced", "quality", "maximum")
    },
    "restore_photo": _Case("restore_photo", look="scratched", says="thirty scratches, noise, a face"),
    "passport_photo": _Case("passport_photo", {"country_code": "DE", "print_layout": "PRINT_LAYOUT_A4"}, says="and a sheet of A4"),
    "inspect_portrait": _Case("inspect_portrait"),
    "colorize": _Case("colorize", says="a network of a few nodes"),
}


async def measure(_stack: ScratchStack) -> Section:
    """Every case in a process of its own."""
    section = Section(
        "Operations with models on 12 megapixels",
        f"The worker's pipeline (decoding, operation, encoding) on one picture of {_WIDTH} × {_HEIGHT} pixels, 8 bits, in a process of its "
        "own, with the networks of the default set in Triton. *Peak*: the resident memory of the process at its highest, beyond what it "
        "had before; Triton and the child that decodes are not counted. *Reserved*: what `memory_needs.py` takes out of "
        "`DARKROOM_MEMORY_BYTES`. *Time* is that of one picture alone, networks on the CPU included; one that takes over "
        f"{_LONGEST_SECONDS} s is stopped.",
        ("operation", "with", "peak", "reserved", "time"),
    )
    with tempfile.TemporaryDirectory() as folder:
        repository = await asyncio.to_thread(install, Path(folder) / "models", "--set", "default")
        _add_colours(repository)
        with running(repository, Path(folder) / "triton.log") as server:
            for name, case in _CASES.items():
                try:
                    async with asyncio.timeout(_LONGEST_SECONDS):
                        row = _row(case, **await answer("benchmarks.needs_of_models", name, server.address))
                except TimeoutError:
                    row = [case.operation, case.says, "", "", f"over {_LONGEST_SECONDS} s"]
                section.rows.append(row)
                print(*section.rows[-1], file=sys.stderr)
    return section


def _row(case: _Case, peak: int, reserved: int, seconds: float) -> list[str]:
    sizes = [f"{size / 2**20:,.0f} MiB" for size in (peak, reserved)]
    return [case.operation, case.says, *sizes, f"{seconds:.1f} s"]


async def _one(case: _Case, triton_address: str) -> dict[str, float]:
    def draw(small: bool, target: Path) -> None:
        _draw(case.look, *((400, 300) if small else (_WIDTH, _HEIGHT)), target)

    operation = json_format.ParseDict({case.operation: case.parameters}, operation_pb2.Operation())
    with tempfile.TemporaryDirectory() as folder:
        beside = None
        if case.beside:
            beside = Path(folder) / "beside.png"
            await asyncio.to_thread(_draw, case.beside, _WIDTH, _HEIGHT, beside)
        took = await needed(operation, triton_address, _MODELS, _LIMITS, draw, beside)
    return {"peak": took.peak, "reserved": took.reserved_bytes, "seconds": took.seconds}


def _add_colours(repository: Path) -> None:
    """The tiny network that gives colours, since no package holds a trained one."""
    model = load_catalogue().models["isnet"].model_copy(update={"job": "colorize", "size": (COLORIZE_SIDE, COLORIZE_SIDE)})
    for path, content in build_tiny_files("ddcolor", model, "cpu", threads=1, instances=1).items():
        file = repository / "ddcolor" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _draw(look: str, width: int, height: int, target: Path) -> None:
    target.write_bytes(encode(Image(_LOOKS[look](width, height)), Saving(effort=Effort.LITTLE)))


def main() -> None:
    """One case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.needs_of_models")
    parser.add_argument("case", choices=_CASES)
    parser.add_argument("triton", help="host:port")
    options = parser.parse_args()
    json.dump(asyncio.run(_one(_CASES[options.case], options.triton)), sys.stdout)


if __name__ == "__main__":
    main()
