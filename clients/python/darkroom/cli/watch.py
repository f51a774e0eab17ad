"""`darkroom watch`."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from darkroom.cli import verbs
from darkroom.cli.completion import complete_pipelines
from darkroom.cli.destination import destination
from darkroom.cli.estimate import estimate, price
from darkroom.cli.exits import errors, run, run_or_exit, usage
from darkroom.cli.folder_watch.exclusive import AlreadyOpen, open_exclusive
from darkroom.cli.folder_watch.file_work import FileWork
from darkroom.cli.folder_watch.folder_destination import PRIVATE, FolderDestination
from darkroom.cli.folder_watch.folder_source import FolderSource
from darkroom.cli.folder_watch.selection import Selection
from darkroom.cli.folder_watch.state import State
from darkroom.cli.folder_watch.watcher import Watcher
from darkroom.cli.operation_verbs import Verb, suffixes_of
from darkroom.cli.option_errors import check
from darkroom.cli.options import connect, server_url
from darkroom.cli.pipeline_steps import step
from darkroom.cli.pipelines import saved_operations
from darkroom.cli.progress import board
from darkroom.cli.saved_session import state_folder
from darkroom.failures import ApiError
from darkroom.operations.v1 import operation_pb2, options_pb2

if TYPE_CHECKING:
    from darkroom.client import AsyncClient

_FAILED = "failed"


def watch(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder in which files appear.", show_default=False)],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the results. It may be inside the other.", show_default=False),
    ],
    pipeline: Annotated[
        str | None,
        typer.Option("--pipeline", metavar="NAME", help="A saved pipeline to run, by its name or id.", autocompletion=complete_pipelines),
    ] = None,
    steps: Annotated[
        list[str] | None,
        typer.Option(
            "--step",
            "-s",
            metavar="STEP",
            help="Instead of a pipeline, an operation and its options, such as 'resize width=2000'. Give several in order.",
        ),
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Include subfolders, and recreate them below --output.")] = False,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", metavar="PATTERN", help="Only files like this, such as '*-final.*' or 'shop/*.jpg'; may be repeated."),
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option("--exclude", metavar="PATTERN", help="No files like this; may be repeated.")] = None,
    failed: Annotated[
        Path | None,
        typer.Option(
            "--failed", metavar="FOLDER", help="Folder for copies of files that fail. Default: failed, in the folder for results."
        ),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try files again that have failed before.")] = False,
    new_only: Annotated[
        bool, typer.Option("--new-only", help="Leave the files that are there when the folder is watched for the first time.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Do what is there and end, instead of waiting for more.")] = False,
    poll: Annotated[
        float | None,
        typer.Option(
            "--poll", metavar="SECONDS", min=0.1, help="Look at the folder this often, where the system sends no notices: network drives."
        ),
    ] = None,
    settle: Annotated[
        float, typer.Option("--settle", metavar="SECONDS", min=0.1, help="A file is taken when it has not changed for this long.")
    ] = 2.0,
    parallel: verbs.Parallel = 4,
    overwrite: verbs.Overwrite = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave tasks running at the end; the next start gets their results.")] = False,
    estimate_only: Annotated[bool, typer.Option("--estimate", help="Only print the price of the files that are there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per file instead of progress.")] = False,
) -> None:
    """Run a pipeline or an operation on each file that appears in a folder, until Ctrl-C.

    A content is processed once, whatever its file is called, and however often the command is started. The files in the folder stay as
    they are.
    """
    places = _places(folder, output, failed)
    if bool(pipeline) == bool(steps):
        raise usage("give a saved pipeline with --pipeline, or the operation with --step")
    if not once and not estimate_only and poll is None and find_spec("watchfiles") is None:
        raise usage("notices of new files need watchfiles: pip install 'darkroom[watch]'; or look every 10 seconds with --poll 10")
    operations = (
        [step(text, number) for number, text in enumerate(steps, start=1)]
        if steps
        else run_or_exit(saved_operations(pipeline or ""), as_json=as_json)
    )
    selection = Selection(_suffixes(operations), include or (), exclude or ())

    async def work() -> int:
        with ExitStack() as stack:
            state = _claim(stack, places, operations)
            shown = stack.enter_context(board(sys.stderr, 0, quiet=as_json))
            say: Callable[[str], None] = _noted if as_json else shown.say
            client = connect()
            source = FolderSource(
                places.source,
                selection,
                recursive=recursive,
                poll_seconds=poll,
                not_in=[places.output, places.failed],
                say=say,
            )
            target = FolderDestination(places.output, places.failed, state, overwrite=overwrite)
            if retry_failed and not estimate_only:
                for report in state.forget_failures():
                    target.take_back(report)
            async with client:
                if status := await check(client, operations, 1):
                    return status
                worker = FileWork(
                    client,
                    source,
                    target,
                    state,
                    operations,
                    shown,
                    say,
                    url=server_url(),
                    keep=keep,
                    overwrite=overwrite,
                    as_json=as_json,
                    is_patient=not once,
                )
                watcher = Watcher(source, state, worker, say, parallel=parallel, settle_seconds=settle, new_only=new_only, once=once)
                if not estimate_only:
                    await watcher.begin()
                paths = [source.path(name) for name in await watcher.open_files()]
                if estimate_only:
                    return await estimate(operations, paths, each=True, as_json=as_json)
                say(await _introduction(client, places, operations, paths))
                return await watcher.run()

    run(work(), as_json=as_json)


@dataclass(frozen=True)
class _Places:
    source: Path
    output: Path
    failed: Path


def _places(folder: str, output: str, failed: Path | None) -> _Places:
    """The folders. Raises typer.Exit for those between which nothing can be done."""
    for given in (folder, output, str(failed or "")):
        if "://" in given:
            raise usage(f"{given} is no folder; files in object storage cannot be watched")
    source = Path(folder)
    if not source.is_dir():
        raise usage(f"{folder} is not a folder" if source.exists() else f"{folder} does not exist")
    if not os.access(source, os.R_OK | os.X_OK):
        raise usage(f"{folder} cannot be read")
    found = [destination(f"{given}{os.sep}", 1).folder for given in (output, str(failed or Path(output) / _FAILED))]
    for each in found:
        if source.resolve().is_relative_to(each.resolve()):
            raise usage(f"{each} {'is' if source.resolve() == each.resolve() else 'contains'} the folder that is watched; give another")
    return _Places(source, *found)


def _suffixes(operations: Sequence[operation_pb2.Operation]) -> Sequence[str]:
    """The suffixes of the files that a pipeline takes. Raises typer.Exit if it takes no single file."""
    name = str(operations[0].WhichOneof("operation"))
    verb = Verb(name.replace("_", "-"), {"": operation_pb2.Operation.DESCRIPTOR.fields_by_name[name]})
    if verb.options.accepts == options_pb2.MEDIA_KIND_UNSPECIFIED:
        raise usage(f"{verb.name} takes no files, so there are none to watch for")
    if verb.options.joins_inputs and not verb.options.max_references:
        raise usage(f"{verb.name} makes one result of several files, so it cannot run on each file of a folder")
    return suffixes_of(operations)


def _claim(stack: ExitStack, places: _Places, operations: Sequence[operation_pb2.Operation]) -> State:
    """The state in the output folder, while no other process has it, nor watches the folder for the same. Raises typer.Exit."""
    try:
        state = stack.enter_context(State(places.output.resolve() / PRIVATE / "state.sqlite3", operations))
    except AlreadyOpen:
        raise usage(f"another darkroom watch is at work with results in {places.output}; give each an --output of its own") from None
    claim = hashlib.sha256(f"{os.fspath(places.source.resolve())} {state.definition}".encode(errors="surrogateescape")).hexdigest()
    try:
        stack.callback(open_exclusive(state_folder() / "watches" / f"{claim[:32]}.sqlite3").close)
    except AlreadyOpen:
        raise usage(f"another darkroom watch does the same with {places.source} already") from None
    except (OSError, sqlite3.Error) as failure:
        errors.print(f"note: cannot write {state_folder()} ({failure}); make sure that only one watches {places.source}")
    return state


async def _introduction(client: AsyncClient, places: _Places, operations: Sequence[operation_pb2.Operation], paths: Sequence[Path]) -> str:
    """The work that is there, and its price."""
    names = ", ".join(str(each.WhichOneof("operation")).replace("_", "-") for each in operations)
    where = f"{places.source} → {places.output}, failures → {places.failed}"
    said = f"{where}: {names}; {len(paths)} {'file' if len(paths) == 1 else 'files'} to do"
    if not paths:
        return said
    try:
        return f"{said}, {replace(await price(client, operations, paths[:1], each=True), tasks=len(paths))}"
    except ApiError:
        # A key that may not ask for prices.
        return said


def _noted(text: str) -> None:
    """A remark for scripts, on standard error."""
    print(json.dumps({"note": text}, ensure_ascii=False).encode(errors="backslashreplace").decode(), file=sys.stderr, flush=True)
