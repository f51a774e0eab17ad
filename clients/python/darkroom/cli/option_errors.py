"""Errors of the API in terms of the command line: the option, or the file, instead of the request's field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom.cli.exits import USAGE, message_of, tell
from darkroom.cli.operation_verbs import unfit
from darkroom.cli.parameters import option_name
from darkroom.failures import ApiError, InvalidRequest
from darkroom.operations.v1 import operation_pb2

if TYPE_CHECKING:
    from darkroom.client import AsyncClient

_FIELD = re.compile(r"operations\[\d+\]\.(?P<operation>\w+)(?:\.(?P<field>\w+)[\w.\[\]]*)?(?:: )?")
# The command names the file itself.
_FILE = re.compile(r"(?:(?:items\[\d+\]\.)?input_file_ids\[\d+\]|files\[\d+\](?:\.\w+)?): ")
_ITEM = re.compile(r"items\[(\d+)\]\.input_file_ids")


async def check(client: AsyncClient, operations: Sequence[operation_pb2.Operation], inputs: int) -> int:
    """Have the server check the options of a task with this many inputs before anything is uploaded.

    Returns the exit status, 0 if the server finds nothing wrong.

    A key that may not ask for prices is no reason to stop here: the server checks again when it creates the task.
    """
    try:
        await client.estimate_price(operations, file_count=inputs)
    except InvalidRequest as failure:
        if _FIELD.match(failure.field or ""):
            tell(in_options(failure))
            return USAGE
    except ApiError:
        pass
    return 0


def in_options(failure: ApiError) -> str:
    """The error's message, with the option in place of the request's field."""
    said = about_file(_FIELD.sub("", message_of(failure)))
    found = _FIELD.match(failure.field or "")
    name = option_name(found["operation"], found["field"]) if found and found["field"] else ""
    return f"{name}: {said}" if name else said


def in_file(failure: ApiError, operation: operation_pb2.Operation, inputs: Sequence[Path | str]) -> str:
    """The error's message for a task with these inputs: where a file is of the wrong type, what the operation takes."""
    if failure.reason == "MEDIA_UNSUPPORTED":
        for given in inputs:
            why = unfit(operation, given.name) if isinstance(given, Path) else None
            if why is not None:
                return why if len(inputs) == 1 else f"{given} is {why}"
    return in_options(failure)


def about_file(message: str) -> str:
    """A message without the position of the file in the request."""
    return _FILE.sub("", message)


def batch_item(failure: ApiError) -> int | None:
    """The index of the batch's item whose file is at fault, if the error is about one."""
    found = _ITEM.match(failure.field or "")
    return int(found[1]) if found else None
