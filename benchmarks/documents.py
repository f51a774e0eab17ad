"""Time and memory of removing marks from long PDFs: `python -m benchmarks.documents SOURCE TARGET` measures one, in a process of its
own."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pikepdf
from reportlab.lib.colors import Color
from reportlab.pdfgen.canvas import Canvas

from benchmarks.peak import status
from benchmarks.programs import answer
from benchmarks.table import Section
from services.inference.pdf.remove import remove_watermarks

if TYPE_CHECKING:  # the process that is measured needs no stack
    from deploy.local.scratch.stack import ScratchStack

_PAGES = (100, 1000)
_LINES, _RULES = 40, 20
_BEGIN, _END = b"/Artifact <</Subtype /Watermark>> BDC\n", b"\nEMC\n"


async def measure(_stack: ScratchStack) -> Section:
    """Documents of 100 and of 1,000 pages; the stack is not involved."""
    section = Section(
        "Marks of long PDFs",
        f"Documents of ReportLab's: on each page {_LINES} lines of text, {_RULES} rules and one large transparent mark, turned by 45°; "
        "it declares itself, or is found by evidence. Mode `editable` as the worker's child process runs it: parsed, searched, cut, "
        "written, and each page rendered before and after. *Memory*: the most that the process had, its libraries included.",
        ("marks", "pages", "removed", "time", "processor time", "memory", "file before", "after"),
    )
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("declared", "by evidence"):
            for pages in _PAGES:
                source, target = Path(folder) / "source.pdf", Path(folder) / "target.pdf"
                await asyncio.to_thread(_draw, source, pages, kind == "declared")
                taken = await answer("benchmarks.documents", str(source), str(target))
                sizes = [f"{path.stat().st_size / 2**10:.0f} KiB" for path in (source, target)]
                times = (f"{taken['seconds']:.0f} s", f"{taken['processor']:.1f} s")
                section.rows.append((kind, str(pages), str(taken["removed"]), *times, f"{taken['memory']:.0f} MiB", *sizes))
    section.remarks = f"Load average at the end: {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores, of which this makes 1."
    return section


def _draw(target: Path, pages: int, declared: bool) -> None:
    canvas = Canvas(str(target), pagesize=(595, 842))
    for page in range(pages):
        canvas.setFont("Helvetica", 10)
        for line in range(_LINES):
            canvas.drawString(
                60, 780 - 17 * line, f"{page}.{line} The quarterly report says that all is well, as it was in year {line + page}."
            )
        for rule in range(_RULES):
            canvas.line(60, 70 + rule, 300, 70 + 2 * rule)
        canvas.saveState()
        canvas.setFillColor(Color(0.4, 0.4, 0.4, alpha=0.25))
        canvas.setFont("Helvetica-Bold", 80)
        canvas.translate(160, 240)
        canvas.rotate(45)
        canvas.drawString(0, 0, "CONFIDENTIAL")
        canvas.restoreState()
        canvas.showPage()
    canvas.save()
    if declared:
        with pikepdf.open(target, allow_overwriting_input=True) as document:
            for each in document.pages:
                # The mark is the page's last block.
                before, block, after = each.Contents.read_bytes().rpartition(b"\nq\n")
                each.Contents = document.make_stream(before + b"\n" + _BEGIN + block.strip() + b"\n" + after.rstrip() + _END)
            document.save(target)


def _one(source: Path, target: Path) -> None:
    begun = time.perf_counter()
    report = remove_watermarks(source, target, lambda *_: None)
    taken = {
        "seconds": time.perf_counter() - begun,
        "processor": time.process_time(),
        "memory": status("VmHWM") / 2**20,
        "removed": len(report.removed_findings),
    }
    print(json.dumps(taken))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.documents", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    _one(options.source, options.target)
