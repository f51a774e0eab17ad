"""Remove noise."""

from __future__ import annotations

from darkroom.operations.v1.remove_noise_pb2 import NoiseTier, RemoveNoise
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.denoising.filtering import Settings, Tier, noise_of, without_noise
from services.inference.media import Header, Image

_COPIES = 10  # of the decoded samples: the picture, its planes in float32 while noise is estimated, and the result
_WORK = 320 << 20
"""Bytes for a tile in which alike blocks are looked for, and for the measured blocks."""


def peak_memory(picture: Header, _parameters: RemoveNoise) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES) + _WORK


def run(image: Image, parameters: RemoveNoise, step: PlainStep) -> Image:
    """The picture without its noise; the very same, with a notice, if it has none."""
    step.label("denoised")
    noise = noise_of(image)
    if noise is None:
        step.notice("no_noise_found", "", f"No noise was found in {step.source_name}, so its pixels are as they were.")
        return image
    settings = settings_of(parameters)
    details = {"level": round(noise.level, 2), "tier": settings.tier.value, "method": settings.tier.method}
    message = f"{step.source_name} had noise of {noise.level:.1f} levels; it was removed by {settings.tier.method}."
    step.notice("noise_found", "", message, details)
    return without_noise(image, noise, settings, step.check, lambda done: step.report(done, "Removing noise"))


def settings_of(parameters: RemoveNoise) -> Settings:
    """What the parameters say, with defaults where they say nothing."""
    usual = Settings()
    return Settings(
        tier=Tier[NoiseTier.Name(parameters.tier).removeprefix("NOISE_TIER_")] if parameters.tier else usual.tier,
        strength=parameters.strength if parameters.HasField("strength") else usual.strength,
        detail=parameters.detail if parameters.HasField("detail") else usual.detail,
        colour=parameters.color_noise if parameters.HasField("color_noise") else usual.colour,
    )
