"""Tools about tasks and the balance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from darkroom.mcp.schemas import Schema
from darkroom.mcp.tasks import WAITING, follow, outcome, state_of, summary
from darkroom.mcp.tool import ADDS, ENDS, LOOKS, Answer, Setting, Tool
from darkroom.tasks.v1 import task_pb2

_TASK: Schema = {"type": "string", "pattern": "^[0-9]{1,15}$", "description": "Id of the task."}
_STATES = [state_of(number) for number in task_pb2.TaskState.values() if number]


def task_tools() -> list[Tool]:
    """Look up, wait, cancel, fetch results; the balance."""
    return [
        Tool(
            "wait_for_task",
            "Wait for a task",
            "Wait until a task has ended, and return its results. The task goes on if this call is cancelled.",
            {"task_id": _TASK, **WAITING},
            ("task_id",),
            ADDS,
            _wait,
            keeps_results=True,
        ),
        Tool("get_task", "Look up a task", "State, progress, price and notices of a task.", {"task_id": _TASK}, ("task_id",), LOOKS, _get),
        Tool(
            "list_tasks",
            "List tasks",
            "The newest tasks of the account.",
            {
                "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20, "description": "How many at most."},
                "state": {"type": "string", "enum": _STATES, "description": "Only those in this state."},
            },
            (),
            LOOKS,
            _list,
        ),
        Tool(
            "cancel_task",
            "Cancel a task",
            "Cancel a task that has not ended. Nothing is charged for it.",
            {"task_id": _TASK},
            ("task_id",),
            ENDS,
            _cancel,
        ),
        Tool(
            "download_results",
            "Get the results of a task",
            "Get the results of a task that has succeeded, once more. Free.",
            {"task_id": _TASK},
            ("task_id",),
            ADDS,
            _download,
            keeps_results=True,
        ),
        Tool("get_balance", "Balance", "The credits that the account has, and those that are reserved for tasks.", {}, (), LOOKS, _balance),
    ]


async def _wait(setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    setting.places.check(arguments)
    return Answer(await follow(setting, int(arguments["task_id"]), arguments, cancels=False))


async def _get(setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    task = await setting.client.get_task(int(arguments["task_id"]))
    found = summary(task) | {"operations": _operations(task), "input_file_ids": [str(number) for number in task.input_file_ids]}
    if task.output_file_ids:
        found["output_file_ids"] = [str(number) for number in task.output_file_ids]
    if task.error.message:
        found["error"] = task.error.message
    return Answer(found)


async def _list(setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    states = [task_pb2.TaskState.Value(f"TASK_STATE_{arguments['state'].upper()}")] if "state" in arguments else []
    tasks = await setting.client.list_tasks(arguments.get("limit", 20), states)
    return Answer({"tasks": [{**summary(task), "operations": _operations(task), "inputs": list(task.input_names)} for task in tasks]})


async def _cancel(setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    return Answer(summary(await setting.client.cancel_task(int(arguments["task_id"]))))


async def _download(setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    setting.places.check(arguments)
    return Answer(await outcome(setting, await setting.client.get_task(int(arguments["task_id"])), arguments))


async def _balance(setting: Setting, _arguments: Mapping[str, Any]) -> Answer:
    balance = await setting.client.balance()
    return Answer(
        {
            "available_credits": None if balance.unlimited else balance.available_millicredits / 1000,
            "reserved_credits": balance.reserved_millicredits / 1000,
            "unlimited": balance.unlimited,
        }
    )


def _operations(task: task_pb2.Task) -> list[str]:
    return [str(operation.WhichOneof("operation")) for operation in task.operations]
