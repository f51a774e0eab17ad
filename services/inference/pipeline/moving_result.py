"""How an animation or a video is written at the end of a task, and what cannot be done of what was asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from google.protobuf.message import Message

from darkroom.operations.v1.convert_pb2 import Convert
from darkroom.operations.v1.fix_transparency_pb2 import FixTransparency
from darkroom.operations.v1.remove_background_pb2 import RemoveBackground
from services.inference.contract.plain_step import Notify
from services.inference.media import Image
from services.inference.media.notes import NO_ALPHA_IN_VIDEO, NO_SOFT_EDGES
from services.inference.moving.model import Facts, MovingSaving
from services.inference.plain.canvas import rgb_of
from services.pictures.media_format import MediaFormat
from services.pictures.moving import VIDEOS, asked_format

_NOT_APPLIED = {
    "dpi": "An animation or a video notes no resolution.",
    "max_bytes": "An animation or a video is not made to fit a size in bytes.",
    "max_colors": "Only a GIF is written with few colours, where it has several frames.",
    "lossless": "A video is never lossless.",
    "progressive": "An animation or a video cannot be progressive.",
}


def moving_saving(first: Image, operations: Sequence[Message], facts: Facts) -> tuple[MovingSaving, str]:
    """How frames are written of which this is the first, by the parameters of the operations, and a note for the user; mostly empty."""
    conversion = _last_conversion(operations)
    format_, lossless, note = asked_format(operations), conversion.lossless, ""
    if format_ is MediaFormat.MP4 and conversion.keep_alpha and first.alpha is not None:
        format_, note = MediaFormat.WEBM, NO_ALPHA_IN_VIDEO
    if format_ is None:
        format_ = facts.format
        if format_ is MediaFormat.MP4 and first.alpha is not None:
            format_, note = MediaFormat.WEBM, NO_ALPHA_IN_VIDEO
        elif format_ is MediaFormat.GIF and first.alpha is not None and not first.saving.follows_input:
            format_, lossless = first.saving.format, first.saving.lossless
            note = NO_SOFT_EDGES.format(format=format_.value.upper())
    own = {MediaFormat.WEBP: conversion.webp_quality, MediaFormat.AVIF: conversion.avif_quality}
    saving = MovingSaving(
        format_,
        quality=own.get(format_, 0) or conversion.quality or None,
        lossless=lossless and format_ not in VIDEOS,
        colours=conversion.max_colors or None,
        loop=facts.loop,
        # A video whose first frame is opaque seldom gets transparent later, and would be several times as large.
        alpha=facts.alpha and format_ is MediaFormat.PNG,
        background=rgb_of(conversion.background),
    )
    return saving, note


def tell_not_applied(operations: Sequence[Message], format_: MediaFormat, notice: Notify) -> None:
    """The notices about parameters of the last conversion that mean nothing for an animation or a video of this format."""
    for name in _not_applied(_last_conversion(operations), format_):
        notice("not_applied", name, _NOT_APPLIED[name], {"why": "several_frames"})


def _not_applied(conversion: Convert, format_: MediaFormat) -> Iterator[str]:
    yield from (name for name in ("dpi", "max_bytes", "progressive") if getattr(conversion, name))
    if conversion.max_colors and format_ is not MediaFormat.GIF:
        yield "max_colors"
    if conversion.lossless and format_ in VIDEOS:
        yield "lossless"


def cuts_out(parameters: Message) -> bool:
    """Whether the operation makes frames transparent, so that all of them have alpha, even one in which it finds nothing."""
    if isinstance(parameters, RemoveBackground):
        effects = parameters.effects
        behind = (parameters.background_color, parameters.background_file_id, effects.blur, effects.gradient_from, effects.gradient_to)
        return not any(behind)
    return isinstance(parameters, FixTransparency)


def with_alpha(image: Image) -> Image:
    """The picture with alpha, opaque if it had none."""
    return image if image.alpha is not None else dataclasses.replace(image, alpha=np.full(image.pixels.shape[:2], image.maximum, np.uint8))


def _last_conversion(operations: Sequence[Message]) -> Convert:
    return next((each for each in reversed(operations) if isinstance(each, Convert)), Convert())
