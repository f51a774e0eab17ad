"""Which network enlarges a picture, depending on the model server's device and the picture's size."""

from __future__ import annotations

from dataclasses import dataclass

from services.inference.contract.step import Models
from services.inference.model_server.triton import Device, Triton
from services.inference.upscaling.face_enhancement import joint
from services.inference.upscaling.fitting import TileModel

_FINE_FACTOR = 2
"""Largest factor at which the finer network reproduces gradients of photographs better than the compact one (benchmarks/quality.md)."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network and its input settings."""

    name: str
    device: Device
    model: TileModel


async def choose(triton: Triton, models: Models, factor: int, pixels: int) -> Network:
    """The network for an enlargement by `factor` (2 to 4) of a picture with this number of pixels.

    The finer one if it runs on a GPU, or for a small picture that is to be doubled in size; otherwise, or if the finer one is not
    installed, the compact one. Raises as `Triton.infer`.
    """
    fine = models.upscale_fine
    device = await triton.device(fine) if fine else None
    small = pixels <= models.upscale_fine_megapixels * 1e6 and factor <= _FINE_FACTOR
    if device is Device.GPU or (device is not None and small):
        name = fine
    else:
        name, device = models.upscale[factor], await triton.device(models.upscale[factor])
    device = device or Device.PROCESSOR
    return Network(name, device, await _fed(triton, models, name, device))


async def for_faces(triton: Triton, models: Models, factor: int) -> Network | None:
    """The two networks that enlarge faces together, for `factor` (2 to 4); None unless there are two and both are installed.

    Raises as `Triton.infer`.
    """
    fine, compact = models.upscale_fine, models.upscale[factor]
    device, other = (await triton.device(fine) if fine else None), await triton.device(compact)
    if device is None or other is None or fine == compact:
        return None
    both = joint(await _fed(triton, models, compact, other), await _fed(triton, models, fine, device), factor)
    return Network(f"{compact} and {fine}", device, both)


async def _fed(triton: Triton, models: Models, name: str, device: Device) -> TileModel:
    # The finer network's tensors for one tile take 1.5 GB on a CPU.
    batch = 1 if name == models.upscale_fine and device is Device.PROCESSOR else models.upscale_batch
    return TileModel(scale=await triton.scale(name), infer=triton.model(name), tile=models.upscale_tile, batch=batch)
