"""`/api/v1/images/generations`."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence

from compat.pi.v1 import images_pb2, images_pb2_grpc, job_pb2
from darkroom.operations.v1 import gpt_image_2_pb2, nano_banana_2_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.interceptor import Context
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.model import Task
from services.tasks.surfaces.pi.creation import create
from services.tasks.surfaces.pi.jobs import ACCEPTED
from services.tasks.surfaces.pi.replies import Replies

_GPT, _NANO = "gpt_image_2", "nano_banana_2"
_FORMATS = ("jpg", "jpeg", "png", "webp")
_QUALITIES: Mapping[str, str] = {"standard": "medium", "hd": "high"}
_SIZES: Mapping[str, tuple[str, str]] = {
    "256x256": ("1:1", "0.5K"),
    "512x512": ("1:1", "0.5K"),
    "1024x1024": ("1:1", "1K"),
    "1536x1024": ("3:2", "1K"),
    "1024x1536": ("2:3", "1K"),
    "1792x1024": ("16:9", "1K"),
    "1024x1792": ("9:16", "1K"),
}
"""Aspect ratio and size class of OpenAI's sizes."""
_ONLY: Mapping[str, Sequence[str]] = {"1:4": [_NANO], "4:1": [_NANO], "1:8": [_NANO], "8:1": [_NANO]}
"""Aspect ratios that not every model has."""
_STANDARD = str.maketrans("-_", "+/")
"""From URL-safe base64."""
_MAGIC: Mapping[bytes, str] = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}


class PiImages(images_pb2_grpc.ImagesServiceServicer):
    """Pictures from prompts."""

    def __init__(self, acceptance: Acceptance, replies: Replies) -> None:
        self._acceptance, self._replies = acceptance, replies

    async def CreateImageGeneration(self, request: images_pb2.CreateImageGenerationRequest, context: Context) -> job_pb2.JobEnvelope:
        """Accept a job that makes pictures."""
        task = await self._first(request, operations(request), reference_urls(request.reference_images))
        await context.send_initial_metadata(ACCEPTED)
        return await self._replies.one(task, kind="image.generation")

    async def _first(
        self, request: images_pb2.CreateImageGenerationRequest, candidates: Sequence[operation_pb2.Operation], urls: dict[str, str]
    ) -> Task:
        """A job of the first operation that is available. Raises OPERATION_UNAVAILABLE, saying what each of them needs."""
        unavailable: list[DarkroomError] = []
        for operation in candidates:
            try:
                return await self._create(request, operation, urls)
            except DarkroomError as error:
                if error.reason is not ErrorReason.OPERATION_UNAVAILABLE:
                    raise
                unavailable.append(error)
        raise unavailable[0].saying(" ".join(error.message for error in unavailable))

    async def _create(
        self, request: images_pb2.CreateImageGenerationRequest, operation: operation_pb2.Operation, urls: dict[str, str]
    ) -> Task:
        return await create(self._acceptance, request, [operation], urls, without_effect(request, operation), _FORMATS)


def operations(request: images_pb2.CreateImageGenerationRequest) -> list[operation_pb2.Operation]:
    """The operations that can do what is asked, the preferred one first: that of the model, or one for each model that fits.

    Raises FIELD_INVALID.
    """
    ratio, resolution = _shape(request)
    fitting = _ONLY.get(ratio or "", [_GPT, _NANO])
    if request.HasField("model"):
        model = request.model.replace("-", "_")
        if model not in fitting:
            field = "output.aspect_ratio"
            message = f"{field}: {ratio} is not an aspect ratio of {request.model}; it is one of {' and '.join(fitting)}."
            raise DarkroomError(ErrorReason.FIELD_INVALID, message, field=field)
        fitting = [model]
    return [_operation(name, request, ratio, resolution) for name in fitting]


def without_effect(request: images_pb2.CreateImageGenerationRequest, operation: operation_pb2.Operation) -> list[task_pb2.Notice]:
    """Notices about the parameters that the operation does not have."""
    notices = []
    if request.output.HasField("thinking_intensity"):
        notices.append(_notice("output.thinking_intensity", "no_thinking_time", "No model of this server has a setting for thinking time."))
    if request.HasField("quality") and request.quality != "auto" and operation.WhichOneof("operation") != _GPT:
        notices.append(_notice("quality", "no_quality_levels", "Only gpt-image-2 has quality levels."))
    return notices


def reference_urls(images: Sequence[str]) -> dict[str, str]:
    """Reference pictures as URLs, by the fields that name them; bare base64 becomes a `data:` URI. Raises FIELD_INVALID."""
    return {f"reference_images[{index}]": _url(text, f"reference_images[{index}]") for index, text in enumerate(images)}


def _shape(request: images_pb2.CreateImageGenerationRequest) -> tuple[str | None, str | None]:
    """Aspect ratio and size class; None for what is left to the model."""
    output = request.output
    given = [name for name in ("aspect_ratio", "resolution") if output.HasField(name)]
    if request.HasField("size") and given:
        message = f"size: cannot be given together with output.{given[0]}."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="size")
    if request.HasField("size") and request.size != "auto":
        return _SIZES[request.size]
    ratio = output.aspect_ratio if output.HasField("aspect_ratio") and output.aspect_ratio != "auto" else None
    return ratio, output.resolution if output.HasField("resolution") else None


def _operation(
    name: str, request: images_pb2.CreateImageGenerationRequest, ratio: str | None, resolution: str | None
) -> operation_pb2.Operation:
    count = request.n or 1
    if name == _NANO:
        nano = nano_banana_2_pb2.NanoBanana2(
            prompt=request.prompt, aspect_ratio=ratio, resolution=resolution, count=count, archive=count > 1
        )
        return operation_pb2.Operation(nano_banana_2=nano)
    gpt = gpt_image_2_pb2.GptImage2(prompt=request.prompt, aspect_ratio=ratio, resolution=resolution, count=count, archive=count > 1)
    if request.HasField("quality"):
        gpt.quality = _QUALITIES.get(request.quality, request.quality)
    return operation_pb2.Operation(gpt_image_2=gpt)


def _url(text: str, field: str) -> str:
    if ":" in text[:10]:
        return text
    try:
        head = base64.b64decode(text[:16].translate(_STANDARD), validate=True)
    except (binascii.Error, ValueError):
        head = b""
    for magic, media_type in _MAGIC.items():
        if head.startswith(magic):
            return f"data:{media_type};base64,{text}"
    message = f"{field}: must be an https URL, a data: URI, or base64 of a JPEG, PNG or WebP picture."
    raise DarkroomError(ErrorReason.FIELD_INVALID, message, field=field)


def _notice(subject: str, why: str, message: str) -> task_pb2.Notice:
    return task_pb2.Notice(code="not_applied", subject=subject, message=message, details_json=json.dumps({"why": why}))
