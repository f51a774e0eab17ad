"""Runs a pipeline on pictures, several at a time, and reports the outcome of each."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom.cli.destination import destination
from darkroom.cli.exits import FAILED, INTERRUPTED, errors, is_fatal, message_of, reason_of, status_of, usage
from darkroom.cli.inputs import Source, find, name_of
from darkroom.cli.operation_verbs import PICTURES
from darkroom.cli.options import connect
from darkroom.cli.outcome import Outcome, Status, summary
from darkroom.cli.progress import Board, board
from darkroom.content import is_url
from darkroom.failures import DarkroomFailure, NotFound
from darkroom.naming import name_for
from darkroom.tasks.v1 import pipeline_pb2

if TYPE_CHECKING:
    from darkroom.client import AsyncClient


async def process(pipeline: str, files: Sequence[str], output: str | None, parallel: int, *, overwrite: bool, as_json: bool) -> int:
    """Run the pipeline with this id or name on the files. Returns the exit status."""
    for url in filter(is_url, files):
        raise usage(f"a pipeline takes files, not URLs such as {url}")
    sources = find(files, PICTURES, recursive=False, results={})
    chosen = destination(output, len(sources)) if output else None
    outcomes = [Outcome(name_of(source.path), str(source.path)) for source in sources]
    slots, interrupted = asyncio.Semaphore(parallel), False
    fatal: DarkroomFailure | None = None

    async def one(client: AsyncClient, found: pipeline_pb2.Pipeline, source: Source, outcome: Outcome, progress: Board) -> None:
        nonlocal fatal
        async with slots:
            if fatal is not None:
                return
            started, path = time.monotonic(), Path(source.path)
            row = progress.start(outcome.name, path.stat().st_size if path.exists() else 0)
            try:
                result = await client.pipelines.run(
                    found,
                    path,
                    chosen.folder if chosen else source.folder,
                    overwrite=overwrite,
                    name=chosen.name if chosen else None,
                    on_upload=row.add_uploaded,
                    on_download=row.add_downloaded,
                )
                outcome.status, outcome.outputs = Status.DONE, [result.path]
                if chosen and chosen.name and name_for(result.name, chosen.name) != chosen.name:
                    outcome.notices = [f"The format of the result does not match {chosen.name}, so it was saved as {result.name}."]
            except asyncio.CancelledError:
                outcome.status = Status.CANCELLED
                raise
            except (DarkroomFailure, OSError) as failure:
                outcome.fail(reason_of(failure), message_of(failure))
                if isinstance(failure, DarkroomFailure) and is_fatal(failure):
                    outcome.fatal, fatal = True, fatal or failure
            finally:
                outcome.seconds = time.monotonic() - started
                row.end(outcome)
                if outcome.status is not Status.CANCELLED:
                    _print(outcome, as_json=as_json)

    async with connect() as client:
        found = await _found(client, pipeline)
        with board(sys.stderr, len(sources), quiet=as_json) as progress:
            work = [asyncio.ensure_future(one(client, found, *pair, progress)) for pair in zip(sources, outcomes, strict=True)]
            try:
                await asyncio.gather(*work)
            except asyncio.CancelledError:
                await asyncio.gather(*work, return_exceptions=True)
                interrupted = True
    for outcome in outcomes:
        if outcome.status in (Status.WAITING, Status.CANCELLED):
            _print(outcome, as_json=as_json)
    if not as_json:
        # The same command would do all of it again.
        errors.print(summary(outcomes, fatal, interrupted=interrupted, keep=False, continues=False), end="")
    if interrupted:
        return INTERRUPTED
    if fatal is not None:
        return status_of(reason_of(fatal))
    return FAILED if any(outcome.status is Status.FAILED for outcome in outcomes) else 0


async def _found(client: AsyncClient, given: str) -> pipeline_pb2.Pipeline:
    """The pipeline with this id, or else the only one with this name."""
    seen = [pipeline async for pipeline in client.pipelines.iterate()]
    matching = [each for each in seen if each.id == given] or [each for each in seen if each.name == given]
    if not matching:
        raise NotFound("PIPELINE_NOT_FOUND", f"Pipeline {given} does not exist.")
    if len(matching) > 1:
        raise usage(f"{len(matching)} pipelines have the name {given}; give the id of one: {', '.join(each.id for each in matching[:5])}")
    return matching[0]


def _print(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print(outcome.as_json(), flush=True)
    elif not sys.stdout.isatty():
        for path in outcome.outputs:
            print(path, flush=True)
