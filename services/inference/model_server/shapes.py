"""The shapes that a model takes.

One on a GPU is prepared for a few sizes, and each other one would cost seconds. So smaller pictures are padded, and the padding is cut off
the result.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

Picture = npt.NDArray[np.uint8]
Size = tuple[int, int]
"""Height and width."""


class Device(enum.Enum):
    """The device that a model runs on."""

    GPU = "GPU"
    PROCESSOR = "CPU"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The part of a model's configuration that clients need (models/triton_config.py)."""

    device: Device
    batch: int
    """Most pictures in one request."""
    sizes: tuple[Size, ...] = ()
    """Sizes of pictures that it is prepared for; none: it takes any, or just the one that it has always."""

    @classmethod
    def of(cls, config: ModelConfig) -> ServedModel:
        """Reads a configuration."""
        kinds = {group.kind for group in config.instance_group}
        sizes = config.parameters["sizes"].string_value if "sizes" in config.parameters else ""
        return cls(
            Device.GPU if ModelInstanceGroup.KIND_GPU in kinds else Device.PROCESSOR,
            max(1, config.max_batch_size),
            tuple((int(height), int(width)) for height, _, width in (size.partition("x") for size in sizes.split(",") if size)),
        )

    def size_for(self, height: int, width: int) -> Size:
        """The smallest of its sizes that holds a picture; the picture's own where none does, or any will do."""
        fitting = [size for size in self.sizes if size[0] >= height and size[1] >= width]
        return min(fitting, key=lambda size: size[0] * size[1], default=(height, width))


def pad(pictures: Picture, size: Size) -> Picture:
    """Pictures, [N, H, W, C], reflected at their last rows and columns up to this size.

    Networks also look at the picture as a whole, and a reflection changes their results less than gray or repeated edges.
    """
    height, width = pictures.shape[1:3]
    if (height, width) == size:
        return pictures
    return np.pad(pictures, ((0, 0), (0, size[0] - height), (0, size[1] - width), (0, 0)), mode="reflect")


def cut(results: Picture, size: Size, given: Size) -> Picture:
    """The part of results, [N, H, W, C], that stands for the first `given` rows and columns of pictures that were padded to `size`."""
    if size == given:
        return results
    height, width = (-(-side * part // whole) for side, part, whole in zip(results.shape[1:3], given, size, strict=True))
    return np.ascontiguousarray(results[:, :height, :width])
