"""`darkroom batch create …`: upload many files and create a task for each in one call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from darkroom.cli.deferred import Deferred, DeferredGroup, deferred_command
from darkroom.cli.estimate import estimate
from darkroom.cli.exits import FAILED, INTERRUPTED, errors, is_fatal, run, usage
from darkroom.cli.inputs import STDIN, Input, find
from darkroom.cli.journal import Journal
from darkroom.cli.operation_verbs import Verb, command, suffixes_of, verbs
from darkroom.cli.option_errors import about_file, batch_item, check, in_file
from darkroom.cli.options import AsJson, connect, console, plain
from darkroom.cli.parameters import auxiliary_files
from darkroom.cli.tasks import reason_name
from darkroom.failures import ApiError
from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import batches_service_pb2

if TYPE_CHECKING:
    from darkroom.client import AsyncClient


class _Creation(DeferredGroup):
    """A command for each operation."""

    def deferred(self) -> Iterator[Deferred]:
        """Those that make a task of each file; others make one of all files, or of none."""
        for verb in verbs():
            if not (verb.options.max_references or verb.options.joins_inputs) and verb.options.accepts:
                run_it = partial(command, verb, (Inputs, ...), _OPTIONS, _create)
                yield deferred_command(verb.name, run_it, verb.help, verb.short_help)


app = typer.Typer(cls=_Creation, help="Create a batch: upload files and create a task for each, in one call.", no_args_is_help=True)

_MAX_FILES = 500
_progress_console = Console(stderr=True)

Inputs = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", show_default=False, help="Files, folders, or patterns such as 'photos/*.jpg'; up to 500 files."),
]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Include subfolders.")]
Parallel = Annotated[int, typer.Option("--parallel", "-p", metavar="N", min=1, max=64, help="Number of parallel uploads, 1 to 64.")]
PerItem = Annotated[bool, typer.Option("--per-item", help="Create tasks for the accepted files only. By default, all or none.")]
Priority = Annotated[int, typer.Option("--priority", metavar="N", min=-1000, max=1000, help="Your tasks with a higher priority run first.")]
WebhookUrl = Annotated[str, typer.Option("--webhook", metavar="URL", help="URL to notify when the whole batch has ended.")]
Estimate = Annotated[bool, typer.Option("--estimate", help="Only print the price, and the time if it is known.")]

_OPTIONS = {
    "recursive": (Recursive, False),
    "parallel": (Parallel, 4),
    "per_item": (PerItem, False),
    "priority": (Priority, 0),
    "webhook": (WebhookUrl, ""),
    "estimate": (Estimate, False),
    "as_json": (AsJson, False),
}


def _create(verb: Verb, operation: operation_pb2.Operation, given: Mapping[str, Any]) -> None:
    if STDIN in given["inputs"]:
        raise usage("a batch cannot read from standard input")
    with Journal() as journal:
        found = find(given["inputs"], suffixes_of([operation]), recursive=given["recursive"], results=journal.results())
    paths = [source.path for source in found]
    if len(paths) > _MAX_FILES:
        raise usage(f"a batch takes up to {_MAX_FILES} files; got {len(paths)}")
    if given["estimate"]:
        run(estimate([operation], paths, each=True, as_json=given["as_json"]), as_json=given["as_json"])

    async def work() -> int:
        async with connect() as client:
            if status := await check(client, [operation], 1):
                return status
            try:
                uploaded = await _uploaded(client, paths, given["parallel"], per_item=given["per_item"], quiet=given["as_json"])
            except asyncio.CancelledError:
                errors.print("Interrupted before the batch was created. The uploaded files will be deleted after a day.")
                raise
            accepted = {path: file.id for path, file in uploaded.items() if isinstance(file, file_pb2.File)}
            refused = {path: failure for path, failure in uploaded.items() if isinstance(failure, ApiError)}
            if not accepted:
                raise _about(*next(iter(refused.items())))
            await _complete(client, operation, given)
            inputs = list(accepted)
            creating = asyncio.ensure_future(
                client.batches.create(
                    [[file_id] for file_id in accepted.values()],
                    [operation],
                    per_item=given["per_item"],
                    priority=given["priority"],
                    webhook_url=given["webhook"],
                )
            )
            interrupted = False
            try:
                created = await asyncio.shield(creating)
            except asyncio.CancelledError:
                # The batch may already exist: wait for the reply, to print its id.
                interrupted, created = True, await creating
            except ApiError as failure:
                if (index := batch_item(failure)) is None:
                    raise
                raise _about(inputs[index], failure) from failure
        failed = [_Failed(path, failure.reason, in_file(failure, operation, [path])) for path, failure in refused.items()]
        failed += [
            _Failed(inputs[item.index], reason_name(item.reason).upper(), about_file(item.message)) for item in created.batch.refused
        ]
        _show(created, inputs, failed, as_json=given["as_json"])
        return INTERRUPTED if interrupted else FAILED if failed else 0

    run(work(), as_json=given["as_json"])


async def _complete(client: AsyncClient, operation: operation_pb2.Operation, given: Mapping[str, Any]) -> None:
    """Upload the files that the operation's parameters name, and set the parameters to their ids."""
    parameters = getattr(operation, str(operation.WhichOneof("operation")))
    for name, path in auxiliary_files(operation, given).items():
        try:
            setattr(parameters, name, (await client.upload(path)).id)
        except ApiError as failure:
            raise _about(path, failure) from failure


@dataclass(frozen=True)
class _Failed:
    """A file for which no task was created."""

    path: Input
    reason: str
    error: str


async def _uploaded(
    client: AsyncClient, paths: Sequence[Input], parallel: int, *, per_item: bool, quiet: bool
) -> dict[Input, file_pb2.File | ApiError]:
    """The record or the failure of each file, in order. Without `per_item`, the first failure stops the others."""
    slots = asyncio.Semaphore(parallel)
    columns = (TextColumn("uploading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_progress_console, transient=True, disable=quiet or not _progress_console.is_terminal) as progress:
        bar = progress.add_task("", total=len(paths))

        async def one(path: Input) -> file_pb2.File | ApiError:
            async with slots:
                try:
                    return await client.upload(path)
                except ApiError as failure:
                    if is_fatal(failure) or not per_item:
                        raise _about(path, failure) from failure
                    return failure
                finally:
                    progress.advance(bar)

        work = [asyncio.ensure_future(one(path)) for path in paths]
        try:
            return dict(zip(paths, await asyncio.gather(*work), strict=True))
        finally:
            for upload in work:
                upload.cancel()


def _about(path: Input, failure: ApiError) -> ApiError:
    """The failure with the file's name, unless it would affect every file."""
    assert isinstance(failure, ApiError)
    if is_fatal(failure):
        return failure
    # Without the field: the file's name says more than its position in the request.
    return ApiError(failure.reason, f"{path}: {about_file(str(failure))}", allowed=failure.allowed)


def _show(created: batches_service_pb2.CreateBatchResponse, inputs: Sequence[Input], failed: Sequence[_Failed], *, as_json: bool) -> None:
    batch = created.batch
    if as_json:
        refused = [{"input": str(each.path), "reason": each.reason, "error": each.error} for each in failed]
        print(json.dumps({**plain(created), "inputs": list(map(str, inputs)), "failed": refused}, ensure_ascii=False))
        return
    console.print(f"batch {batch.id}: {batch.task_count} task{'s' * (batch.task_count != 1)}")
    for each in failed:
        errors.print(f"  {each.path}: {each.error}")
    errors.print(f"Follow it with `darkroom batch wait {batch.id}`; get the results with `darkroom batch download {batch.id}`.")
