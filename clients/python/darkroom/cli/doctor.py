"""`darkroom doctor`: check every step between this machine and a result, and advise how to fix what fails."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from darkroom.cli import local_examination, remote_examination
from darkroom.cli.exits import FAILED, REFUSED, UNREACHABLE, run
from darkroom.cli.findings import Finding, Verdict
from darkroom.cli.installation import stack_folder
from darkroom.cli.options import AsJson, console
from darkroom.failures import ConnectionFailed

_MARKS = {
    Verdict.GOOD: ("✓", "green"),
    Verdict.DOUBTFUL: ("!", "yellow"),
    Verdict.BAD: ("✗", "bold red"),
    Verdict.UNKNOWN: ("-", "dim"),
}


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
    try:
        async for finding in remote_examination.examine(paid=paid):
            yield finding
    except ConnectionFailed as failure:
        yield Finding("connection", Verdict.BAD, str(failure), "Run this again when the server answers.", UNREACHABLE)
    async for finding in local_examination.examine(stack):
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
