"""Make the contact sheets of SnapOtter's tools: `python -m benchmarks.contact_sheet [SHEET …]`.

Every picture goes through the public port of a running stack, whose URL and key are read from DARKROOM_URL and DARKROOM_API_KEY. The sheets
go to docs/images/snapotter, as WebP.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks.contact_sheet.cells import Cell, Sheet
from benchmarks.contact_sheet.looking import DisplayedFile, display_file, sheet
from benchmarks.contact_sheet.sheets import sheets
from benchmarks.contact_sheet.sources import file_of

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images" / "snapotter"
_AT_ONCE = 4
_LONGEST_SECONDS = 900
_QUALITIES = (85, 75, 60, 45)
_MOST_BYTES = 400_000


async def main() -> int:
    """Write the sheets. The exit status is 1 if any tool refused."""
    known = {each.name: each for each in sheets()}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contact_sheet", description=__doc__)
    parser.add_argument("sheets", nargs="*", metavar="SHEET", help=f"one of {', '.join(known)}; all if left out")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they go")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    refused = 0
    headers = {"Authorization": f"Bearer {os.environ['DARKROOM_API_KEY']}"}
    async with httpx.AsyncClient(base_url=os.environ["DARKROOM_URL"], headers=headers, timeout=120) as server:
        for name in options.sheets or known:
            found = await _found(server, known[name])
            for cell, one in zip(known[name].cells, found, strict=True):
                if isinstance(one, str):
                    refused += 1
                    print(f"{name}: {cell.label}: {one}", file=sys.stderr)
            _write(options.folder / f"{name}.webp", known[name], found)
    return 1 if refused else 0


async def _found(server: httpx.AsyncClient, wanted: Sheet) -> Sequence[DisplayedFile | str]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def result(cell: Cell) -> DisplayedFile | str:
        async with turns:
            return await _result(server, cell, in_batch=wanted.in_batches)

    return await asyncio.gather(*map(result, wanted.cells))


async def _result(server: httpx.AsyncClient, cell: Cell, *, in_batch: bool) -> DisplayedFile | str:
    """What a tool made, or why it did not."""
    _, content = file_of(cell.source)
    if cell.tool:
        form = {"settings": json.dumps(cell.settings)}
        files = [(part, file_of(source)) for part, source in (("file", cell.source), *cell.beside)]
        path = f"{cell.tool.id}/batch" if in_batch else cell.tool.id
        reply = await server.post(f"/api/v1/tools/{path}", files=files, data=form)
        if reply.status_code not in (200, 202):
            return f"{reply.status_code} {reply.text}"
        if in_batch:
            with zipfile.ZipFile(io.BytesIO(reply.content)) as made:
                return await asyncio.to_thread(display_file, made.read(made.namelist()[0]))
        told = reply.json()
        if reply.status_code == 202:
            last = await _last_event(server, told["jobId"])
            if "result" not in last:
                return str(last["error"])
            told = last["result"]
        downloaded = await server.get(told["downloadUrl"])
        downloaded.raise_for_status()
        content = downloaded.content
    return await asyncio.to_thread(display_file, content)


async def _last_event(server: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    """What a job ends with."""
    last: dict[str, Any] = {}
    async with server.stream("GET", f"/api/v1/jobs/{job_id}/progress", timeout=_LONGEST_SECONDS) as events:
        async for line in events.aiter_lines():
            if line.startswith("data: "):
                last = json.loads(line.removeprefix("data: "))
    return last


def _write(path: Path, wanted: Sheet, found: Sequence[DisplayedFile | str]) -> None:
    drawn = sheet([(cell.label, one) for cell, one in zip(wanted.cells, found, strict=True)], wanted.columns, wanted.detail)
    for quality in _QUALITIES:
        drawn.save(path, "WEBP", quality=quality, method=6)
        if path.stat().st_size <= _MOST_BYTES:
            break
    print(f"{path}: {drawn.width} × {drawn.height}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
