"""Which network enlarges a picture, depending on the model server's device and the picture's size."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.inference.contract.models import Models
from services.inference.model_server.shapes import Device
from services.inference.model_server.triton import Triton
from services.inference.upscaling.face_enhancement import joint
from services.inference.upscaling.fitting import TileModel

Pixels8 = npt.NDArray[np.uint8]

_UNITS = 4
"""Units in a level, of the standard deviation that such a network gets."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network and its input settings."""

    name: str
    device: Device
    model: TileModel
    needs_noise: bool = False
    """Whether it wants to know how much noise there is, and removes it: `told_of` has to be called first."""

    def told_of(self, deviation: float, *, whole: bool = False) -> Network:
        """The network, with the standard deviation, in levels, of the noise of its input. `whole`: nothing of that is kept, nor
        of its noise."""
        infer, fourth = self.model.infer, round(min(255.0, _UNITS * deviation))

        async def infer_with_noise(tiles: Pixels8) -> Pixels8:
            return await infer(np.concatenate([tiles, np.full((*tiles.shape[:3], 1), fourth, np.uint8)], axis=3))

        model = dataclasses.replace(self.model, infer=infer_with_noise)
        return dataclasses.replace(self, model=dataclasses.replace(model, learns=False, correction=0.0) if whole else model)


async def choose(triton: Triton, models: Models, factor: int, pixels: int) -> Network:
    """The network for an enlargement by `factor` (2 to 4) of a picture with this number of pixels.

    The faithful one if it runs on a GPU, or for a picture that is small enough; otherwise, or if it is not installed, the compact one.
    Raises as `Triton.infer`.
    """
    name = models.upscale_faithful.get(factor, "")
    device = await triton.device(name) if name else None
    if device is Device.GPU or (device is not None and pixels <= models.upscale_faithful_megapixels * 1e6):
        model = await _fed(triton, models, name, device, channels=4)
        return Network(name, device, dataclasses.replace(model, learns=True), needs_noise=True)
    network = await compact(triton, models, factor)
    return dataclasses.replace(network, model=dataclasses.replace(network.model, learns=True))


async def compact(triton: Triton, models: Models, factor: int) -> Network:
    """The compact network for an enlargement by `factor`, of whose result all is kept. Raises as `Triton.infer`."""
    name = models.upscale[factor]
    device = await triton.device(name) or Device.PROCESSOR
    return Network(name, device, await _fed(triton, models, name, device))


async def for_faces(triton: Triton, models: Models, factor: int) -> Network | None:
    """The two networks that enlarge faces together, for `factor` (2 to 4); None unless there are two and both are installed.

    Raises as `Triton.infer`.
    """
    fine, other = models.upscale_fine, models.upscale[factor]
    device = await triton.device(fine) if fine else None
    if device is None or await triton.device(other) is None or fine == other:
        return None
    first = await compact(triton, models, factor)
    return Network(f"{other} and {fine}", device, joint(first.model, await _fed(triton, models, fine, device), factor))


async def _fed(triton: Triton, models: Models, name: str, device: Device, channels: int = 3) -> TileModel:
    # On a CPU the tensors of the larger networks take up to 1.5 GB for one tile.
    batch = models.upscale_batch if device is Device.GPU or name in models.upscale.values() else 1
    # A model that is prepared for some sizes is not given larger ones.
    tile = min([models.upscale_tile, *(min(size) for size in await triton.sizes(name))])
    return TileModel(scale=await triton.scale(name, channels), infer=triton.model(name), tile=tile, batch=batch)
