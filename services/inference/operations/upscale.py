"""Enlarge."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.upscale_pb2 import ENHANCEMENT_FACE, ENHANCEMENT_QUALITY, ENHANCEMENT_TEXT, Enhancement, Upscale
from services.inference.contract.progress import Report, TimeLeft, in_parts, portion
from services.inference.contract.step import Step
from services.inference.media import Header, Image, in_format
from services.inference.media.spool import Spool
from services.inference.model_server.shapes import Device
from services.inference.moving.model import Frame
from services.inference.ocr.detection import network_input, text_map
from services.inference.plain import faces
from services.inference.plain.faces import Oval
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT, fitted_to, part_to_enlarge, resize_picture
from services.inference.plain.one_window import looks_for_window, resized_alike
from services.inference.upscaling import enhancement, upscaling
from services.inference.upscaling.choice import Network, choose, for_faces
from services.inference.upscaling.damage import deviation_of
from services.inference.upscaling.enhancement import Pixels8
from services.inference.upscaling.face_enhancement import affordable, cut, lay_over
from services.inference.upscaling.sizing import fit_exactly
from services.inference.upscaling.tiling import Grid
from services.pictures.enlarging import passes, target_of
from services.pictures.operations import spec_of_parameters
from services.pictures.processing_time import UPSCALE, Way
from services.pictures.result_size import is_sized_in_pixels, resize_in, result_size
from services.platform.errors import DarkroomError, ErrorReason

_TILES_SHARE = {Device.PROCESSOR: 0.95, Device.GPU: 0.5}
"""Share of the time of a pass; the rest is for what is done to the joined tiles."""
_TIMES_FACE = 12  # times as long per pixel of a face, which two networks enlarge, as per pixel of the rest

_COPIES = 4
"""Copies of the samples that the last network gets: for a factor of 8, those of the picture already enlarged by 2.

Measured by `python -m benchmarks --only needs`, including what does not depend on the size: 441 MiB for 25 megapixels (72 MiB of
samples) that become 100, 368 MiB for 1.6 that also become 100, 527 MiB for 12 of 16 bits with alpha. The result is in files, and counts
while it is mapped.
"""
_STRIP = 70 * 4 * 6
"""Bytes per sample of a row of the result and per factor of the last network: the rows of a strip that is mixed with interpolation, or in
which detail is restored, as 32-bit numbers, and the number of its copies."""

Choose = Callable[[int, Image], Awaitable[Network]]
"""The network for an enlargement, given the factor and the picture."""


@dataclass(frozen=True, slots=True)
class _Faces:
    """The faces that are enhanced: where they are, how many were found, and the network for each factor."""

    ovals: Sequence[Oval]
    found_count: int
    networks: Mapping[int, Network]


def peak_memory(picture: Header, parameters: Upscale) -> int:
    """Bytes at the peak. Raises FIELD_INVALID as `result_size`."""
    width, height = result_size(parameters, picture.width, picture.height)
    laid_out = 0
    if (resize := resize_in(parameters)) is not None:
        laid_out = dataclasses.replace(picture, width=width, height=height).samples_bytes * COPIES_OF_RESULT
        width, height = target_of(resize, picture.width, picture.height, _most(parameters)).size
    *earlier, last = passes(picture.width, picture.height, width, height) or (1,)
    given = math.prod(earlier)
    row = picture.width * given * last * picture.channels
    return max(laid_out, picture.samples_bytes * given**2 * _COPIES + row * last * _STRIP)


def _most(parameters: Upscale) -> int:
    """The most that a side is enlarged by the network."""
    change = spec_of_parameters(parameters).size_change
    assert change is not None
    return change.max_factor


async def run(image: Image, parameters: Upscale, step: Step) -> Image:
    """The picture in the requested size, with the requested enhancements, to be written in the requested format.

    Notices name the networks that enlarged it, the faces that were enhanced, and each enhancement that was left out.
    """
    return in_format(await _as_asked(image, parameters, step), parameters.format)


def over_frames(frames: AsyncIterator[Frame], parameters: Upscale, step: Step, frames_at_once: int) -> AsyncIterator[Frame] | None:
    """Every frame in the requested size, where all are cropped to one window; None where each is enlarged by itself."""
    resize = resize_in(parameters)
    if resize is None or not looks_for_window(resize):
        return None

    async def enlarged(image: Image, scaling: Resize) -> Image:
        return await run(image, Upscale(resize=scaling, enhancements=parameters.enhancements, format=parameters.format), step)

    return resized_alike(frames, resize, step.folder, frames_at_once, enlarged)


async def _as_asked(image: Image, parameters: Upscale, step: Step) -> Image:
    width, height = result_size(parameters, image.width, image.height)
    step.tools.result_limits.check(width, height, "The result")
    step.label(f"{width}x{height}" if is_sized_in_pixels(parameters) or resize_in(parameters) is not None else f"{width // image.width}x")
    way = step.tools.rates.fitting_way(parameters, image.width, image.height)
    wanted = set(parameters.enhancements)
    if way.works and ENHANCEMENT_QUALITY in wanted and not way.quality:
        wanted.discard(ENHANCEMENT_QUALITY)
        message = f"Quality enhancement of {step.source_name} would take longer than is allowed here."
        step.notice("not_applied", "enhance_quality", message, {"why": "too_slow"})
    spool = Spool(step.folder)
    resize = resize_in(parameters)
    if resize is not None:
        return await _for_resize(image, resize, parameters, way, wanted, spool, step)
    factors = passes(image.width, image.height, width, height)
    if not factors:
        return await _made_smaller(image, width, height, spool, wanted, step)
    enlarged = await _with_network(image, factors, way, wanted, spool, step)
    return await asyncio.to_thread(fit_exactly, enlarged, width, height, spool, step.check)


async def _for_resize(
    image: Image, resize: Resize, parameters: Upscale, way: Way, wanted: Collection[Enhancement.ValueType], spool: Spool, step: Step
) -> Image:
    target = target_of(resize, image.width, image.height, _most(parameters))
    work = Work(step.folder, step.check)
    if target.size == target.part:
        _tell_not_enlarged(image, *target.fit.result, wanted, step)
        return await asyncio.to_thread(resize_picture, image, resize, work)
    step.tools.result_limits.check(*target.size, "The enlarged picture")
    kept = await asyncio.to_thread(part_to_enlarge, image, target.part, resize)
    enlarged = await _with_network(kept, passes(*target.part, *target.size), way, wanted, spool, step)
    return await asyncio.to_thread(fitted_to, enlarged, target.fit, resize, work)


async def _with_network(
    image: Image, factors: Sequence[int], way: Way, wanted: Collection[Enhancement.ValueType], spool: Spool, step: Step
) -> Image:
    """The picture enlarged by all factors, and enhanced as requested."""
    enhanced = await _faces_of(image, factors, step) if ENHANCEMENT_FACE in wanted else None
    text = await _text_of(image, step) if ENHANCEMENT_TEXT in wanted else None

    async def choose_one(factor: int, given: Image) -> Network:
        network = await choose(step.tools.triton, step.tools.models, factor, given.width * given.height)
        deviation = await asyncio.to_thread(deviation_of, given) if network.needs_noise else 0.0
        _name(network, factor, deviation, step)
        if not network.needs_noise:
            return network
        return network.told_of(deviation, whole=ENHANCEMENT_QUALITY in wanted and round(deviation) > 0)

    parts = 0 if enhanced is None else _TIMES_FACE * sum(oval.pixels for oval in enhanced.ovals)
    share = image.width * image.height / (image.width * image.height + parts)
    with step.tools.rates.measuring(way.works):
        enlarged = await _enlarged(image, factors, choose_one, text, spool, wanted, step, portion(step.report, 0, share))
    if enhanced is not None:
        await _enhance(enhanced, image, enlarged, factors, text, spool, wanted, step, portion(step.report, share, 1))
    return enlarged


async def _enlarged(
    image: Image,
    factors: Sequence[int],
    network_for: Choose,
    text: Pixels8 | None,
    spool: Spool,
    wanted: Collection[Enhancement.ValueType],
    step: Step,
    report: Report,
) -> Image:
    """The picture, or a part of one, enlarged by all factors one after the other. `text` shows where it has text."""
    whole = math.prod(factors)

    def before(source: Pixels8) -> Pixels8:
        return enhancement.without_noise(source, step.check) if ENHANCEMENT_QUALITY in wanted else source

    def after(enlarged: Pixels8) -> None:
        if ENHANCEMENT_QUALITY in wanted:
            enhancement.add_detail(enlarged, whole, step.check)
        if text is not None:
            enhancement.sharpen_text(enlarged, text, whole, step.check)

    # Shares of the tiles' time, in proportion to the pixels that each pass is given.
    work = [math.prod(factors[:number]) ** 2 for number in range(len(factors))]
    rates, megapixels = step.tools.rates.current, image.width * image.height / 1e6
    seconds = [megapixels * share * rates[UPSCALE.format(factor)] for share, factor in zip(work, factors, strict=True)]
    for number, factor in enumerate(factors):
        network = await network_for(factor, image)
        first, last = number == 0, number == len(factors) - 1
        part = portion(report, sum(work[:number]) / sum(work), sum(work[: number + 1]) / sum(work))
        tiles = len(Grid.over(image.height, image.width, tile=network.model.tile, margin=network.model.margin, fade=network.model.fade))
        # The others have rates of their own.
        expected = seconds[number:] if network.name == step.tools.models.upscale[factor] else [0.0]
        left = TimeLeft(expected[0], sum(expected[1:]))
        telling = in_parts(portion(part, 0, _TILES_SHARE[network.device]), "Upscaling tile", tiles, left)
        telling(0)
        image = await upscaling.upscale(
            image,
            factor,
            network.model,
            spool=spool,
            progress=telling,
            check=step.check,
            before=before if first and not network.needs_noise else None,
            after=after if last else None,
        )
    return image


async def _faces_of(image: Image, factors: Sequence[int], step: Step) -> _Faces | None:
    """The faces that can be enhanced; None, with a notice, if there are none."""
    left_out = partial(step.notice, "not_applied", "enhance_face")
    networks: dict[int, Network] = {}
    for factor in factors:
        network = await for_faces(step.tools.triton, step.tools.models, factor)
        if network is None:
            left_out("Face enhancement needs both a compact and a finer upscaling model, and this installation does not have both.")
            return None
        networks[factor] = network
    step.check()
    found = await asyncio.to_thread(lambda: faces.find(image.srgb()))
    if not found:
        left_out(f"No face of {faces.LEAST_FACE} pixels or more was found in {step.source_name}, so nothing was enhanced.")
        return None
    ovals: Sequence[Oval] = [faces.oval(face, image.height, image.width) for face in found]
    if any(network.device is Device.PROCESSOR for network in networks.values()):
        ovals = affordable(ovals, factors, step.tools.models.upscale_face_megapixels * 1e6)
    if not ovals:
        left_out(f"The faces in {step.source_name} are too large to enhance on a CPU.")
        return None
    return _Faces(ovals, len(found), networks)


async def _enhance(
    found: _Faces,
    image: Image,
    enlarged: Image,
    factors: Sequence[int],
    text: Pixels8 | None,
    spool: Spool,
    wanted: Collection[Enhancement.ValueType],
    step: Step,
    report: Report,
) -> None:
    """Enlarges each face again with two networks, and lays it over the enlarged picture, in place."""

    async def both(factor: int, _: Image) -> Network:
        return found.networks[factor]

    whole, count = math.prod(factors), len(found.ovals)
    for number, oval in enumerate(found.ovals):
        there = None if text is None else text[oval.rows, oval.columns]
        part = portion(report, number / count, (number + 1) / count)
        face = await _enlarged(cut(image, oval), factors, both, there, spool, wanted, step, part)
        await asyncio.to_thread(lay_over, enlarged, face, oval, whole, step.check)
    names = sorted({network.name for network in found.networks.values()})
    some = f"{count} of {found.found_count} faces" if count < found.found_count else "1 face" if count == 1 else f"{count} faces"
    rest = " The others are too large for a CPU." if count < found.found_count else ""
    message = f"{some} of {step.source_name} enlarged by {', then '.join(names)} together.{rest}"
    step.notice("faces_enhanced", "enhance_face", message, {"found": found.found_count, "faces": [oval.box for oval in found.ovals]})


async def _made_smaller(
    image: Image, width: int, height: int, spool: Spool, wanted: Collection[Enhancement.ValueType], step: Step
) -> Image:
    _tell_not_enlarged(image, width, height, wanted, step)
    seen = await asyncio.to_thread(upscaling.without_hidden_colour, image)
    return await asyncio.to_thread(fit_exactly, seen, width, height, spool, step.check)


def _tell_not_enlarged(image: Image, width: int, height: int, wanted: Collection[Enhancement.ValueType], step: Step) -> None:
    had, made = f"{image.width} × {image.height} pixels", f"{width} × {height}"
    what = "already, so it was not enlarged" if had == f"{made} pixels" else f"already, so it was made smaller, {made}, and not enlarged"
    message = f"{step.source_name} has {had} {what}."
    step.notice("not_enlarged", "", message, {"had": f"{image.width} × {image.height}", "made": made})
    options = ("enhance_face", ENHANCEMENT_FACE), ("enhance_quality", ENHANCEMENT_QUALITY), ("enhance_text", ENHANCEMENT_TEXT)
    for name, option in options:
        if option in wanted:
            step.notice("not_applied", name, f"{step.source_name} was not enlarged, so it was not enhanced.", {"why": "not_enlarged"})


def _name(network: Network, factor: int, deviation: float, step: Step) -> None:
    told = f", for a noise level of {deviation:.0f}" if round(deviation) else ""
    message = f"Enlarged {factor} times by {network.name} on a {network.device.value}{told}."
    step.notice("model_used", "", message, {"model": network.name, "device": network.device.name.lower(), "factor": factor})


async def _text_of(image: Image, step: Step) -> Pixels8 | None:
    """Where the picture has text, height x width; None, with a notice, if there is none or it cannot be determined."""
    pixels = await asyncio.to_thread(image.srgb)
    prepared = await asyncio.to_thread(network_input, pixels)
    try:
        answer = await step.tools.triton.infer(step.tools.models.text, prepared)
    except DarkroomError as error:
        if error.reason is not ErrorReason.OPERATION_UNAVAILABLE:
            raise
        message = "Text enhancement needs a text detection model, and this installation has none."
        step.notice("not_applied", "enhance_text", message, {"why": "no_text_model"})
        return None
    text = await asyncio.to_thread(text_map, answer, image.height, image.width)
    if not enhancement.has_text(text):
        message = f"No text was found in {step.source_name}, so nothing was enhanced."
        step.notice("not_applied", "enhance_text", message, {"why": "no_text"})
        return None
    return text
