"""Tools with which a model gets to know files: upload, look, describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from darkroom import operations
from darkroom.failures import ApiError, DarkroomFailure, TaskFailed, explained
from darkroom.mcp.schemas import Schema
from darkroom.mcp.tasks import about_file, all_of, file_id, finished, is_report, report_in
from darkroom.mcp.tool import ADDS, REACHES_OUT, Answer, Result, Setting, Tool
from darkroom.operations.v1 import operation_pb2

LONGEST_SIDE, MOST_BYTES = 1024, 300_000
"""The largest preview."""
_GAP = 16
_PARTS: Mapping[str, tuple[operation_pb2.Operation, str]] = {
    "format": (operations.inspect_picture(), "colour space, channels, resolution, what the file holds besides, histogram; 0.5 credits"),
    "metadata": (operations.inspect_metadata(), "Exif, XMP and IPTC data, such as camera, date and place; 0.5 credits"),
    "palette": (operations.inspect_palette(), "the main colours; 0.5 credits"),
    "quality": (operations.inspect_quality(), "sharpness, noise, exposure; 0.5 credits"),
    "barcodes": (operations.read_barcodes(), "barcodes and QR codes; 0.5 credits"),
    "text": (operations.read_text(), "the text in the picture (OCR), with places; 2 credits"),
    "faces": (operations.blur_faces(), "how many faces there are, and where; 2 credits, nothing if there is none"),
}
_FILE: Schema = {"type": "string", "description": "The file."}


def picture_tools() -> list[Tool]:
    """Upload, describe, preview."""
    parts = "; ".join(f"{name}: {text}" for name, (_, text) in _PARTS.items())
    return [
        Tool(
            "upload",
            "Upload a file",
            "Put a picture, video or PDF on the server, for several tools to use by its id. Returns its size and type. Free.",
            {"file": _FILE},
            ("file",),
            REACHES_OUT,
            _upload,
            files=("file",),
        ),
        Tool(
            "describe_picture",
            "Describe a picture",
            "Name, type, size in bytes and pixels, frames and length of a file: free. On request also what is read from the picture, at "
            "list prices.",
            {
                "file": _FILE,
                "include": {
                    "type": "array",
                    "items": {"type": "string", "enum": list(_PARTS)},
                    "uniqueItems": True,
                    "description": f"Also read: {parts}.",
                },
            },
            ("file",),
            ADDS,
            _describe,
            files=("file",),
        ),
        Tool(
            "preview",
            "Look at a picture",
            f"Look at a picture, or at one before and after side by side: a JPEG of at most {LONGEST_SIDE} pixels and {MOST_BYTES // 1000} "
            "kB; what is transparent is white, and of an animation or a video it is the first frame. Costs 1 credit at list prices, "
            "1.5 with before, and 0.5 more for each video then.",
            {"file": _FILE, "before": {"type": "string", "description": "Another to put on the left, such as the original."}},
            ("file",),
            ADDS,
            _preview,
            files=("file", "before"),
        ),
    ]


async def _upload(setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    number = await file_id(setting, arguments["file"], "file")
    return Answer(about_file(await setting.client.get_file(number)))


async def _describe(setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    number = await file_id(setting, arguments["file"], "file")
    wanted = arguments.get("include", ())
    about = about_file(await setting.client.get_file(number))
    found = await all_of([_part(setting, number, name) for name in wanted])
    return Answer(about | dict(zip(wanted, found, strict=True)))


async def _part(setting: Setting, number: int, name: str) -> Any:
    """The report of one operation. An error of one part leaves the others alone, unless it would be that of all."""
    try:
        task = await finished(setting, [number], [_PARTS[name][0]])
    except (TaskFailed, ApiError) as failure:
        if failure.reason in ("OPERATION_UNAVAILABLE", *_OF_ONE):
            return {"error": explained(failure), "reason": failure.reason}
        raise
    for download in await setting.client.result_urls(task):
        if is_report(download):
            return await report_in(setting, download)
    return {"error": "The report is too long for an answer.", "task_id": str(task.id)}


_OF_ONE = ("MEDIA_UNSUPPORTED", "MEDIA_LIMIT_EXCEEDED", "INTERNAL", "WORKER_LOST")
"""Reasons for which one operation may fail where others do not."""


async def _preview(setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    before = [await file_id(setting, arguments["before"], "before")] if "before" in arguments else []
    numbers = [*before, await file_id(setting, arguments["file"], "file")]
    if before:
        numbers = [await _still(setting, number) for number in numbers]
    task = await finished(setting, numbers, _steps(together=bool(before)))
    [download] = await setting.client.result_urls(task)
    content = await setting.places.read(setting.client, download)
    if len(content) > MOST_BYTES:
        raise DarkroomFailure(f"The preview has {len(content)} bytes, more than {MOST_BYTES}.")
    shown: Result = about_file(download.file) | {"shows": "before on the left, after on the right" if before else "the picture"}
    return Answer(shown | {"charged_credits": task.price.charged_millicredits / 1000}, [content])


async def _still(setting: Setting, number: int) -> int:
    """The first frame of a video, or the file itself, since videos do not stand side by side."""
    if not (await setting.client.get_file(number)).media_type.startswith("video/"):
        return number
    task = await finished(setting, [number], [operations.convert(format="jpeg", color_space="rgb", strip_metadata=True)])
    [download] = await setting.client.result_urls(task)
    return download.file.id


def _steps(*, together: bool) -> list[operation_pb2.Operation]:
    """The platform makes previews as it makes all pictures, so that every format it reads can be shown, and a file that was made to do harm
    is decoded in its sandbox and nowhere else."""
    joined = [operations.stitch(gap=_GAP)] if together else []
    small = operations.resize(width=LONGEST_SIDE, height=LONGEST_SIDE, fit="bounds", without_enlargement=True)
    return [*joined, small, operations.convert(format="jpeg", max_bytes=MOST_BYTES, color_space="rgb", strip_metadata=True)]
