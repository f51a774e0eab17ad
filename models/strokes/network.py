"""The network: a U-Net (Ronneberger, Fischer and Brox, 2015) of 0.9 million weights with batch normalisation."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

_CHANNELS = (16, 32, 64, 96, 128)


def _block(given: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(given, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)),
        *(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)),
    )


class Strokes(nn.Module):
    """From [N, 3, H, W], values from -1 to 1, H and W multiples of 16, to logits of the paint's cover [N, 1, H, W]."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(_block(given, channels) for given, channels in zip((3, *_CHANNELS), _CHANNELS, strict=False))
        self.up = nn.ModuleList(_block(low + high, high) for high, low in pairwise(_CHANNELS))
        self.last = nn.Conv2d(_CHANNELS[0], 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits."""
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            image = block(image if level == 0 else functional.max_pool2d(image, 2))
            kept.append(image)
        for level in reversed(range(len(self.up))):
            larger = functional.interpolate(image, scale_factor=2.0, mode="nearest")
            image = self.up[level](torch.cat([larger, kept[level]], dim=1))
        logits: Tensor = self.last(image)
        return logits
