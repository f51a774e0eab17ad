"""`darkroom pipeline …`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from darkroom.cli.completion import complete_pipelines
from darkroom.cli.exits import run
from darkroom.cli.options import NARROW, AsJson, Limit, Overwrite, connect, console, print_json, when
from darkroom.cli.pipeline_runs import process
from darkroom.pipelines import settings_of
from darkroom.tasks.v1 import pipeline_pb2

app = typer.Typer(help="Manage saved pipelines: tools that run one after the other.", no_args_is_help=True)

PipelineId = Annotated[str, typer.Argument(metavar="PIPELINE", help="Id of a pipeline.", autocompletion=complete_pipelines)]
_ID_WIDTH = 36


def _step(text: str) -> tuple[str, dict[str, Any]]:
    """`resize={"width": 640}` as a tool and its settings; `resize` has none."""
    tool, given, settings = text.partition("=")
    try:
        read = json.loads(settings) if given else {}
    except (ValueError, RecursionError):
        read = None
    if not tool or not isinstance(read, dict):
        raise typer.BadParameter(f'{text!r} must be a tool, or a tool and its settings as a JSON object, such as resize={{"width": 640}}')
    return tool, read


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
            cells = (pipeline.id, pipeline.name, " ".join(step.tool_id for step in pipeline.steps), when(pipeline.create_time))
            table.add_row(*cells[: len(names)])
        console.print(table)

    run(work(), as_json=as_json)


@app.command("show")
def show(pipeline: PipelineId, as_json: AsJson = False) -> None:
    """Show a pipeline with the settings of its steps."""

    async def work() -> None:
        async with connect() as client:
            found = await client.pipelines.get(pipeline)
        _print(found, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("save")
def save(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name, 1 to 100 characters.")],
    step: Annotated[
        list[str],
        typer.Argument(metavar="STEP...", help="Tools in order, such as compress, or with settings: 'resize={\"width\": 640}'."),
    ],
    description: Annotated[str | None, typer.Option("--description", "-d", metavar="TEXT", help="Description.")] = None,
    as_json: AsJson = False,
) -> None:
    """Save a pipeline and print it with its id."""
    steps = [_step(text) for text in step]

    async def work() -> None:
        async with connect() as client:
            saved = await client.pipelines.create(name, steps, description)
        _print(saved, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("run")
def run_pipeline(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="Id of a pipeline, or its name.", autocompletion=complete_pipelines)],
    file: Annotated[list[str], typer.Argument(metavar="FILE...", help="Pictures, folders, or patterns such as 'photos/*.jpg'.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="PATH", help="Folder for the results, or for one picture a file. Default: next to each picture."
        ),
    ] = None,
    parallel: Annotated[
        int, typer.Option("--parallel", "-p", metavar="N", min=1, max=64, help="Number of pictures in progress at the same time, 1 to 64.")
    ] = 4,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per picture instead of progress.")] = False,
) -> None:
    """Run a pipeline on pictures. A picture never gives way to its own result."""
    run(process(pipeline, file, output, parallel, overwrite=overwrite, as_json=as_json), as_json=as_json)


@app.command("rm")
def remove(
    pipeline: Annotated[list[str], typer.Argument(metavar="PIPELINE...", help="Ids of pipelines.", autocompletion=complete_pipelines)],
) -> None:
    """Delete pipelines."""

    async def work() -> None:
        async with connect() as client:
            for each in pipeline:
                await client.pipelines.delete(each)

    run(work())


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
    for number, step in enumerate(pipeline.steps, start=1):
        settings = json.dumps(settings_of(step), ensure_ascii=False) if step.settings.fields else ""
        table.add_row(f"step {number}", f"{step.tool_id} {settings}".strip())
    console.print(table)
