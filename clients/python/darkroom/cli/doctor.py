"""`darkroom doctor`: check every step between this machine and a result, and advise how to fix what fails."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from darkroom.cli.exits import FAILED, REFUSED, UNREACHABLE, run
from darkroom.cli.findings import Finding, Verdict
from darkroom.cli.installation import Installation, stack_folder
from darkroom.cli.options import AsJson, console
from darkroom.failures import ConnectionFailed

_MARKS = {
    Verdict.GOOD: ("✓", "green"),
    Verdict.DOUBTFUL: ("!", "yellow"),
    Verdict.BAD: ("✗", "bold red"),
    Verdict.UNKNOWN: ("-", "dim"),
}
_LOW_BYTES, _EMPTY_BYTES = 10 * 10**9, 10**9


def doctor(
    paid: Annotated[bool, typer.Option("--paid", help="Also process one small picture, which is charged.")] = False,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="FOLDER", help="Folder of the stack on this machine. Default: the folder of .darkroom/env."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every component and explain how to fix problems."""

    async def work() -> int:
        findings = []
        async with aclosing(_examination(paid, stack_folder(directory))) as examination:
            async for finding in examination:
                findings.append(finding)
                if as_json:
                    print(json.dumps(finding.as_json(), ensure_ascii=False), flush=True)
                else:
                    _show(finding)
        bad = [finding for finding in findings if finding.verdict is Verdict.BAD]
        if not as_json:
            doubts = sum(finding.verdict is Verdict.DOUBTFUL for finding in findings)
            console.print()
            console.print(f"problems: {len(bad)}, warnings: {doubts}" if bad or doubts else "All checks passed.")
        if any(finding.status == UNREACHABLE for finding in bad):
            return UNREACHABLE
        return REFUSED if any(finding.status == REFUSED for finding in bad) else FAILED if bad else 0

    run(work(), as_json=as_json)


async def _examination(paid: bool, stack: Path | None) -> AsyncGenerator[Finding]:
    from darkroom.cli import remote_examination

    try:
        async for finding in remote_examination.examine(paid=paid):
            yield finding
    except ConnectionFailed as failure:
        yield Finding("connection", Verdict.BAD, str(failure), "Run this again when the server answers.", UNREACHABLE)
    async for finding in _local_examination(stack):
        yield finding


def _show(finding: Finding) -> None:
    mark, style = _MARKS[finding.verdict]
    row = Table.grid(padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(width=12, no_wrap=True, overflow="ellipsis")
    row.add_column(overflow="fold")
    text = Text(finding.detail)
    if finding.advice:
        text.append(f"\n→ {finding.advice}", "bold" if finding.verdict is Verdict.BAD else "")
    row.add_row(Text(mark, style), finding.check, text)
    console.print(row)


async def _local_examination(stack: Path | None) -> AsyncGenerator[Finding]:
    """The findings about the stack's processes, models and disk. A single one says so if the stack is not on this machine."""
    installation = Installation.find()
    if stack is None or installation is None:
        yield Finding(
            "machine", Verdict.UNKNOWN, "the stack is not on this machine; run this command there to check its parts, models and disk"
        )
        return
    parts = await asyncio.to_thread(installation.parts, stack)
    if parts is None:
        yield Finding("stack", Verdict.BAD, f"the stack in {stack} is down", f"Start it with `make up DIR={stack}`.")
    for part in parts or ():
        if part["ready"]:
            yield Finding(part["name"], Verdict.GOOD, part["state"])
        else:
            advice = f"Find the cause with `make logs DIR={stack}`; start the stopped parts with `make up DIR={stack}`."
            yield Finding(part["name"], Verdict.BAD, f"{part['state']}: {part['problem']}", advice)
    if parts is not None:
        yield await _models(installation, stack)
    yield _disk(stack)


async def _models(installation: Installation, stack: Path) -> Finding:
    index = await asyncio.to_thread(installation.models, stack)
    if index is None:
        return Finding("models", Verdict.BAD, "cannot list the models of Triton", f"Find the cause with `make logs DIR={stack}`.")
    unready = [f"{model['name']} ({model['reason'] or model['state']})" for model in index if model["state"] != "READY"]
    if unready or not index:
        advice = "Find damaged models with `darkroom models verify`, install missing ones with `darkroom models install`, then `make up`."
        return Finding("models", Verdict.BAD, f"not loaded: {', '.join(unready) or 'any'}", advice)
    return Finding("models", Verdict.GOOD, f"{len(index)} loaded: {', '.join(sorted(model['name'] for model in index))}")


def _disk(stack: Path) -> Finding:
    usage = shutil.disk_usage(stack)
    detail = f"{decimal(usage.free)} of {decimal(usage.total)} free for {stack}"
    if usage.free < _EMPTY_BYTES:
        return Finding("disk", Verdict.BAD, detail, "Free some space: uploads, databases and logs stop when the disk is full.")
    if usage.free < _LOW_BYTES:
        return Finding(
            "disk", Verdict.DOUBTFUL, detail, "Free some space soon, or keep files for a shorter time (docs/explanation/retention.md)."
        )
    return Finding("disk", Verdict.GOOD, detail)
