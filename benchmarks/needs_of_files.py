"""Memory that the child uses which works on files of 100 megapixels as they are, compared with what is reserved for it:
`python -m benchmarks.needs_of_files OPERATION` measures one operation."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from benchmarks.peak import reset_peak, status
from benchmarks.programs import answer
from benchmarks.table import Section
from darkroom.operations.v1 import operation_pb2
from deploy.local.scratch.stack import ScratchStack
from services.inference.media import SVG_DPI, Limits, read_header
from services.inference.pipeline import file_child
from services.inference.pipeline.memory_needs import ALWAYS, needed_memory
from services.inference.pipeline.registry import Registry
from services.pictures.operations import Arity, spec_of

_PHOTO = Path(__file__).resolve().parent.parent / "samples" / "portrait.jpg"
_SIZE, _SMALL = (11547, 8660), (300, 200)
_LIMITS = Limits(400)
_CASES: Mapping[str, Mapping[str, Any]] = {
    "compare": {},
    "stitch": {},
    "collage": {"template": "COLLAGE_TEMPLATE_2_H_EQUAL"},
    "read_barcodes": {},
    "edit_animation": {"width": 6000},
    "split": {"columns": 3, "rows": 3},
    "make_pdf": {},
    "favicons": {},
    "find_duplicates": {"threshold": 8},
    "vectorize": {"color": True},
    "edit_metadata": {"artist": "Somebody"},
}


async def measure(_stack: ScratchStack) -> Section:
    """Every operation in a process of its own."""
    section = Section(
        "Memory of files of 100 megapixels",
        "What the sandboxed child does, in a process of its own, with JPEGs of 11,547 × 8,660 pixels: one, or two where an operation joins "
        "files. *Peak*: the resident memory of the process at its highest, beyond what it had before. *Reserved*: what is taken out of "
        "`DARKROOM_MEMORY_BYTES` for it.",
        ("operation", "files", "samples", "peak", "reserved"),
    )
    for name in _CASES:
        found = await answer("benchmarks.needs_of_files", name)
        sizes = [f"{found[each] / 2**20:,.0f} MiB" for each in ("samples", "peak", "reserved")]
        section.rows.append([name, str(found["files"]), *sizes])
        print(*section.rows[-1], file=sys.stderr)
    return section


def _one(name: str) -> dict[str, int]:
    chosen: dict[str, Any] = {name: _CASES[name]}
    operation = operation_pb2.Operation(**chosen)
    joins = spec_of(operation).arity is Arity.ALL
    with tempfile.TemporaryDirectory() as folder:
        large, small = ([_drawn(Path(folder) / f"{number}-{size[0]}.jpg", size) for number in range(1 + joins)] for size in (_SIZE, _SMALL))
        # The first files trigger imports, so they are not measured.
        _worked(Path(folder) / "first", operation, small)
        before = reset_peak()
        _worked(Path(folder) / "second", operation, large)
        peak = status("VmHWM") - before
        headers = [read_header(path.read_bytes(), _LIMITS) for path in large]
    [bound] = Registry().bind([operation])
    reserved = ALWAYS + bound.peak_memory(headers) if joins else needed_memory(headers[0], [bound], (), _LIMITS)
    return {"files": len(large), "samples": sum(header.samples_bytes for header in headers), "peak": peak, "reserved": reserved}


def _worked(folder: Path, operation: operation_pb2.Operation, paths: list[Path]) -> None:
    folder.mkdir()
    asked = file_child.FileJob(operation.SerializeToString(), tuple(path.name for path in paths), _LIMITS, _LIMITS, SVG_DPI)
    file_child.apply(folder, asked, *paths, _nothing)


def _nothing(_done: float, _doing: str) -> None:
    """Nobody is told how far it is."""


def _drawn(target: Path, size: tuple[int, int]) -> Path:
    """The sample photograph at this size."""
    with PillowImage.open(_PHOTO) as photo:
        photo.convert("RGB").resize(size, PillowImage.Resampling.BICUBIC).save(target)
    return target


def main() -> None:
    """One operation."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.needs_of_files")
    parser.add_argument("operation", choices=_CASES)
    json.dump(_one(parser.parse_args().operation), sys.stdout)


if __name__ == "__main__":
    main()
