"""`darkroom batch …`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from darkroom.cli import batch_creation
from darkroom.cli.completion import complete_batches
from darkroom.cli.destination import destination
from darkroom.cli.exits import FAILED, run
from darkroom.cli.options import ID_WIDTH, NARROW, AsJson, Limit, Output, Overwrite, connect, console, print_json, print_paths
from darkroom.cli.tasks import inputs_of, reason_name, state_name, took, when
from darkroom.tasks.v1 import batch_pb2, task_pb2

app = typer.Typer(help="Create and manage batches: many tasks created in one call.", no_args_is_help=True)
app.add_typer(batch_creation.app, name="create")
_progress_console = Console(stderr=True)
BatchId = Annotated[int, typer.Argument(metavar="BATCH", help="Batch id.", autocompletion=complete_batches)]


@app.command("ls")
def list_batches(
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List batches, newest first."""

    async def work() -> None:
        async with connect() as client:
            batches = await client.batches.list(limit)
        if as_json:
            for batch in batches:
                print_json(batch)
            return
        names = ["batch", "tasks", "done", "succeeded", "failed"]
        if console.width >= NARROW:
            names += ["cancelled", "created"]
        table = Table(*names, box=None, header_style="bold", pad_edge=False)
        # Other commands take the id, so it is never truncated.
        table.columns[0].min_width = ID_WIDTH
        for batch in batches:
            counts = batch.counts
            numbers = (counts.succeeded, counts.failed, counts.cancelled)
            cells = (str(batch.id), str(batch.task_count), f"{batch.progress:.0%}", *map(str, numbers), when(batch.create_time, short=True))
            table.add_row(*cells[: len(names)])
        console.print(table)

    run(work(), as_json=as_json)


@app.command("get")
def get(batch: BatchId, as_json: AsJson = False) -> None:
    """Show a batch."""

    async def work() -> None:
        async with connect() as client:
            _show(await client.batches.get(batch), as_json)

    run(work(), as_json=as_json)


@app.command("tasks")
def list_tasks(batch: BatchId, as_json: AsJson = False) -> None:
    """List a batch's tasks in the order of its items."""

    async def work() -> None:
        async with connect() as client:
            tasks = await client.batches.tasks(batch)
        if as_json:
            for task in tasks:
                print_json(task)
            return
        table = Table("item", "task", "input", "state", "done", "took", "error", box=None, header_style="bold", pad_edge=False)
        table.columns[1].min_width = ID_WIDTH
        for task in tasks:
            error = f"{reason_name(task.error.reason)}: {task.error.message}" if task.HasField("error") else ""
            table.add_row(
                str(task.batch_index),
                str(task.id),
                Text(inputs_of(task)),
                state_name(task.state),
                f"{task.progress:.0%}",
                took(task),
                error,
            )
        console.print(table)

    run(work(), as_json=as_json)


@app.command("wait")
def wait(batch: BatchId, as_json: AsJson = False) -> None:
    """Follow a batch until its last task has ended. Ctrl-C stops following; the tasks continue."""

    async def work() -> int:
        columns = (BarColumn(), TextColumn("{task.percentage:3.0f}%"), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        async with connect() as client:
            with Progress(*columns, console=_progress_console, disable=as_json or not _progress_console.is_terminal) as progress:
                bar = progress.add_task("", total=1.0)

                def show(now: batch_pb2.Batch) -> None:
                    done = now.counts.succeeded + now.counts.failed + now.counts.cancelled
                    progress.update(bar, completed=now.progress, description=f"{done} of {now.task_count} tasks")

                ended = await client.batches.wait(batch, show)
        _show(ended, as_json)
        return 0 if ended.counts.succeeded == ended.task_count else FAILED

    run(work(), as_json=as_json)


@app.command("cancel")
def cancel(batch: BatchId, as_json: AsJson = False) -> None:
    """Cancel all tasks of a batch that have not ended."""

    async def work() -> None:
        async with connect() as client:
            _show(await client.batches.cancel(batch), as_json)

    run(work(), as_json=as_json)


@app.command("rm")
def remove(
    batch: Annotated[list[int], typer.Argument(metavar="BATCH...", help="Batch ids.", autocompletion=complete_batches)],
) -> None:
    """Delete batches that have ended, with their tasks and outputs."""

    async def work() -> None:
        async with connect() as client:
            for batch_id in batch:
                await client.batches.delete(batch_id)

    run(work())


@app.command("download")
def download(
    batch: BatchId,
    output: Output = ".",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Download a batch's results so far, file by file."""

    async def work() -> None:
        async with connect() as client:
            tasks = await client.batches.tasks(batch, [task_pb2.TASK_STATE_SUCCEEDED])
            chosen = destination(output, len(tasks))
            for task in tasks:
                paths = await client.download(task, chosen.folder, overwrite=overwrite, name=chosen.name)
                print_paths(task.id, paths, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("zip")
def zip_results(
    batch: BatchId,
    output: Output = ".",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Pack a batch's results so far into one ZIP archive and download it."""

    async def work() -> None:
        chosen = destination(output, 1)
        async with connect() as client:
            task = await client.batches.archive(batch)
            with Progress(
                BarColumn(),
                TextColumn("{task.description}", markup=False),
                console=_progress_console,
                disable=as_json or not _progress_console.is_terminal,
            ) as progress:
                bar = progress.add_task("", total=1.0)

                def show(event: task_pb2.TaskEvent) -> None:
                    progress.update(bar, completed=event.progress, description=event.message)

                task = await client.wait(task.id, show)
            paths = await client.download(task, chosen.folder, overwrite=overwrite, name=chosen.name)
            print_paths(task.id, paths, as_json=as_json)

    run(work(), as_json=as_json)


def _show(batch: batch_pb2.Batch, as_json: bool) -> None:
    if as_json:
        print_json(batch)
        return
    table = Table.grid(padding=(0, 2))
    table.add_row("batch", str(batch.id))
    table.add_row("tasks", str(batch.task_count))
    for name in ("queued", "running", "succeeded", "failed", "cancelled"):
        if count := getattr(batch.counts, name):
            table.add_row(name, str(count))
    table.add_row("progress", f"{batch.progress:.0%}")
    table.add_row("created", when(batch.create_time))
    if batch.HasField("end_time"):
        table.add_row("ended", when(batch.end_time))
    for refused in batch.refused:
        table.add_row("refused", f"item {refused.index}: {reason_name(refused.reason)}: {refused.message}")
    console.print(table)
