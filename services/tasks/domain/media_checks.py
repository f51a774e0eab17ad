"""Which files a task's operations can work on: their formats, their sizes, and how long videos may be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from darkroom.operations.v1 import convert_pb2, operation_pb2, options_pb2
from darkroom.operations.v1.convert_pb2 import Convert
from darkroom.operations.v1.upscale_pb2 import Upscale
from services.pictures.geometry import Size
from services.pictures.media_format import format_of, read_formats
from services.pictures.moving import READ_BY_FRAME, VIDEOS, WRITTEN_BY_FRAME, chosen_frame
from services.pictures.operations import Arity, parameters_of, spec_of, specs
from services.pictures.result_size import changes_size, resolve_percentages, result_size, size_of_any
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.plan import NamedFile, frames_of, works_on_frames
from services.tasks.model.media import InputFile

FORMATS: Mapping[options_pb2.MediaKind.ValueType, Mapping[str, str]] = {
    kind: {extension: each.media_type for each in read_formats(kind) for extension in each.extensions}
    for kind in (options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_PDF, options_pb2.MEDIA_KIND_VIDEO)
}
"""The formats that the workers read, by kind: a format's common name and its media type."""
_VIDEO_FORMATS = {
    convert_pb2.PICTURE_FORMAT_MP4: "MP4",
    convert_pb2.PICTURE_FORMAT_WEBM: "WebM",
    convert_pb2.PICTURE_FORMAT_MOV: "MOV",
}
_FOLLOW_INPUT = (convert_pb2.PICTURE_FORMAT_UNSPECIFIED, convert_pb2.PICTURE_FORMAT_KEPT)
_NAMES = {name: number for name, number in convert_pb2.PictureFormat.items() if number}


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Sizes are in millions of pixels."""

    megapixels: float
    """Limit of a picture that is read, or of a frame."""
    result_megapixels: float
    """Limit of a picture that is made, or of a frame."""
    video_seconds: float
    """Limit of a video."""
    moving_megapixels: float
    """Limit of all frames together of an animation or a video, as it is read and after each operation."""


def check_media(
    files: Sequence[InputFile],
    fields: Sequence[str],
    operations: Sequence[operation_pb2.Operation],
    limits: MediaLimits,
    formats: Collection[str] | None,
    *,
    sizes: bool = True,
) -> None:
    """Refuse files that the operations cannot work on. `fields` names, for each file, the request field to blame.

    `formats`, if given, narrows the formats further, as some APIs do. Without `sizes`, those of results are left to the worker. Raises
    MEDIA_UNSUPPORTED, MEDIA_LIMIT_EXCEEDED and FIELD_INVALID, for a size that an upscale cannot give and for a still picture that should
    become a video.
    """
    kind = spec_of(operations[0]).accepts
    if kind == options_pb2.MEDIA_KIND_ANY:
        return
    still = next((spec.name for spec in map(spec_of, operations) if not spec.by_frame), None)
    for file, field in zip(files, fields, strict=True):
        if kind == options_pb2.MEDIA_KIND_IMAGE and format_of(file.media_type) in VIDEOS and formats is None and still is not None:
            raise _takes_no_video(file, field, still)
        check_format(file, field, kind, formats, videos=kind == options_pb2.MEDIA_KIND_IMAGE and still is None)
        if file.image_size is not None:
            _check_video_format(file, operations)
            _check_chosen_frame(file, operations)
            check_megapixels(file, file.image_size, field, limits)
            largest = _check_size(file, file.image_size, field, operations, limits) if sizes else 0.0
            if works_on_frames(operations, file):
                _check_moving(file, file.image_size, field, frames_of(operations, file), largest, limits)


def check_format(
    file: InputFile, field: str, kind: options_pb2.MediaKind.ValueType, formats: Collection[str] | None, *, videos: bool = False
) -> None:
    """Raise MEDIA_UNSUPPORTED, blaming `field`, for a file that is not of this kind, nor with `videos` a video, or, if `formats` are given,
    not in one of them."""
    known = {**FORMATS.get(kind, {}), **(FORMATS[options_pb2.MEDIA_KIND_VIDEO] if videos else {})}
    accepted = {name: known[name] for name in (known if formats is None else formats) if name in known}
    if file.media_type not in accepted.values():
        raise DarkroomError(
            ErrorReason.MEDIA_UNSUPPORTED,
            f"{field}: the file is {file.media_type}; accepted are {', '.join(accepted)}.",
            field=field,
            allowed=tuple(accepted),
            metadata={"file_id": str(file.id)},
        )


def _takes_no_video(file: InputFile, field: str, operation: str) -> DarkroomError:
    by_frame = sorted(name for name, spec in specs().items() if spec.by_frame)
    return DarkroomError(
        ErrorReason.MEDIA_UNSUPPORTED,
        f"{field}: the file is {file.media_type}, and {operation} does not take videos. Videos can be worked on by {', '.join(by_frame)}.",
        field=field,
        allowed=tuple(FORMATS[options_pb2.MEDIA_KIND_IMAGE]),
        metadata={"file_id": str(file.id)},
    )


def _check_video_format(file: InputFile, operations: Sequence[operation_pb2.Operation]) -> None:
    """Refuse to write a video of what has, or will have, one picture."""
    asking = [(index, parameters_of(each)) for index, each in enumerate(operations)]
    asked = [(index, each.format) for index, each in asking if isinstance(each, Convert | Upscale) and each.format not in _FOLLOW_INPUT]
    if not asked or asked[-1][1] not in _VIDEO_FORMATS or works_on_frames(operations, file):
        return
    index, format_ = asked[-1]
    field = f"operations[{index}].{spec_of(operations[index]).name}.format"
    pictures = [name for name, number in _NAMES.items() if number not in _VIDEO_FORMATS]
    once = next((spec.name for spec in map(spec_of, operations) if not spec.by_frame), "the task")
    is_still = file.frames == 1 or format_of(file.media_type) not in READ_BY_FRAME
    reason = f"the file is a still picture ({file.media_type})" if is_still else f"{once} works on one picture"
    raise DarkroomError(
        ErrorReason.FIELD_INVALID,
        f"{field}: {_VIDEO_FORMATS[format_]} is for animations and videos, and {reason}. Choose one of {', '.join(pictures)}.",
        field=field,
        allowed=tuple(pictures),
        metadata={"file_id": str(file.id)},
    )


def _check_chosen_frame(file: InputFile, operations: Sequence[operation_pb2.Operation]) -> None:
    """Refuse a frame or page that the file does not have, as far as they are counted."""
    number = chosen_frame([parameters_of(each) for each in operations])
    count = file.frames if format_of(file.media_type) in WRITTEN_BY_FRAME else 1
    if number <= (count or number):
        return
    index = next(index for index, each in enumerate(operations) if each.convert.frame)
    field = f"operations[{index}].convert.frame"
    raise DarkroomError(
        ErrorReason.FIELD_INVALID,
        f"{field}: {file.name} has {count} {'frame or page' if count == 1 else 'frames or pages'}, so there is no number {number}.",
        field=field,
        allowed=(f"1 to {count}",),
        metadata={"file_id": str(file.id)},
    )


def _check_moving(file: InputFile, size: Size, field: str, frames: int, largest: float, limits: MediaLimits) -> None:
    """Refuse a video that takes too long, and frames that are too many for their size. `largest`: megapixels of a frame at its largest."""
    if file.milliseconds is not None and file.milliseconds > limits.video_seconds * 1000:
        raise DarkroomError(
            ErrorReason.MEDIA_LIMIT_EXCEEDED,
            f"{field}: the video takes {file.milliseconds / 1000:,.2f} seconds; at most {limits.video_seconds:g} are allowed.",
            field=field,
            allowed=(f"at most {limits.video_seconds:g} seconds",),
            metadata={"file_id": str(file.id)},
        )
    before = size[0] * size[1] / 1e6
    total, whose = max((frames * before, "have"), (frames * largest, "would have after its operations"))
    if total > limits.moving_megapixels:
        raise DarkroomError(
            ErrorReason.MEDIA_LIMIT_EXCEEDED,
            f"{field}: {frames:,} frames of {size[0]} × {size[1]} pixels {whose} {total:,.0f} megapixels together; at most "
            f"{limits.moving_megapixels:,g} are allowed.",
            field=field,
            allowed=(f"at most {limits.moving_megapixels:g} megapixels in all frames",),
            metadata={"file_id": str(file.id)},
        )


def check_megapixels(file: InputFile, size: tuple[int, int], field: str, limits: MediaLimits) -> None:
    """Raise MEDIA_LIMIT_EXCEEDED, blaming `field`, for a picture that is too large to be read."""
    megapixels = size[0] * size[1] / 1e6
    if megapixels > limits.megapixels:
        raise _too_large(file, size, field, f"it has {megapixels:.1f} megapixels", limits.megapixels)


def _check_size(
    file: InputFile, size: tuple[int, int], field: str, operations: Sequence[operation_pb2.Operation], limits: MediaLimits
) -> float:
    """The megapixels of the largest result, as far as it is known."""
    largest = 0.0
    if spec_of(operations[0]).arity is not Arity.EACH:
        # A result of several files does not have their size. The workers check the results.
        return largest
    # Which of the two is the width depends on an orientation tag that only the worker reads, so the worker checks this too.
    sizes, trimmed = {each: each for each in (size, size[::-1])}, False
    for operation in operations:
        spec, parameters = spec_of(operation), parameters_of(operation)
        if not changes_size(parameters):
            trimmed = trimmed or spec.trims(parameters)
            continue
        if trimmed and not spec.number(parameters, options_pb2.PARAMETER_ROLE_FACTOR):
            sized = {original: size_of_any(resolve_percentages(parameters, original)) for original in sizes}
            sizes, trimmed = {original: each for original, each in sized.items() if each is not None}, False
            if not sizes:
                # Only the worker knows how much is cut off.
                return largest
        else:
            sizes = _enlarged(parameters, sizes, file, size, field)
        megapixels = min(width * height for width, height in sizes.values()) / 1e6
        if megapixels > limits.result_megapixels:
            raise _too_large(file, size, field, f"the result would have {megapixels:.1f} megapixels", limits.result_megapixels)
        largest = max(largest, megapixels)
    return largest


def _enlarged(parameters: Message, sizes: Mapping[Size, Size], file: InputFile, stored: Size, field: str) -> dict[Size, Size]:
    """The sizes after an operation, by that of the upright original."""
    enlarged: dict[Size, Size] = {}
    for original in sorted(sizes, key=lambda size: size != stored, reverse=True):
        try:
            enlarged[original] = result_size(resolve_percentages(parameters, original), *sizes[original])
        except DarkroomError as error:
            refused = error
    if not enlarged:
        raise DarkroomError(
            refused.reason, f"{field}: {refused.message}", field=field, allowed=refused.allowed, metadata={"file_id": str(file.id)}
        )
    return enlarged


def _too_large(file: InputFile, size: tuple[int, int], field: str, what: str, limit: float) -> DarkroomError:
    return DarkroomError(
        ErrorReason.MEDIA_LIMIT_EXCEEDED,
        f"{field}: {size[0]} × {size[1]} pixels: {what}, at most {limit:g} are allowed.",
        field=field,
        allowed=(f"at most {limit:g} megapixels",),
        metadata={"file_id": str(file.id)},
    )


def check_auxiliary(named: Sequence[NamedFile], files: Sequence[InputFile], limits: MediaLimits, formats: Collection[str] | None) -> None:
    """Refuse named files, one for each name, that are of the wrong kind or too large to be read; `formats` as in `check_media`.

    Raises MEDIA_UNSUPPORTED and MEDIA_LIMIT_EXCEEDED.
    """
    for each, file in zip(named, files, strict=True):
        check_format(file, each.field, each.input.kind, formats)
        if file.image_size is not None:
            check_megapixels(file, file.image_size, each.field, limits)
