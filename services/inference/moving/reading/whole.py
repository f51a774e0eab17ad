"""An animation as a whole, in a child process that works on all of its frames: GIF, WebP, APNG and AVIF. Any other picture is one frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips

from services.inference.media import Hints, Limits, animation, colour
from services.inference.media.animation import Animation, Facts, Timing
from services.inference.media.frames import count_frames
from services.inference.moving.limits import MovingLimits
from services.inference.moving.reading.animation_child import Opened, opened, pictures
from services.pictures.media_format import MediaFormat, sniff


def facts(data: bytes, limits: Limits, hints: Hints) -> Facts:
    """The facts about an animation. Raises as `media.decode`."""
    found = _opened(data, limits)
    if found is None:
        return animation.facts(data, limits, hints)
    said = found.facts()
    return Facts(said["width"], said["height"], Timing(list(map(round, found.delays())), said["loop"]))


def read(data: bytes, limits: Limits, hints: Hints, folder: Path) -> Animation:
    """The frames, decoded into a file in `folder`. Raises as `media.decode`; all pixels of all frames count for `limits`."""
    found = _opened(data, limits)
    if found is None:
        return animation.read(data, limits, hints, folder)
    said, delays, notes = found.facts(), list[int](), dict[str, None]()
    width, height, bands = said["width"], said["height"], 4 if said["alpha"] else 3
    target = folder / "frames.raw"
    with target.open("wb") as file:
        for image, milliseconds in pictures(found):
            delays.append(round(milliseconds))
            notes.update(dict.fromkeys(image.notes))
            alpha = np.full((height, width), 255, np.uint8) if image.alpha is None else colour.to_8bit(image.alpha)
            file.write(image.srgb().tobytes() if bands == 3 else np.dstack((image.srgb(), alpha)).tobytes())
    stack = pyvips.Image.rawload(str(target), width, height * len(delays), bands).copy(interpretation="srgb")
    frames = [stack.crop(0, number * height, width, height) for number in range(len(delays))]
    return Animation(frames, Timing(delays, said["loop"]), tuple(notes))


def _opened(data: bytes, limits: Limits) -> Opened | None:
    """An animation that libvips does not read as one; None for any other file."""
    format_ = sniff(data)
    if format_ not in (MediaFormat.PNG, MediaFormat.AVIF) or count_frames(data, format_) in (0, 1):
        return None
    assert isinstance(format_, MediaFormat)
    found = opened(data, format_, MovingLimits(limits))
    said = found.facts()
    limits.check(said["width"], said["height"] * said["frames"], "The animation, all frames together,")
    return found
