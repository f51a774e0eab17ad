"""Tools that run several operations one after the other: a list of them, or a saved pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.mcp.checking import check, refused
from darkroom.mcp.operation_tools import ESTIMATE, estimated, operation_fields, with_files
from darkroom.mcp.schemas import Schema, parameters_of, parameters_schema
from darkroom.mcp.tasks import MOST_FILES, WAITING, file_ids, run_task
from darkroom.mcp.tool import ADDS, LOOKS, Answer, Setting, Tool
from darkroom.operations.v1 import operation_pb2


def pipeline_tools() -> list[Tool]:
    """Run, and list."""
    names = [field.name for field in operation_fields()]
    step: Schema = {
        "type": "object",
        "properties": {
            "operation": {"type": "string", "enum": names},
            "parameters": {"type": "object", "description": "The parameters of the tool of the same name, without its files."},
        },
        "required": ["operation"],
        "additionalProperties": False,
    }
    return [
        Tool(
            "run_pipeline",
            "Run several operations",
            "Run operations one after the other on files, in one task and without loss between the steps: a list of them, or a saved "
            "pipeline. Costs the sum of the operations. Faster and better than one tool after another.",
            {
                "files": {
                    "type": "array",
                    "items": {"type": "string"},
                    "maxItems": MOST_FILES,
                    "description": "The files, one result for each unless an operation joins them.",
                },
                "operations": {"type": "array", "items": step, "minItems": 1, "maxItems": 64, "description": "The operations, in order."},
                "pipeline_id": {"type": "string", "description": "A saved pipeline, in place of operations."},
                **ESTIMATE,
                **WAITING,
            },
            ("files",),
            ADDS,
            _run,
            keeps_results=True,
            files=("files",),
        ),
        Tool("list_pipelines", "List saved pipelines", "The saved pipelines and their operations.", {}, (), LOOKS, _list),
    ]


async def _run(setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    steps, pipeline_id = arguments.get("operations", ()), arguments.get("pipeline_id", "")
    if bool(steps) == bool(pipeline_id):
        raise refused("operations", "give either operations or a pipeline_id")
    setting.places.check(arguments)
    only_priced = bool(arguments.get("estimate"))
    operations = await _operations(setting, steps, only_priced=only_priced)
    if only_priced:
        known = (await setting.client.pipelines.get(pipeline_id)).operations if pipeline_id else operations
        return Answer(await estimated(setting, known, arguments["files"]))
    ids = await file_ids(setting, arguments["files"], "files")
    return Answer(await run_task(setting, ids, operations, arguments, pipeline_id))


async def _operations(setting: Setting, steps: Sequence[Mapping[str, Any]], *, only_priced: bool) -> list[operation_pb2.Operation]:
    """The operations. All are checked before a file is uploaded. Raises InvalidRequest."""
    places = [f"operations[{number}].parameters." for number in range(len(steps))]
    for step, where in zip(steps, places, strict=True):
        check(parameters_schema(parameters_of(step["operation"])), step.get("parameters", {}), where)
    return [
        await with_files(setting, step["operation"], step.get("parameters", {}), where, only_priced=only_priced)
        for step, where in zip(steps, places, strict=True)
    ]


async def _list(setting: Setting, _arguments: Mapping[str, Any]) -> Answer:
    return Answer(
        {
            "pipelines": [
                {
                    "pipeline_id": pipeline.id,
                    "name": pipeline.name,
                    "description": pipeline.description,
                    "operations": [str(operation.WhichOneof("operation")) for operation in pipeline.operations],
                }
                for pipeline in await setting.client.pipelines.list()
            ]
        }
    )
