"""What is sent to each model: what the worker sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from services.inference.model_server.shapes import Picture

_SAMPLE = Path(__file__).resolve().parent.parent.parent / "samples" / "portrait.jpg"
_TILES = 4
"""As DARKROOM_UPSCALE_BATCH."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request."""

    model: str
    unit: str
    """What `per_request` counts."""
    height: int
    width: int
    channels: int = 3
    batch: int = 1

    @property
    def is_map(self) -> bool:
        """Whether its output shows where text is."""
        return self.model == "ppocr_det"

    def request(self) -> Picture:
        """A photo, cut to size; the fourth channel, where there is one, is a mask over its middle, or as good as one."""
        with Image.open(_SAMPLE) as photo:
            pixels = np.asarray(photo.convert("RGB").resize((self.width, self.height)), np.uint8)
        if self.channels == 4:
            mask = np.zeros((self.height, self.width, 1), np.uint8)
            mask[self.height // 3 : -self.height // 3, self.width // 3 : -self.width // 3] = 255
            pixels = np.concatenate([pixels, mask], axis=2)
        return np.repeat(pixels[None], self.batch, axis=0)


CASES: Mapping[str, Case] = {
    case.model: case
    for case in (
        Case("isnet", "cut-outs", 1024, 1024),
        Case("birefnet", "cut-outs", 1024, 1024),
        Case("realesr_animevideov3_x2", "tiles", 256, 256, batch=_TILES),
        Case("realesr_animevideov3_x4", "tiles", 256, 256, batch=_TILES),
        Case("realesrgan_x4plus", "tiles", 256, 256, batch=_TILES),
        Case("srmd_upscale_x4", "tiles", 256, 256, 4, _TILES),
        Case("ppocr_det", "pictures", 960, 1280),
        Case("ppocr_rec", "lines", 48, 640, batch=8),
        Case("lama", "windows", 512, 512, 4),
        Case("migan", "windows", 512, 512, 4),
    )
}
"""By model. Those that are left out take next to no time on any machine."""
