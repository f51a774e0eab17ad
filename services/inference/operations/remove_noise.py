"""Remove noise."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from functools import partial

import numpy as np

from darkroom.operations.v1.remove_noise_pb2 import NoiseTier, RemoveNoise
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.progress import TimeLeft, in_parts, portion
from services.inference.contract.step import Step
from services.inference.denoising.estimate import Noise
from services.inference.denoising.filtering import Settings, Tier, noise_of, tile_count, without_noise
from services.inference.denoising.network import mix_with_network, network_tile_count, suits, turns
from services.inference.media import Header, Image
from services.inference.model_server.choice import Choice, choose_network
from services.inference.model_server.shapes import Device
from services.inference.model_server.waiting import result_of

PREFERRED = "srmd_x2"
"""The network that is used if it is installed and no other one is named."""
_DOING, _FILTERED = "Denoising tile", 0.5
_COPIES = 10  # of the decoded samples: the picture, its planes in float32 while noise is estimated, and the result
_NETWORK_PIXEL = 64
"""Bytes for each pixel where a network takes part: the standard deviations, what it is given and makes, and three planes of it in float32
twice."""
_WORK = 320 << 20
"""Bytes for a tile in which alike blocks are looked for, and for the measured blocks."""


def peak_memory(picture: Header, parameters: RemoveNoise) -> int:
    """Bytes at the peak."""
    needed = copies_of_samples(picture, _COPIES, _COPIES) + _WORK
    if settings_of(parameters).tier in (Tier.QUALITY, Tier.MAXIMUM):
        needed += picture.width * picture.height * _NETWORK_PIXEL
    return needed


async def run(image: Image, parameters: RemoveNoise, step: Step) -> Image:
    """The picture without its noise; the very same, with a notice, if it has none."""
    step.label("denoised")
    noise = await asyncio.to_thread(noise_of, image)
    if noise is None:
        step.notice("no_noise_found", "", f"No noise was found in {step.source_name}, so its pixels are unchanged.")
        return image
    asked, way = settings_of(parameters), step.tools.rates.fitting_way(parameters, image.width, image.height)
    settings = dataclasses.replace(asked, tier=Tier(way.tier))
    if settings.tier is not asked.tier:
        left = f"Tier {asked.tier.value} would take longer than is allowed here for {step.source_name}: {way.tier} was used."
        step.notice("not_applied", "tier", left, {"why": "too_slow", "tier": way.tier})
    choice, directions = await _network(image, noise, settings, step)
    method = f"{choice.name}, with {settings.tier.method}" if choice else settings.tier.method
    details = {"level": round(noise.level, 2), "tier": settings.tier.value, "method": method}
    message = f"{step.source_name} had a noise level of {noise.level:.1f}; it was removed by {method}."
    step.notice("noise_found", "", message, details)
    filtered = partial(without_noise, image, noise, settings, step.check)
    tiles, expected = tile_count(image), way.seconds(step.tools.rates.current)
    if choice is None:
        with step.tools.rates.measuring(way.works):
            return await asyncio.to_thread(filtered, in_parts(step.report, _DOING, tiles, TimeLeft(expected)))
    message = f"Noise in {step.source_name} was removed by {choice.name} on a {choice.device.value}."
    step.notice("model_used", "", message, {"model": choice.name, "device": choice.device.name.lower()})
    with step.tools.rates.measuring(way.works):
        first = await asyncio.to_thread(filtered, in_parts(portion(step.report, 0, _FILTERED), _DOING, tiles, TimeLeft(expected)))
    loop, infer = asyncio.get_running_loop(), step.tools.triton.model(choice.name)

    def network(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return result_of(infer(picture), loop, step.check)

    return await asyncio.to_thread(
        mix_with_network,
        first,
        image,
        noise,
        settings,
        network,
        directions,
        step.check,
        in_parts(portion(step.report, _FILTERED, 1), f"Denoising by {choice.name}, tile", network_tile_count(image, settings, directions)),
    )


async def _network(image: Image, noise: Noise, settings: Settings, step: Step) -> tuple[Choice | None, int]:
    """The network that takes part, and in how many directions; None if none does."""
    if not suits(image, noise, settings.tier):
        return None, 0
    choice = await choose_network(step.tools.triton, step.tools.models.denoise, (PREFERRED,))
    if choice is None:
        return None, 0
    most = math.inf if choice.device is Device.GPU else step.tools.models.denoise_megapixels
    directions = turns(image, settings, most)
    return (choice, directions) if directions else (None, 0)


def settings_of(parameters: RemoveNoise) -> Settings:
    """The parameters, with defaults for those that are not given."""
    usual = Settings()
    return Settings(
        tier=Tier[NoiseTier.Name(parameters.tier).removeprefix("NOISE_TIER_")] if parameters.tier else usual.tier,
        strength=parameters.strength if parameters.HasField("strength") else usual.strength,
        detail=parameters.detail if parameters.HasField("detail") else usual.detail,
        colour=parameters.color_noise if parameters.HasField("color_noise") else usual.colour,
    )
