"""The commands `darkroom pipeline …`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from darkroom.cli import verbs
from darkroom.cli.completion import complete_pipelines
from darkroom.cli.exits import run, run_or_exit, usage
from darkroom.cli.options import NARROW, AsJson, Limit, connect, console, print_json, when
from darkroom.cli.pipeline_steps import in_words, step, steps_in
from darkroom.failures import InvalidRequest, NotFound
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import pipeline_pb2

if TYPE_CHECKING:
    from darkroom.client import AsyncClient

app = typer.Typer(help="Manage saved pipelines: operations that run one after the other.", no_args_is_help=True)

PipelineName = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="Name of a pipeline that only one has, or an id.", autocompletion=complete_pipelines)
]
Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE...", show_default=False, help="Files, folders, patterns such as 'photos/*.jpg', URLs, or - for standard input."
    ),
]
_ID_WIDTH = 36


@app.command("ls")
def list_pipelines(limit: Limit = 20, as_json: AsJson = False) -> None:
    """List the pipelines that you see, newest first."""

    async def work() -> None:
        async with connect() as client:
            pipelines = await client.pipelines.list(limit)
        if as_json:
            for pipeline in pipelines:
                print_json(pipeline)
            return
        names = ["pipeline", "name"] if console.width < NARROW else ["pipeline", "name", "steps", "saved"]
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in names:
            # Other commands take the id, so it is never truncated.
            table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=_ID_WIDTH if name == "pipeline" else None)
        for pipeline in pipelines:
            cells = (pipeline.id, pipeline.name, " ".join(_names(pipeline)), when(pipeline.create_time))
            table.add_row(*cells[: len(names)])
        console.print(table)

    run(work(), as_json=as_json)


@app.command("show")
def show(pipeline: PipelineName, as_json: AsJson = False) -> None:
    """Show a pipeline with the options of its steps, as `darkroom pipeline create` takes them."""

    async def work() -> None:
        async with connect() as client:
            found = await _found(client, pipeline)
        _print(found, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("create")
@app.command("save", hidden=True)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name, 1 to 100 characters.")],
    more: Annotated[list[str] | None, typer.Argument(metavar="[STEP]...", hidden=True)] = None,
    steps: Annotated[
        list[str] | None,
        typer.Option(
            "--step",
            "-s",
            metavar="STEP",
            help="An operation and its options, such as 'resize width=2000 height=2000'. Give several in order. JSON is understood, too: "
            "'resize={\"width\": 2000}'.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", metavar="FILE", exists=True, dir_okay=False, help="A JSON file with a list of operations, instead."),
    ] = None,
    description: Annotated[str | None, typer.Option("--description", "-d", metavar="TEXT", help="Description.")] = None,
    as_json: AsJson = False,
) -> None:
    """Save a pipeline and print it with its id."""
    texts = [*(more or ()), *(steps or ())]
    if bool(texts) == (file is not None):
        raise usage("give the steps with --step, or a JSON file of them with --file")
    operations = [step(text, number) for number, text in enumerate(texts, start=1)] if file is None else steps_in(file)

    async def work() -> None:
        async with connect() as client:
            try:
                saved = await client.pipelines.create(name, operations, description)
            except InvalidRequest as failure:
                raise usage(_of_step(str(failure))) from failure
        _print(saved, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("run")
def run_pipeline(
    pipeline: PipelineName,
    inputs: Inputs = None,
    output: verbs.Output = None,
    recursive: verbs.Recursive = False,
    parallel: verbs.Parallel = 4,
    overwrite: verbs.Overwrite = False,
    again: verbs.Again = False,
    keep: verbs.Keep = False,
    detach: verbs.Detach = False,
    estimate: verbs.Estimate = False,
    as_json: verbs.AsJson = False,
) -> None:
    """Run a pipeline on files: one task for each, which does all of its operations."""

    operations = run_or_exit(saved_operations(pipeline), as_json=as_json)
    given = {
        "inputs": inputs or [],
        "output": output,
        "recursive": recursive,
        "parallel": parallel,
        "overwrite": overwrite,
        "again": again,
        "keep": keep,
        "detach": detach,
        "estimate": estimate,
        "as_json": as_json,
    }
    verbs.run_operations(operations, given)


@app.command("rm")
def remove(
    pipeline: Annotated[
        list[str], typer.Argument(metavar="PIPELINE...", help="Names or ids of pipelines.", autocompletion=complete_pipelines)
    ],
) -> None:
    """Delete pipelines."""

    async def work() -> None:
        async with connect() as client:
            for each in [await _found(client, given) for given in pipeline]:
                await client.pipelines.delete(each.id)

    run(work())


async def saved_operations(pipeline: str) -> list[operation_pb2.Operation]:
    """The operations of a pipeline, given by its name or id. Raises NotFound, and typer.Exit if it runs only through another API."""
    async with connect() as client:
        found = await _found(client, pipeline)
    if not found.operations:
        raise usage(f"{found.name} has tools of another API that are no operations, so it runs only there")
    return list(found.operations)


async def _found(client: AsyncClient, given: str) -> pipeline_pb2.Pipeline:
    """The pipeline with this id, or else the only one with this name."""
    seen = [pipeline async for pipeline in client.pipelines.iterate()]
    matching = [each for each in seen if each.id == given] or [each for each in seen if each.name == given]
    if not matching:
        raise NotFound("PIPELINE_NOT_FOUND", f"Pipeline {given} does not exist.")
    if len(matching) > 1:
        raise usage(f"{len(matching)} pipelines have the name {given}; give the id of one: {', '.join(each.id for each in matching[:5])}")
    return matching[0]


def _names(pipeline: pipeline_pb2.Pipeline) -> list[str]:
    operations = [str(each.WhichOneof("operation")) for each in pipeline.operations]
    return operations or [each.tool_id for each in pipeline.steps]


def _of_step(message: str) -> str:
    """`operations[1].resize.width: …` as `step 2 (resize): width: …`."""
    return re.sub(
        r"operations\[(\d+)\]\.?(\w*)\.?([\w.\[\]]*)",
        lambda found: f"step {int(found[1]) + 1}" + (f" ({found[2]})" if found[2] else "") + (f": {found[3]}" if found[3] else ""),
        message,
    )


def _print(pipeline: pipeline_pb2.Pipeline, *, as_json: bool) -> None:
    if as_json:
        print_json(pipeline)
        return
    table = Table.grid(padding=(0, 2))
    table.add_row("pipeline", pipeline.id)
    table.add_row("name", pipeline.name)
    if pipeline.description:
        table.add_row("description", pipeline.description)
    table.add_row("saved", when(pipeline.create_time))
    for number, text in enumerate(map(in_words, pipeline.operations), start=1):
        # As a text, in which brackets are no markup.
        table.add_row(f"step {number}", Text(text))
    if not pipeline.operations:
        table.add_row("runs", f"only through the API that saved it: {' '.join(_names(pipeline))}")
    console.print(table)
