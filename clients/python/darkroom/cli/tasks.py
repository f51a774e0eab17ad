"""`darkroom task …`."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from itertools import zip_longest
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Table
from rich.text import Text

from darkroom.cli.account import credits_text
from darkroom.cli.destination import destination
from darkroom.cli.exits import FAILED, run
from darkroom.cli.options import (
    ID_WIDTH,
    NARROW,
    AsJson,
    Limit,
    Output,
    Overwrite,
    TaskId,
    TaskIds,
    connect,
    console,
    print_json,
    print_paths,
)
from darkroom.common.v1 import errors_pb2
from darkroom.tasks.v1 import task_pb2

app = typer.Typer(help="Manage tasks.", no_args_is_help=True)


class State(StrEnum):
    """States to filter by."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@app.command("ls")
def list_tasks(
    limit: Limit = 20,
    state: Annotated[list[State] | None, typer.Option(help="Only tasks in this state; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """List tasks, newest first."""

    async def work() -> None:
        async with connect() as client:
            wanted = [task_pb2.TaskState.Value(f"TASK_STATE_{item.name}") for item in state or ()]
            tasks = await client.list_tasks(limit, wanted)
        if as_json:
            for task in tasks:
                print_json(task)
            return
        table = Table(box=None, header_style="bold", pad_edge=False)
        names = ["task", "state", "input"]
        if console.width >= NARROW:
            names += ["operations", "done", "created", "took"]
        for name in names:
            # In a narrow terminal names and operations are truncated, but never the id.
            width = {"task": ID_WIDTH, "input": None, "operations": None}.get(name, len(name))
            table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=width)
        for task in tasks:
            cells = (
                str(task.id),
                state_name(task.state),
                Text(inputs_of(task)),
                Text(", ".join(str(operation.WhichOneof("operation")) for operation in task.operations)),
                f"{task.progress:.0%}",
                when(task.create_time, short=True),
                took(task),
            )
            table.add_row(*cells[: len(names)])
        console.print(table)

    run(work(), as_json=as_json)


@app.command("get")
def get(task: TaskId, as_json: AsJson = False) -> None:
    """Show a task."""

    async def work() -> None:
        async with connect() as client:
            _show(await client.get_task(task), as_json)

    run(work(), as_json=as_json)


@app.command("watch")
def watch(task: TaskId, as_json: AsJson = False) -> None:
    """Follow a task's events until it has ended. Ctrl-C stops following; the task continues."""

    async def work() -> int:
        state = task_pb2.TASK_STATE_UNSPECIFIED
        async with connect() as client:
            async for event in client.watch(task):
                state = event.state
                if as_json:
                    print_json(event)
                    continue
                message = event.error.message or event.message
                console.print(f"{when(event.time)}  {state_name(event.state):<10} {event.progress:4.0%}  {message}".rstrip())
        return 0 if state == task_pb2.TASK_STATE_SUCCEEDED else FAILED

    run(work(), as_json=as_json)


@app.command("wait")
def wait(task: TaskIds, as_json: AsJson = False) -> None:
    """Wait until tasks have ended, and show them in the given order. Exit code 1 unless all succeeded."""

    async def work() -> int:
        succeeded = True
        async with connect() as client:
            for task_id in task:
                async for _ in client.watch(task_id):
                    pass
                ended = await client.get_task(task_id)
                succeeded &= ended.state == task_pb2.TASK_STATE_SUCCEEDED
                _show(ended, as_json)
        return 0 if succeeded else FAILED

    run(work(), as_json=as_json)


@app.command("cancel")
def cancel(task: TaskIds, as_json: AsJson = False) -> None:
    """Cancel tasks that have not ended."""

    async def work() -> None:
        async with connect() as client:
            for task_id in task:
                _show(await client.cancel_task(task_id), as_json)

    run(work(), as_json=as_json)


@app.command("rerun")
def rerun(task: TaskIds, as_json: AsJson = False) -> None:
    """Run tasks again, as new tasks with the same files and operations."""

    async def work() -> None:
        async with connect() as client:
            for task_id in task:
                _show(await client.rerun_task(task_id), as_json)

    run(work(), as_json=as_json)


@app.command("rm")
def remove(task: TaskIds) -> None:
    """Delete tasks that have ended, with their outputs."""

    async def work() -> None:
        async with connect() as client:
            for task_id in task:
                await client.delete_task(task_id)

    run(work())


@app.command("download")
def download(task: TaskIds, output: Output = ".", overwrite: Overwrite = False, as_json: AsJson = False) -> None:
    """Wait until tasks have ended, download their results and print the paths."""

    async def work() -> None:
        chosen = destination(output, len(task))
        async with connect() as client:
            for task_id in task:
                ended = await client.wait(task_id)
                paths = await client.download(ended, chosen.folder, overwrite=overwrite, name=chosen.name)
                print_paths(task_id, paths, as_json=as_json)

    run(work(), as_json=as_json)


def inputs_of(task: task_pb2.Task) -> str:
    """The name of its input, or of the first with the number of the others. Empty for a task without inputs."""
    if not task.input_file_ids:
        return ""
    name = task.input_names[0] if task.input_names else str(task.input_file_ids[0])
    return name if len(task.input_file_ids) == 1 else f"{name} and {len(task.input_file_ids) - 1} more"


def state_name(state: task_pb2.TaskState.ValueType) -> str:
    """`succeeded` for TASK_STATE_SUCCEEDED."""
    return task_pb2.TaskState.Name(state).removeprefix("TASK_STATE_").lower()


def reason_name(reason: errors_pb2.ErrorReason.ValueType) -> str:
    """`file_corrupt` for ERROR_REASON_FILE_CORRUPT."""
    return errors_pb2.ErrorReason.Name(reason).removeprefix("ERROR_REASON_").lower()


def _show(task: task_pb2.Task, as_json: bool) -> None:
    if as_json:
        print_json(task)
        return
    table = Table.grid(padding=(0, 2))
    table.add_row("task", str(task.id))
    table.add_row("state", state_name(task.state))
    table.add_row("operations", ", ".join(str(operation.WhichOneof("operation")) for operation in task.operations))
    for file_id, name in zip_longest(task.input_file_ids, task.input_names, fillvalue=""):
        table.add_row("input", f"{name} ({file_id})" if name else str(file_id))
    table.add_row("progress", f"{task.progress:.0%} {task.progress_message}".rstrip())
    if task.HasField("queue_position"):
        table.add_row("queue", _place(task))
    if task.HasField("waiting_for"):
        table.add_row("waits for", _waiting_for(task.waiting_for))
    table.add_row("attempt", f"{task.attempt} of {task.max_attempts}")
    for attempt in task.attempts:
        table.add_row("", _attempt(attempt))
    table.add_row("price", f"{credits_text(task.price.millicredits)} credits")
    if task.HasField("end_time"):
        charged = f"{credits_text(task.price.charged_millicredits)} credits"
        table.add_row("charged", f"{charged}: unchanged" if task.unchanged else charged)
    table.add_row("created", when(task.create_time))
    table.add_row("took", took(task))
    if task.HasField("expire_time"):
        table.add_row("kept until", when(task.expire_time))
    if task.HasField("error"):
        table.add_row("error", _error(task.error))
    for notice in task.notices:
        table.add_row("note", notice.message)
    if task.output_file_ids:
        table.add_row("outputs", ", ".join(map(str, task.output_file_ids)))
    console.print(table)


def _place(task: task_pb2.Task) -> str:
    before = f"{task.queue_position:,} ahead"
    if not task.HasField("estimated_wait"):
        return before
    return f"{before}, starts in about {task.estimated_wait.ToTimedelta().total_seconds():,.0f} s"


def _waiting_for(waiting: task_pb2.WaitingFor) -> str:
    if waiting.reason != task_pb2.WAITING_REASON_WORKER_AWAY:
        return "a worker: no connected worker can run it"
    return f"{waiting.worker}, which is away: last seen {when(waiting.last_seen_time)}"


def _attempt(attempt: task_pb2.Attempt) -> str:
    ended = f"{state_name(attempt.outcome)} {when(attempt.end_time)}" if attempt.HasField("end_time") else "running"
    said = f"{attempt.number}. {when(attempt.start_time)}, {attempt.worker}: {ended}"
    return f"{said}, {_error(attempt.error)}" if attempt.HasField("error") else said


def _error(error: task_pb2.TaskError) -> str:
    return f"{reason_name(error.reason)}: {error.message}"


def when(time: Timestamp, *, short: bool = False) -> str:
    """Local time. If short, the date is left out for today."""
    local = time.ToDatetime(tzinfo=UTC).astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return local.strftime("%H:%M:%S" if short and today else "%Y-%m-%d %H:%M:%S")


def took(task: task_pb2.Task) -> str:
    """Time from the start of the last attempt to its end, or to now. Empty before the first attempt."""
    if not task.HasField("start_time"):
        return ""
    end = task.end_time.ToDatetime(tzinfo=UTC) if task.HasField("end_time") else datetime.now(UTC)
    return f"{max(0.0, (end - task.start_time.ToDatetime(tzinfo=UTC)).total_seconds()):.1f} s"
