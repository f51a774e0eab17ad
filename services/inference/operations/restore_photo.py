"""Restore a scanned photograph."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Literal

from darkroom.operations.v1.restore_photo_pb2 import RESTORE_MODE_HEAVY, RESTORE_MODE_LIGHT, RestoreMode, RestorePhoto
from services.inference.colouring.network import choose, with_colours
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, Data, NewFile, Several
from services.inference.contract.progress import TimeLeft, in_parts, portion
from services.inference.contract.rates import MeasuredRates
from services.inference.contract.step import Step
from services.inference.denoising.filtering import Settings, Tier, noise_of, tile_count, without_noise
from services.inference.erasing.filling import erase, erase_smaller
from services.inference.media import Header, Image
from services.inference.model_server.choice import Choice
from services.inference.restoration.care import CAREFUL, EAGER, USUAL, Care
from services.inference.restoration.scratches import damage
from services.inference.restoration.tones import is_grayscale
from services.inference.upscaling.sharper_faces import with_sharper_faces
from services.inference.watermark.choice import finder
from services.pictures.processing_time import FILL, RESTORE, Way
from services.platform.errors import DarkroomError, ErrorReason

_COPIES = 10  # of the decoded samples: the picture, results, the mask, and a face as large as it, enlarged
_PIXEL = 80
"""Bytes for each pixel while the damage is filled with patches: of four million pixels, or of the whole where it is smaller."""
_MOST_PIXELS = 6_000_000
_WORK = 320 << 20  # for removing noise
_FIDELITY = 0.7
_LEAST_SCALE = 0.1
_AS_MEASURED = 40.0
"""The strength with which as much noise is removed as was measured."""
_CARE: Mapping[RestoreMode.ValueType, Care] = {RESTORE_MODE_LIGHT: CAREFUL, RESTORE_MODE_HEAVY: EAGER}


def peak_memory(picture: Header, _parameters: RestorePhoto) -> int:
    """Bytes at the peak."""
    return picture.samples_bytes * _COPIES + min(picture.width * picture.height, _MOST_PIXELS) * _PIXEL + _WORK


async def run(image: Image, parameters: RestorePhoto, step: Step) -> Several:
    """The restored picture, and the steps done. Sends a notice for each step that needs a missing model."""
    step.label("restored")
    way = step.tools.rates.fitting_way(parameters, image.width, image.height)
    steps: list[str] = []
    gray = await asyncio.to_thread(lambda: is_grayscale(image.srgb()))
    coverage = 0.0
    if _wanted(parameters, "scratch_removal"):
        with step.tools.rates.measuring([work for work in way.works if work.kind == RESTORE]):
            mended, coverage = await _without_scratches(image, parameters, way, step)
        if mended is not image:
            image = mended
            steps.append("scratch_removal")
    strength = parameters.denoise_strength if parameters.HasField("denoise_strength") else _AS_MEASURED
    if _wanted(parameters, "denoise") and strength:
        clean = await asyncio.to_thread(_calm, image, parameters, strength, way, step)
        if clean is not image:
            image = clean
            steps.append("denoise")
    faces = 0
    if _wanted(parameters, "face_enhancement"):
        image, faces = await _with_faces(image, parameters, step)
        if faces:
            steps.append("face_enhancement")
    colours = await choose(step) if parameters.colorize and gray else None
    if colours is not None:
        image = await with_colours(image, colours, 1.0, step)
        steps.append("colorize")
    elif parameters.colorize:
        why = "with a model for it, and this installation has none" if gray else "only to black-and-white photographs"
        step.notice("not_applied", "colorize", f"Colours are added {why}.", {"why": "no_colour_model" if gray else "not_gray"})
    found = {"steps": steps, "scratch_coverage": coverage, "faces_enhanced": faces, "is_grayscale": gray, "colorized": colours is not None}
    return Several(image, [NewFile(Data(found).content, DATA_TYPE, DATA_EXTENSION)])


def _wanted(parameters: RestorePhoto, name: Literal["scratch_removal", "face_enhancement", "denoise"]) -> bool:
    """Whether something is to be done that is done unless it was said otherwise."""
    return not parameters.HasField(name) or bool(getattr(parameters, name))


async def _without_scratches(image: Image, parameters: RestorePhoto, way: Way, step: Step) -> tuple[Image, float]:
    """The picture with its damage filled, and the per cent of it that was damaged; the very same if there is none."""
    step.report(0, "Looking for damage")
    mask = await asyncio.to_thread(lambda: damage(image.srgb(), _CARE.get(parameters.mode, USUAL), step.check))
    if not mask.any() or mask.all():
        step.notice("no_damage_found", "", f"No scratches were found in {step.source_name}.")
        return image, 0.0
    step.report(0.2, "Filling the damage")

    def tell(choice: Choice) -> None:
        message = f"Damage was filled by {choice.name} on a {choice.device.value}."
        step.notice("model_used", "", message, {"model": choice.name, "device": choice.device.name.lower()})

    network = await asyncio.to_thread(finder(step.tools.triton, step.tools.models.inpaint, step.check, tell))
    part, left = portion(step.report, 0.2, 0.6), TimeLeft()

    def report(done: float) -> None:
        part(done, f"Filling the damage{left.words(done)}")

    coverage, scale = float(mask.mean()), 1.0
    if network is None:
        scale = _fill_scale(coverage * image.width * image.height / 1e6, way, step.tools.rates)
    if scale == 1:
        filled = await asyncio.to_thread(erase, image, mask, network, step.check, report)
    else:
        filled = await asyncio.to_thread(erase_smaller, image, mask, scale, step.check, report)
        message = f"Filling the damage of {step.source_name} at full size would take too long here: a copy of {scale:.0%} was filled."
        step.notice("not_applied", "scratch_removal", message, {"why": "filled_smaller", "scale": round(scale, 3)})
    return filled, round(100 * coverage, 2)


def _fill_scale(megapixels: float, way: Way, rates: MeasuredRates) -> float:
    """The scale of the copy in which so much damage can be filled in the time that the rest leaves."""
    known = rates.current
    left = rates.limit - sum(work.megapixels * known[work.kind] for work in way.works if work.kind != RESTORE)
    needed = megapixels * known[FILL]
    return min(1.0, max(_LEAST_SCALE, math.sqrt(max(0.0, left) / needed))) if needed else 1.0


def _calm(image: Image, parameters: RestorePhoto, strength: float, way: Way, step: Step) -> Image:
    noise = noise_of(image)
    if noise is None:
        return image
    settings = Settings(Tier(way.tier), strength=min(100.0, strength * 50 / _AS_MEASURED))
    works = [work for work in way.works if work.kind != RESTORE]
    expected = Way(works).seconds(step.tools.rates.current)
    report = in_parts(portion(step.report, 0.6, 0.8), "Denoising tile", tile_count(image), TimeLeft(expected))
    with step.tools.rates.measuring(works):
        return without_noise(image, noise, settings, step.check, report)


async def _with_faces(image: Image, parameters: RestorePhoto, step: Step) -> tuple[Image, int]:
    """The picture with sharper faces, and how many; the very same, with a notice, where the networks for it are missing."""
    fidelity = parameters.fidelity if parameters.HasField("fidelity") else _FIDELITY
    try:
        made = await with_sharper_faces(image, step, portion(step.report, 0.8, 1), strength=1 - fidelity / 2, fidelity=fidelity)
    except DarkroomError as error:
        if error.reason is not ErrorReason.OPERATION_UNAVAILABLE:
            raise
        message = "Faces need an upscaling model, and this installation has none."
        step.notice("not_applied", "face_enhancement", message, {"why": "no_face_model"})
        return image, 0
    return made.image, len(made.ovals)
