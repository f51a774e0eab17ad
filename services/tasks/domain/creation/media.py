"""Which files an operation takes: kinds of media, their formats, and their sizes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import operation_pb2, options_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.common.media_format import read_formats
from services.common.operations import parameters_of, spec_of
from services.common.result_size import result_size

FORMATS: Mapping[options_pb2.MediaKind.ValueType, Mapping[str, str]] = {
    kind: {extension: each.media_type for each in read_formats(kind) for extension in each.extensions}
    for kind in (options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_PDF)
}
"""What the workers read, by kind: the names that people use for a format, and its media type."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Sizes in millions of pixels."""

    megapixels: float
    """Of a picture that is read."""
    result_megapixels: float
    """Of a picture that is made."""


def check_media(
    files: Sequence[file_pb2.File],
    fields: Sequence[str],
    operations: Sequence[operation_pb2.Operation],
    limits: MediaLimits,
    formats: Collection[str] | None,
) -> None:
    """Refuse files that the operations cannot work on. `fields` names, for each file, the request field to blame.

    `formats`, if given, narrows the formats further, as some APIs do. Raises MEDIA_UNSUPPORTED, MEDIA_LIMIT_EXCEEDED and, for a
    size that an upscale cannot give, FIELD_INVALID.
    """
    if spec_of(operations[0]).accepts == options_pb2.MEDIA_KIND_ANY:
        return
    for file, field in zip(files, fields, strict=True):
        check_format(file, field, spec_of(operations[0]).accepts, formats)
        if file.HasField("image"):
            _check_size(file, field, operations, limits)


def check_format(file: file_pb2.File, field: str, kind: options_pb2.MediaKind.ValueType, formats: Collection[str] | None) -> None:
    """Raise MEDIA_UNSUPPORTED, blaming `field`, for a file that is not of this kind or, if these are given, of none of these formats."""
    known = FORMATS.get(kind, {})
    accepted = {name: known[name] for name in (known if formats is None else formats)}
    if file.media_type not in accepted.values():
        raise DarkroomError(
            ErrorReason.MEDIA_UNSUPPORTED,
            f"{field}: the file is {file.media_type}; accepted are {', '.join(accepted)}.",
            field=field,
            allowed=tuple(accepted),
            metadata={"file_id": str(file.id)},
        )


def check_megapixels(file: file_pb2.File, field: str, limits: MediaLimits) -> None:
    """Raise MEDIA_LIMIT_EXCEEDED, blaming `field`, for a picture that is larger than is read."""
    megapixels = file.image.width * file.image.height / 1e6
    if megapixels > limits.megapixels:
        raise _too_large(file, field, f"it has {megapixels:.1f} megapixels", limits.megapixels)


def _check_size(file: file_pb2.File, field: str, operations: Sequence[operation_pb2.Operation], limits: MediaLimits) -> None:
    check_megapixels(file, field, limits)
    if spec_of(operations[0]).max_references:
        # What is made of references does not have their size. The workers check the results.
        return
    # Which of the two is the width depends on an orientation tag that only the worker reads, and the worker checks this as well.
    sizes = {(file.image.width, file.image.height), (file.image.height, file.image.width)}
    for number, operation in enumerate(operations):
        spec, parameters = spec_of(operation), parameters_of(operation)
        if spec.resize is None:
            continue
        by_factor = spec.number(parameters, options_pb2.PARAMETER_ROLE_FACTOR)
        if not by_factor and any(spec_of(before).trims(parameters_of(before)) for before in operations[:number]):
            # How much is cut off only the worker sees.
            return
        sizes = _enlarged(parameters, sizes, file, field)
        megapixels = min(width * height for width, height in sizes) / 1e6
        if megapixels > limits.result_megapixels:
            raise _too_large(file, field, f"the result would have {megapixels:.1f} megapixels", limits.result_megapixels)


def _enlarged(parameters: Message, sizes: Collection[tuple[int, int]], file: file_pb2.File, field: str) -> set[tuple[int, int]]:
    enlarged = set()
    for size in sorted(sizes, key=lambda size: size != (file.image.width, file.image.height), reverse=True):
        try:
            enlarged.add(result_size(parameters, *size))
        except DarkroomError as error:
            refused = error
    if not enlarged:
        raise DarkroomError(
            refused.reason, f"{field}: {refused.message}", field=field, allowed=refused.allowed, metadata={"file_id": str(file.id)}
        )
    return enlarged


def _too_large(file: file_pb2.File, field: str, what: str, limit: float) -> DarkroomError:
    return DarkroomError(
        ErrorReason.MEDIA_LIMIT_EXCEEDED,
        f"{field}: {file.image.width} × {file.image.height} pixels: {what}, at most {limit:g} are allowed.",
        field=field,
        allowed=(f"at most {limit:g} megapixels",),
        metadata={"file_id": str(file.id)},
    )
