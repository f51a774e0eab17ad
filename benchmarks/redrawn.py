"""Memory and time of redrawing long PDFs: `python -m benchmarks.redrawn KIND PAGES TRITON` measures one, in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pypdfium2
from reportlab.lib.colors import Color
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from benchmarks.alone import process
from benchmarks.peak import reset_peak, status
from benchmarks.programs import answer
from benchmarks.table import Section
from darkroom.operations.v1 import operation_pb2, redraw_pdf_pb2
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.models import Models
from services.inference.contract.step import DocumentLimits, Tools
from services.inference.media import Limits, configure_libvips
from services.inference.model_server.triton import Patience, connect
from services.inference.pdf import isolated as isolated_pdf
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.registry import Registry
from services.inference.pipeline.run import Source
from services.inference.redraw import pages as redraw_pages
from services.inference.redraw import rebuild
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox

if TYPE_CHECKING:  # the process that is measured needs no stack
    from deploy.local.scratch.stack import ScratchStack

_CASES = (("scan", 60), ("scan", 240), ("scan", 500), ("drawn", 240))
_WIDTH, _HEIGHT = 144.0, 108.0  # points: a scan of 300 x 225 pixels at 150 dpi
_DPI = 150.0
_EVERY_SECONDS = 0.02
_RESOURCES = SandboxLimits(memory_bytes=2 << 30, cpu_seconds=600, wall_seconds=600)
_LIMITS = Limits(400)


async def measure(stack: ScratchStack) -> Section:
    """Documents of several lengths; only the model server of the stack is involved."""
    section = Section(
        "Redrawing long PDFs",
        "Mode `ai` as the worker runs it, networks in Triton, on documents of small pages. *Scan*: 300 × 225 pixels, two lines under a "
        "tiled mark, all redrawn and read. *Drawn*: the same as drawing operations, from which the mark is cut, so that pages are looked "
        "at and stay. *Worker*: the most that its process had, beside what it had after a document of three pages. *Child*: the most that "
        "one of the processes had that parse, draw and put together the document, libraries included. *Processor*: of all of them, a page, "
        "without the networks.",
        ("pages", "number", "redrawn", "time", "processor, a page", "worker", "child", "file before", "after"),
    )
    for kind, pages in _CASES:
        section.rows.append(_row(kind, pages, await answer("benchmarks.redrawn", kind, str(pages), stack.triton_address)))
        print(*section.rows[-1], file=sys.stderr)
    section.remarks = f"Load average at the end: {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores."
    return section


def _row(kind: str, pages: int, taken: dict[str, float]) -> list[str]:
    megabytes = [f"{taken[name] / 2**20:,.0f} MiB" for name in ("worker", "child")]
    sizes = [f"{taken[name] / 2**20:,.1f} MiB" for name in ("before", "after")]
    return [
        kind,
        str(pages),
        f"{taken['redrawn']:.0f}",
        f"{taken['seconds']:.0f} s",
        f"{taken['processor'] / pages:.2f} s",
        *megabytes,
        *sizes,
    ]


async def _one(kind: str, pages: int, triton_address: str) -> dict[str, float]:
    configure_libvips(len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, source = (Source("pages.pdf", folder / f"{count}.pdf", count) for count in (3, pages))
        for each in (small, source):
            await asyncio.to_thread(_draw, each.path, each.pages, kind == "scan")
        async with (
            Sandbox(preload=[module.__name__ for module in (isolated_pdf, redraw_pages, rebuild)], limits=_RESOURCES) as sandbox,
            connect(triton_address, Patience(60, 300, 600), 64 << 20) as triton,
        ):
            tools = Tools(
                triton=triton,
                sandbox=sandbox,
                models=Models("isnet", "ppocr_det", {}, 256, reading="ppocr_rec"),
                picture_limits=_LIMITS,
                picture_resources=_RESOURCES,
                result_limits=_LIMITS,
                memory=MemoryBudget(64 << 30),
                documents=DocumentLimits(2 << 30, 600, 30),
            )
            pipeline = Pipeline(
                tools, Registry().bind([operation_pb2.Operation(redraw_pdf=redraw_pdf_pb2.RedrawPdf(report=True))]), 1 << 30
            )
            # The first pages trigger imports and start threads, so they are not measured.
            (folder / "first").mkdir()
            await process(pipeline, small, folder / "first")
            (folder / "work").mkdir()
            before, processor, begun = reset_peak(), _processor_seconds(), time.perf_counter()
            with _watched() as children:
                result = await process(pipeline, source, folder / "work")
            assert result is not None
            assert isinstance(result.content, Path)
            report = json.loads(result.attachments[0].content)  # type: ignore[arg-type]
            return {
                "redrawn": len(report["redrawn_pages"]),
                "seconds": time.perf_counter() - begun,
                "processor": _processor_seconds() - processor,
                "worker": status("VmHWM") - before,
                "child": max(children),
                "before": source.path.stat().st_size,
                "after": result.content.stat().st_size,
            }


@contextmanager
def _watched() -> Iterator[list[int]]:
    """The peak resident memory of the processes forked by the sandbox, sampled repeatedly."""
    seen, ended = [0], threading.Event()

    (nursery,) = psutil.Process().children()
    listed = Path(f"/proc/{nursery.pid}/task/{nursery.pid}/children")

    def look() -> None:
        while not ended.wait(_EVERY_SECONDS):
            for child in listed.read_text().split():
                with suppress(OSError, AssertionError):  # it has just ended
                    seen[0] = max(seen[0], status("VmHWM", child))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _processor_seconds() -> float:
    """CPU seconds of this process, and of those that it started, including their ended children."""
    me = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in (me, *me.children(recursive=True)))


def _draw(target: Path, pages: int, scanned: bool) -> None:
    canvas = Canvas(str(target), pagesize=(_WIDTH, _HEIGHT))
    for page in range(pages):
        if scanned:
            single = io.BytesIO()
            drawn = Canvas(single, pagesize=(_WIDTH, _HEIGHT))
            _draw_page(drawn, page)
            drawn.save()
            with pypdfium2.PdfDocument(single.getvalue()) as document:
                picture = document[0].render(scale=_DPI / 72).to_pil().convert("RGB")
            jpeg = io.BytesIO()
            picture.save(jpeg, "JPEG", quality=85)
            canvas.drawImage(ImageReader(jpeg), 0, 0, _WIDTH, _HEIGHT)
        else:
            _draw_page(canvas, page)
        canvas.showPage()
    canvas.save()


def _draw_page(canvas: Canvas, page: int) -> None:
    canvas.setFont("Helvetica", 9)
    for line in range(2):
        canvas.drawString(10, 80 - 40 * line, f"{page}.{line} The report says that all is well.")
    canvas.setFillColor(Color(0.2, 0.2, 0.8, alpha=0.2))
    canvas.setFont("Helvetica", 11)
    for row in range(7):
        for column in range(6):
            canvas.saveState()
            canvas.translate(36 * column - 30 + 18 * (row % 2), 20 * row - 10)
            canvas.rotate(30)
            canvas.drawString(0, 0, "COPY")
            canvas.restoreState()


def main() -> None:
    """One document."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.redrawn")
    parser.add_argument("kind", choices=("scan", "drawn"))
    parser.add_argument("pages", type=int)
    parser.add_argument("triton", help="host:port")
    options = parser.parse_args()
    json.dump(asyncio.run(_one(options.kind, options.pages, options.triton)), sys.stdout)


if __name__ == "__main__":
    main()
