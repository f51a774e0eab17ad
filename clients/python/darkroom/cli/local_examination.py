"""Checks of a stack on this machine: its processes, models and disk."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from rich.filesize import decimal

from darkroom.cli.findings import Finding, Verdict
from darkroom.cli.installation import Installation

_LOW_BYTES, _EMPTY_BYTES = 10 * 10**9, 10**9


async def examine(stack: Path | None) -> AsyncIterator[Finding]:
    """The findings, in order. A single one says so if the stack is not on this machine."""
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
