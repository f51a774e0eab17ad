"""An edit as the steps of one pipeline.

Claid does not say in which order its operations run. Here repairs come first, since everything after them works better on a clean picture,
then the object is found at the size that it was taken in, and only then the picture gets its size, so that a neural network enlarges the
object and not the part that is cut off. Transparent areas are filled last, so that no step before changes the colour of the background.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from darkroom.operations.v1 import (
    adjust_pb2,
    blur_background_pb2,
    convert_pb2,
    decompress_pb2,
    fill_background_pb2,
    operation_pb2,
    pad_pb2,
    polish_pb2,
    remove_background_pb2,
)
from services.tasks.surfaces.claid.kinds import TRANSPARENT
from services.tasks.surfaces.claid.models import UploadRequest
from services.tasks.surfaces.claid.operation_models import Category, Operations
from services.tasks.surfaces.claid.output_models import Output
from services.tasks.surfaces.claid.sizing import Sizing, sizing

Operation = operation_pb2.Operation

SUBJECTS: Mapping[str, remove_background_pb2.Subject.ValueType] = {
    "general": remove_background_pb2.SUBJECT_GENERAL,
    "products": remove_background_pb2.SUBJECT_PRODUCT,
    "cars": remove_background_pb2.SUBJECT_PRODUCT,
}
STRENGTHS: Mapping[str, decompress_pb2.DecompressStrength.ValueType] = {
    "auto": decompress_pb2.DECOMPRESS_STRENGTH_AUTO,
    "moderate": decompress_pb2.DECOMPRESS_STRENGTH_MODERATE,
    "strong": decompress_pb2.DECOMPRESS_STRENGTH_STRONG,
}
BLUR_TYPES: Mapping[str, blur_background_pb2.BlurType.ValueType] = {
    "regular": blur_background_pb2.BLUR_TYPE_GAUSSIAN,
    "lens": blur_background_pb2.BLUR_TYPE_LENS,
}
BLUR_LEVELS: Mapping[str, blur_background_pb2.BlurLevel.ValueType] = {
    "low": blur_background_pb2.BLUR_LEVEL_LOW,
    "medium": blur_background_pb2.BLUR_LEVEL_MEDIUM,
    "high": blur_background_pb2.BLUR_LEVEL_HIGH,
}
FORMATS: Mapping[str, convert_pb2.PictureFormat.ValueType] = {
    "jpeg": convert_pb2.PICTURE_FORMAT_JPEG,
    "png": convert_pb2.PICTURE_FORMAT_PNG,
    "webp": convert_pb2.PICTURE_FORMAT_WEBP,
    "avif": convert_pb2.PICTURE_FORMAT_AVIF,
    "tiff": convert_pb2.PICTURE_FORMAT_TIFF,
}
EFFORTS: Mapping[str, convert_pb2.PngCompression.ValueType] = {
    "fast": convert_pb2.PNG_COMPRESSION_FAST,
    "optimal": convert_pb2.PNG_COMPRESSION_OPTIMAL,
    "best": convert_pb2.PNG_COMPRESSION_BEST,
}
COLOR_SPACES: Mapping[str, convert_pb2.ColorSpace.ValueType] = {
    "RGB": convert_pb2.COLOR_SPACE_RGB,
    "CMYK": convert_pb2.COLOR_SPACE_CMYK,
}
_QUALITIES = {"jpeg": 85, "webp": 75, "avif": 50, "tiff": 75}
"""The quality of lossy files, unless the request says otherwise."""
_WHITE = "#ffffff"
_TRANSPARENT_FORMATS = ("png", "webp", "avif")


def pipeline(request: UploadRequest) -> list[Operation]:
    """The operations of an edit, in order. The last one is always `convert`, which says how the result is written."""
    size = sizing(request.operations)
    steps: Sequence[Callable[[Operations, Output, Sizing], Operation | None]] = (
        _decompress,
        _polish,
        _background,
        _size,
        _adjust,
        _pad,
        _fill,
        _convert,
    )
    made = (step(request.operations, request.output, size) for step in steps)
    return [operation for operation in made if operation is not None]


def _decompress(operations: Operations, _output: Output, _sizing: Sizing) -> Operation | None:
    chosen = operations.restorations.decompress
    return Operation(decompress=decompress_pb2.Decompress(strength=STRENGTHS[chosen])) if chosen else None


def _polish(operations: Operations, _output: Output, _sizing: Sizing) -> Operation | None:
    return Operation(polish=polish_pb2.Polish()) if operations.restorations.polish else None


def _background(operations: Operations, _output: Output, _sizing: Sizing) -> Operation | None:
    remove, blur = operations.background.remove, operations.background.blur
    if remove is not None:
        cut = remove_background_pb2.RemoveBackground(subject=_subject(remove.category), trim=remove.clipping)
        return Operation(remove_background=cut)
    if blur is not None:
        return Operation(
            blur_background=blur_background_pb2.BlurBackground(
                subject=_subject(blur.category), type=BLUR_TYPES[blur.type], level=BLUR_LEVELS[blur.level]
            )
        )
    return None


def _subject(category: Category | None) -> remove_background_pb2.Subject.ValueType:
    return SUBJECTS[category.type if category is not None else "products"]


def _size(_operations: Operations, _output: Output, sizing: Sizing) -> Operation | None:
    if sizing.upscale is not None:
        return Operation(upscale=sizing.upscale)
    return Operation(resize=sizing.resize) if sizing.resize is not None else None


def _adjust(operations: Operations, _output: Output, _sizing: Sizing) -> Operation | None:
    wanted = operations.adjustments
    adjust = adjust_pb2.Adjust(
        exposure=wanted.exposure,
        contrast=wanted.contrast,
        saturation=wanted.saturation,
        sharpness=wanted.sharpness,
        hdr=wanted.hdr.intensity,
    )
    if adjust == adjust_pb2.Adjust():
        return None
    adjust.hdr_stitching = wanted.hdr.stitching
    return Operation(adjust=adjust)


def _pad(_operations: Operations, _output: Output, sizing: Sizing) -> Operation | None:
    if sizing.pad is None:
        return None
    pad = pad_pb2.Pad(color=TRANSPARENT)
    pad.MergeFrom(sizing.pad)
    return Operation(pad=pad)


def _fill(operations: Operations, output: Output, sizing: Sizing) -> Operation | None:
    colour = operations.background.color
    if colour == TRANSPARENT:
        if output.format.type in _TRANSPARENT_FORMATS:
            return None
        colour = _WHITE
    if colour is not None:
        return Operation(fill_background=fill_background_pb2.FillBackground(color=colour))
    if operations.background.remove is None and not sizing.leaves_room:
        return None
    return Operation(fill_background=fill_background_pb2.FillBackground(color=_WHITE, unless_input_transparent=True))


def _convert(_operations: Operations, output: Output, _sizing: Sizing) -> Operation:
    wanted, metadata = output.format, output.metadata
    # The other formats could have every frame of an animation, or page, too, but the API gives pictures.
    convert = convert_pb2.Convert(format=FORMATS[wanted.type], dpi=metadata.dpi or 0, frame=0 if wanted.type == "jpeg" else 1)
    compression = wanted.compression
    match wanted.type:
        case "jpeg":
            convert.quality = wanted.quality or _QUALITIES["jpeg"]
            convert.progressive = wanted.progressive is not False
        case "png":
            convert.compression = EFFORTS[compression.type if compression is not None else "optimal"]
        case kind:
            convert.lossless = compression.type == "lossless" if compression is not None else kind == "tiff"
            if not convert.lossless:
                convert.quality = (compression.quality if compression is not None else None) or _QUALITIES[kind]
    if (space := metadata.color_space) is not None:
        convert.color_space = COLOR_SPACES[space.type]
    return Operation(convert=convert)
