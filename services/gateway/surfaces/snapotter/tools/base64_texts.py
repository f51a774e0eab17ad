"""`image-to-base64`: pictures as text, which streams from storage into the reply."""

from __future__ import annotations

import asyncio
import base64
import json
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from compat.snapotter.v1.conversion_tools_pb2 import ImageToBase64Settings
from darkroom.files.v1 import file_pb2
from darkroom.operations.v1.inspect_picture_pb2 import InspectPicture
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS
from darkroom.operations.v1.resize_pb2 import Resize
from services.gateway.surfaces.snapotter.batches.kinds import NO_FILES
from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS, why
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.names import Name, media_type_of
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import AsTask, Plan, Tool
from services.gateway.surfaces.snapotter.tool_settings import NOT_JSON, read_json, settings_of
from services.gateway.surfaces.snapotter.tools.context import ToolContext
from services.gateway.surfaces.snapotter.tools.writing import convert_to, extension_of, keep_format
from services.platform.identity import Identity

_HEIC = ("heic", "heif", "hif")
_SVG = "svg"
_ORIGINAL = "original"
_LONGEST = 65_535


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture that becomes text."""

    sent_file: SentFile
    file: file_pb2.File
    media_type: str
    size: int
    width: int
    height: int


def _plan(settings: ImageToBase64Settings, _name: str) -> Plan:
    operations = []
    if settings.max_width or settings.max_height:
        width, height = min(settings.max_width, _LONGEST), min(settings.max_height, _LONGEST)
        operations.append(Operation(resize=Resize(width=width, height=height, fit=FIT_BOUNDS, without_enlargement=True)))
    format_ = extension_of(settings.output_format)
    if format_ == _ORIGINAL:
        return Plan([*operations, keep_format(settings.quality)])
    return Plan([*operations, convert_to(format_, None if format_ == "png" else settings.quality)])


async def _serve(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    account_id = identity.account_id
    async with context.form(request, account_id, "all") as sent:
        if not sent.files:
            raise Refusal(400, NO_FILES)
        settings = settings_of(_json(sent.fields.get(SETTINGS, "")), ImageToBase64Settings)
        turns = asyncio.Semaphore(context.settings.jobs_at_once)

        async def one(file: SentFile) -> _Picture | Refusal:
            async with turns:
                try:
                    return await _picture(context, tool, settings, request, account_id, file)
                except Refusal as refusal:
                    await context.forms.discard_files(account_id, [file.file_id] if file.file_id else [])
                    return refusal

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(file)) for file in sent.files]
        except BaseExceptionGroup as raised:
            raise raised.exceptions[0] from None
    found = [task.result() for task in tasks]
    pictures = [each for each in found if isinstance(each, _Picture)]
    errors = [
        {"filename": file.name, "error": why(each)} for file, each in zip(sent.files, found, strict=True) if isinstance(each, Refusal)
    ]
    return StreamingResponse(_body(context, account_id, pictures, errors), media_type="application/json")


def _json(text: str) -> object:
    try:
        return read_json(text) if text.strip() else {}
    except Refusal as refusal:
        if refusal.error == NOT_JSON:
            return {}
        raise


async def _picture(
    context: ToolContext, tool: Tool, settings: ImageToBase64Settings, request: Request, account_id: int, file: SentFile
) -> _Picture:
    """Raises `Refusal` for a file that cannot be used."""
    if file.problem:
        raise Refusal(400, f"Invalid image: {file.problem}")
    extension = Name.of(file.name).extension[1:].lower()
    wanted = _copy(settings)
    if wanted.output_format == _ORIGINAL and (extension in _HEIC or file.format == "heif"):
        wanted.output_format = "jpeg"
    kept = RunRecord(tool.id, [file.working_name])
    if wanted.output_format == _ORIGINAL or (file.format == _SVG and extension == _SVG):
        inspect = [Operation(inspect_picture=InspectPicture())]
        run = await context.run(tool, request, account_id, [file.file_id], inspect, kept)
        said = json.loads(await context.contents.read(account_id, run.outputs[0]))
        fits = all(not most or said[side] <= most for side, most in (("width", wanted.max_width), ("height", wanted.max_height)))
        if fits or file.format == _SVG:
            stored, type_ = file_pb2.File(id=file.file_id), media_type_of(f"file.{file.format}")
            return _Picture(file, stored, type_, file.size, said["width"], said["height"])
    run = await context.run(tool, request, account_id, [file.file_id], tool.plan(wanted, file.working_name).operations, kept)
    made = run.outputs[0]
    return _Picture(file, made, made.media_type, made.size_bytes, made.image.width, made.image.height)


def _copy(settings: ImageToBase64Settings) -> ImageToBase64Settings:
    copied = ImageToBase64Settings()
    copied.CopyFrom(settings)
    return copied


async def _body(context: ToolContext, account_id: int, pictures: Sequence[_Picture], errors: Sequence[object]) -> AsyncIterator[bytes]:
    yield b'{"results":['
    for number, picture in enumerate(pictures):
        described = json.dumps(_described(picture), ensure_ascii=False).encode()[:-1]
        yield (b"," if number else b"") + described + b',"base64":"'
        async for piece in _text(context, account_id, picture):
            yield piece
        yield f'","dataUri":"data:{picture.media_type};base64,'.encode()
        async for piece in _text(context, account_id, picture):
            yield piece
        yield b'"}'
    yield b'],"errors":' + json.dumps(errors, ensure_ascii=False).encode() + b"}"


def _described(picture: _Picture) -> dict[str, object]:
    original, encoded = picture.sent_file.size, (picture.size + 2) // 3 * 4
    return {
        "filename": picture.sent_file.name,
        "mimeType": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "originalSize": original,
        "encodedSize": encoded,
        "overheadPercent": math.floor((encoded - original) / original * 1000 + 0.5) / 10,
    }


async def _text(context: ToolContext, account_id: int, picture: _Picture) -> AsyncIterator[bytes]:
    """The base64 text of a stored file."""
    rest = b""
    async with context.contents.open(account_id, picture.file) as pieces:
        async for piece in pieces:
            rest += piece
            whole = len(rest) // 3 * 3
            if whole:
                yield base64.b64encode(rest[:whole])
                rest = rest[whole:]
    yield base64.b64encode(rest)


IMAGE_TO_BASE64 = Tool(
    "image-to-base64",
    ImageToBase64Settings,
    _plan,
    serve=_serve,
    as_task=AsTask(
        instead="It answers with the text of pictures, which no task makes. Call POST /api/v1/tools/image-to-base64.",
    ),
)
