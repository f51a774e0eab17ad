"""Photos as JPEG files that are not too large."""

from __future__ import annotations

import dataclasses

from services.inference.media import Image, Saving, encode
from services.inference.media.search import highest_within
from services.pictures.media_format import MediaFormat

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
