"""Tools for language models: their schemas, what they make of arguments, and the choice among them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from darkroom.failures import ApiError, ConnectionFailed, InvalidRequest
from darkroom.mcp.checking import check
from darkroom.mcp.operation_tools import groups, in_parameters
from darkroom.mcp.registry import all_tools, chosen_tools, parse_choice
from darkroom.mcp.remote import Remote
from darkroom.mcp.schemas import operation_of, parameters_of, parameters_schema
from darkroom.mcp.tasks import WAITING, OutOfSight, run_task
from darkroom.mcp.tool import Setting
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2


async def _nothing(_download: object) -> bytes:
    raise AssertionError


PLACES = Remote(_nothing)
TOOLS = {tool.name: tool for tool in all_tools()}


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(found := schema.get("pattern"), str):
            yield found
        for value in schema.values():
            yield from _patterns(value)


def test_every_tool_has_a_valid_schema_and_a_short_text() -> None:
    assert len(TOOLS) == len(all_tools())
    own = {"files", "estimate", "save_to", *WAITING}
    for tool in all_tools():
        schema = tool.schema(PLACES)
        Draft202012Validator.check_schema(schema)
        for pattern in _patterns(schema):
            re.compile(pattern)
        assert len(tool.description) < 500, tool.name
        assert tool.description.endswith("."), tool.name
        assert set(tool.required) <= schema["properties"].keys(), tool.name
        if tool.group:
            assert not own & parameters_schema(parameters_of(tool.name))["properties"].keys(), tool.name
            assert tool.group in groups()
            assert re.search(r"credits? a (file|page|result)|Free", tool.description), tool.name


def test_arguments_become_operations() -> None:
    arguments = {"subject": "portrait", "background_picture": "7", "trim": True}
    check(parameters_schema(parameters_of("remove_background")), arguments)
    operation = operation_of("remove_background", arguments, {"background_picture": 7})
    assert operation.remove_background.background_file_id == 7
    assert operation == operation_pb2.Operation(remove_background={"subject": "SUBJECT_PORTRAIT", "background_file_id": 7, "trim": True})
    boxes = [{"x1": 1, "y1": 2, "x2": 3.5, "y2": 4}]
    assert operation_of("remove_watermark", {"boxes": boxes}, {}).remove_watermark.boxes[0].x2 == 3.5
    enhanced = operation_of("upscale", {"factor": 4, "enhancements": ["text"]}, {})
    assert enhanced == operation_pb2.Operation(upscale={"factor": 4, "enhancements": ["ENHANCEMENT_TEXT"]})


@pytest.mark.parametrize(
    ("operation", "arguments", "field", "said"),
    [
        ("crop", {"area": {"left": 0, "top": 0, "width": 0, "height": 1}}, "area.width", "at least 1, not 0"),
        ("crop", {"area": {"left": "0"}}, "area.left", "a whole number, not '0'"),
        ("crop", {"aspect_ratio": "wide"}, "aspect_ratio", "does not match"),
        ("convert", {"format": "bmp"}, "format", "must be one of jpeg, png, webp"),
        ("upscale", {"enhancements": ["text", "all"]}, "enhancements[1]", "must be one of"),
        ("remove_watermark", {"boxes": [{"x1": 101}]}, "boxes[0].x1", "at most 100"),
        ("qr_code", {}, "text", "is required"),
    ],
)
def test_what_is_said_of_wrong_arguments(operation: str, arguments: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check(parameters_schema(parameters_of(operation)), arguments)
    assert refused.value.field == field
    assert said in str(refused.value)


def test_errors_of_the_platform_name_the_tools_parameter() -> None:
    said = InvalidRequest("FIELD_INVALID", "operations[0].crop.area: is too wide.", "operations[0].crop.area", allowed=("1",))
    found = in_parameters(said)
    assert (str(found), found.field, found.allowed, type(found)) == ("area: is too wide.", "area", ("1",), InvalidRequest)
    mask = in_parameters(
        InvalidRequest("FIELD_INVALID", "operations[0].erase.mask_file_id: is required.", "operations[0].erase.mask_file_id")
    )
    assert (str(mask), mask.field) == ("mask_picture: is required.", "mask_picture")
    whole = in_parameters(ApiError("FIELD_INVALID", "operations[0].crop: needs one of area and aspect_ratio.", "operations[0].crop"))
    assert (str(whole), whole.field) == ("needs one of area and aspect_ratio.", None)


def test_a_choice_of_tools() -> None:
    always = {tool.name for tool in all_tools() if not tool.group}
    chosen = {tool.name for tool in chosen_tools(parse_choice("upscale, documents,remove-background"))}
    assert chosen - always > {"upscale", "remove_background", "make_pdf"}
    assert always < chosen
    assert not {"crop", "convert"} & chosen
    assert chosen_tools(parse_choice("")) == all_tools()
    with pytest.raises(ValueError, match=r"sizes: there is no such group or operation\. Groups are background"):
        chosen_tools(parse_choice("sizes,shape"))


@pytest.mark.parametrize("given", ["/etc/passwd", "file:///etc/passwd", "..", "12345678901234567", ""])
def test_elsewhere_files_have_urls_and_ids(given: str) -> None:
    assert PLACES.source("HTTPS://example.com/a.png", "file") == "HTTPS://example.com/a.png"
    assert PLACES.source("271828182845", "file") == 271828182845
    with pytest.raises(InvalidRequest) as refused:
        PLACES.source(given, "file")
    assert refused.value.field == "file"


class Interrupted:
    """A client whose connection is lost as soon as there is a task, or whose task takes a while to be made."""

    def __init__(self, created: asyncio.Event | None = None) -> None:
        self.created, self.cancelled = created, [0]

    async def create_task(self, *_arguments: object, **_options: object) -> task_pb2.Task:
        if self.created is not None:
            await self.created.wait()
        return task_pb2.Task(id=7)

    async def cancel_task(self, task_id: int) -> None:
        self.cancelled = [task_id]

    async def watch(self, task_id: int) -> AsyncIterator[task_pb2.TaskEvent]:
        if task_id:
            raise ConnectionFailed("The server cannot be reached.")
        yield task_pb2.TaskEvent(task_id=task_id)


async def _report(_progress: float, _step: str) -> None:
    return


async def test_a_task_that_was_created_is_named_whatever_happens_then() -> None:
    with pytest.raises(OutOfSight) as lost:
        await run_task(Setting(Interrupted(), PLACES, _report), [], [], {})
    assert (lost.value.task_id, lost.value.reason) == (7, "CONNECTION_FAILED")


async def test_a_call_that_is_cancelled_while_its_task_is_made() -> None:
    client = Interrupted(asyncio.Event())
    call = asyncio.ensure_future(run_task(Setting(client, PLACES, _report), [], [], {}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.sleep(0)
    assert client.cancelled == [0]
    assert client.created is not None
    client.created.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert client.cancelled == [7]
