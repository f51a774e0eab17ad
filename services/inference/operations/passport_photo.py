"""Make a passport photo of a portrait."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from pathlib import PurePosixPath

from darkroom.operations.v1.passport_photo_pb2 import PRINT_LAYOUT_4X6, PRINT_LAYOUT_A4, PassportPhoto, PrintLayout
from services.inference.contract.flow import NewFile, Several
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.progress import portion
from services.inference.contract.step import Step
from services.inference.media import Header, Image, Saving, encode, encode_into
from services.inference.media.search import highest_within
from services.inference.plain.canvas import rgb_of
from services.inference.portraits import geometry
from services.inference.portraits.cutting import without_background
from services.inference.portraits.finding import largest_face, tell_portrait
from services.inference.portraits.geometry import PAPERS, Framing, Head, Paper
from services.inference.portraits.landmarks import portrait_of
from services.inference.portraits.rendering import SHEET_DPI, Pixels8, render, sheet_of
from services.pictures.media_format import MediaFormat
from services.pictures.passport_photos import USUAL_DPI, CountryPhoto
from services.pictures.result_size import demanded_photo, result_size
from services.platform.errors import DarkroomError, ErrorReason

QUALITY, LEAST_QUALITY = 95, 10
_STEP = 5


def saving_within(image: Image, dpi: int, most: int) -> tuple[Saving, bool]:
    """How to write a photo in at most so many bytes (0: any number), and whether it then has no more.

    The quality is 95, or less in steps of 5 down to 10.
    """
    saving = Saving(MediaFormat.JPEG, quality=QUALITY, dpi=dpi, keep_metadata=False)
    if not most:
        return saving, True
    sizes: dict[int, int] = {}

    def attempt(level: int) -> bytes:
        quality = LEAST_QUALITY + _STEP * (level - 1)
        content = encode(image, dataclasses.replace(saving, quality=quality))
        sizes[quality] = len(content)
        return content

    size = len(highest_within(attempt, (QUALITY - LEAST_QUALITY) // _STEP + 1, most))
    quality = max(each for each, bytes_ in sizes.items() if bytes_ == size)
    return dataclasses.replace(saving, quality=quality), size <= most


_COPIES, _COPIES_OF_WIDE = 8, 12
"""Copies of the decoded samples, as for cutting out: later steps take less, except for the result."""
_PIXEL = 48
"""Bytes a pixel of the result: up to four of what is scaled, in two forms, and what the encoder keeps."""
_SHEET = 96 << 20
"""Bytes of a sheet of A4, and of its encoder."""
_PAPERS: Mapping[PrintLayout.ValueType, Paper] = dict(zip((PRINT_LAYOUT_4X6, PRINT_LAYOUT_A4), PAPERS, strict=True))
_JPEG = "image/jpeg"
_OUTSIDE = 1e-3
"""A share of the photo's height: a smaller overlap is not reported."""


def peak_memory(picture: Header, parameters: PassportPhoto) -> int:
    """Bytes at the peak. Raises FIELD_INVALID as `demanded_photo`."""
    width, height = result_size(parameters, picture.width, picture.height)
    sheet = _SHEET if parameters.print_layout else 0
    return copies_of_samples(picture, _COPIES, _COPIES_OF_WIDE) + width * height * _PIXEL + sheet


async def run(image: Image, parameters: PassportPhoto, step: Step) -> Image | Several:
    """The photo, and the sheet if one is asked for.

    Raises FIELD_INVALID for an unknown country, and for a photo that the sheet has no room for; MEDIA_UNSUPPORTED if there is no face.
    """
    step.label("passport")
    photo, paper = demanded_photo(parameters), _PAPERS.get(parameters.print_layout)
    dpi = parameters.dpi or USUAL_DPI
    size = geometry.size_of(photo.width_mm, photo.height_mm, dpi)
    step.result_limits.check(*size, "The photo")
    places = () if paper is None else geometry.places(paper, photo.width_mm, photo.height_mm)
    if paper is not None and not places:
        message = f"print_layout: a photo of {photo.width_mm:g} × {photo.height_mm:g} mm does not fit on a sheet of {paper.name}."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="print_layout")
    colour = _background(parameters, photo, step)
    cut, head = await _person(image, parameters, step)
    zoom = parameters.zoom if parameters.HasField("zoom") else 1.0
    framing = Framing(zoom, parameters.adjust_x, parameters.adjust_y)

    def at(resolution: int) -> Pixels8:
        pixels = geometry.size_of(photo.width_mm, photo.height_mm, resolution)
        part = geometry.window(head, (cut.width, cut.height), pixels, photo.frame, framing)
        if resolution == dpi:
            _tell_cut(geometry.head_within(head, (cut.width, cut.height), part), photo, step)
        return render(cut, part, pixels, colour, step.check)

    step.report(0.9, "Making the photo")
    made = await asyncio.to_thread(at, dpi)
    saving, enough = await asyncio.to_thread(saving_within, Image(made), dpi, parameters.max_bytes)
    if not enough:
        message = f"Even at the lowest quality, the photo has more than {parameters.max_bytes} bytes."
        step.notice("size_not_reached", "max_bytes", message, {"max_bytes": parameters.max_bytes})
    result = dataclasses.replace(Image(made), source_format=image.source_format, saving=saving, kept_format=MediaFormat.JPEG)
    if paper is None:
        return result
    copy = made if dpi == SHEET_DPI else await asyncio.to_thread(at, SHEET_DPI)
    sheet = await asyncio.to_thread(sheet_of, copy, paper, places)
    name = f"{PurePosixPath(step.source_name).stem}_passport_print_{paper.name}.jpg"
    return Several(result, [await asyncio.to_thread(_written, sheet, name, step)])


async def _person(image: Image, parameters: PassportPhoto, step: Step) -> tuple[Image, Head]:
    """The picture without its background, and where the head is."""
    given = parameters.head
    face = None if parameters.HasField("head") else await largest_face(image, step, portion(step.report, 0, 0.1))
    cut = image if parameters.cut_out else await without_background(image, step, portion(step.report, 0.1, 0.9))
    if face is None:
        return cut, Head(given.crown_y, given.eyes_y, given.chin_y, given.center_x)
    portrait = portrait_of(face.mesh, cut.alpha, (image.width, image.height))
    tell_portrait(portrait, face.of, step)
    return cut, portrait.head


def _background(parameters: PassportPhoto, photo: CountryPhoto, step: Step) -> tuple[int, int, int]:
    asked = parameters.background_color.upper()
    if asked and parameters.country_code and asked not in photo.backgrounds:
        allowed = " or ".join(photo.backgrounds)
        message = f"{photo.name} requires a background of {allowed}, not {asked}."
        step.notice("background_not_allowed", "background_color", message, {"allowed": list(photo.backgrounds), "asked": asked})
    return rgb_of(asked or photo.backgrounds[0])


def _tell_cut(within: tuple[float, float], photo: CountryPhoto, step: Step) -> None:
    crown, chin = within
    over, under = max(0.0, -crown), max(0.0, chin - 1)
    if max(over, under) > _OUTSIDE:
        message = (
            f"The head is not wholly within the photo: {over * photo.height_mm:.1f} mm of it are above the upper edge, and "
            f"{under * photo.height_mm:.1f} mm below the lower one. Change zoom, adjust_x and adjust_y."
        )
        step.notice("head_cut", "", message, {"above_mm": round(over * photo.height_mm, 2), "below_mm": round(under * photo.height_mm, 2)})


def _written(sheet: Pixels8, name: str, step: Step) -> NewFile:
    target = step.folder / "sheet"
    saving = Saving(MediaFormat.JPEG, quality=QUALITY, dpi=SHEET_DPI, keep_metadata=False)
    encode_into(target, Image(sheet), saving)
    return NewFile(target, _JPEG, MediaFormat.JPEG.extension, name=name, width=sheet.shape[1], height=sheet.shape[0])
