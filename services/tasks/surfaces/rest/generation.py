"""The two calls of `/v1` that make pictures, as operations."""

from __future__ import annotations

from buf.validate import validate_pb2

from darkroom.operations.v1 import gpt_image_2_pb2, nano_banana_2_pb2, operation_pb2
from darkroom.rest.v1 import generation_pb2
from services.platform.errors import DarkroomError, ErrorReason

REFERENCE_FORMATS = ("jpg", "jpeg", "png", "webp")


def gpt_image_2(request: generation_pb2.GPTImage2Request) -> operation_pb2.Operation:
    """The operation. Raises FIELD_INVALID if neither references nor an aspect ratio determine the pictures' shape."""
    _check_aspect_ratio(request)
    parameters = gpt_image_2_pb2.GptImage2()
    _carry_over(request, parameters)
    if request.HasField("quality"):
        parameters.quality = request.quality
    return operation_pb2.Operation(gpt_image_2=parameters)


def nano_banana_2(request: generation_pb2.NanoBanana2Request) -> operation_pb2.Operation:
    """The operation. Raises FIELD_INVALID as `gpt_image_2`."""
    _check_aspect_ratio(request)
    parameters = nano_banana_2_pb2.NanoBanana2()
    _carry_over(request, parameters)
    return operation_pb2.Operation(nano_banana_2=parameters)


def _carry_over(
    request: generation_pb2.GPTImage2Request | generation_pb2.NanoBanana2Request,
    parameters: gpt_image_2_pb2.GptImage2 | nano_banana_2_pb2.NanoBanana2,
) -> None:
    parameters.prompt = request.prompt
    parameters.negative_prompt = request.negative_prompt
    if request.HasField("aspect_ratio"):
        parameters.aspect_ratio = request.aspect_ratio
    if request.HasField("resolution"):
        parameters.resolution = request.resolution
    if request.HasField("output_count"):
        parameters.count = request.output_count
    # Under `/v1`, a result of several files also includes an archive of them.
    parameters.archive = parameters.count > 1
    parameters.keep_reference_size = request.preprocess_mode == "off"


def _check_aspect_ratio(request: generation_pb2.GPTImage2Request | generation_pb2.NanoBanana2Request) -> None:
    if request.image_file_ids or request.HasField("aspect_ratio"):
        return
    rules = request.DESCRIPTOR.fields_by_name["aspect_ratio"].GetOptions().Extensions[validate_pb2.field]
    allowed = tuple(getattr(rules.string, "in"))
    raise DarkroomError(
        ErrorReason.FIELD_INVALID, "aspect_ratio: is required without image_file_ids.", field="aspect_ratio", allowed=allowed
    )
