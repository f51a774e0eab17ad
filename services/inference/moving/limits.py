"""How large an animation or a video may be."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.inference.media import Limits
from services.inference.media.errors import over_limit

_MEGA = 1_000_000
_FASTEST = 240
"""Frames a second of the fastest videos of telephones."""


@dataclass(frozen=True, slots=True)
class MovingLimits:
    """Checked from headers before anything is decoded, and again frame by frame, since headers may be wrong."""

    picture: Limits = field(default_factory=Limits)
    """The size of one frame."""
    seconds: float = 60.0
    """The duration of a video."""
    megapixels: float = 4000.0
    """The size of all frames together."""
    frames: int = 10_000
    """Frames of an animation. A video may have as many as fit into its seconds."""
    pages: int = 2_000
    """Pages of a TIFF, as of a PDF."""

    def check(self, subject: str, width: int, height: int, frames: int, seconds: float = 0.0, *, video: bool = False) -> None:
        """Raises MEDIA_LIMIT_EXCEEDED, naming `subject`, as in "The video", if it is too large. 0 frames or seconds: unknown."""
        self.picture.check(width, height, f"A frame of {subject[0].lower()}{subject[1:]}")
        if video and seconds > self.seconds:
            raise over_limit(f"{subject} takes {seconds:.1f} s.", allowed=f"at most {self.seconds:g} s")
        most = max(self.frames, round(self.seconds * _FASTEST)) if video else self.frames
        if frames > most:
            raise over_limit(f"{subject} has {frames} frames.", allowed=f"at most {most} frames")
        self.check_area(f"{subject} has {frames} frames of {width} x {height} pixels", width * height * frames, "frames")

    def check_area(self, said: str, pixels: int, parts: str) -> None:
        """Raises MEDIA_LIMIT_EXCEEDED if all `parts` of a file together have too many pixels. `said` begins the message."""
        if pixels > self.megapixels * _MEGA:
            raise over_limit(
                f"{said} ({pixels / _MEGA:.0f} megapixels).", allowed=f"at most {self.megapixels:g} megapixels, all {parts} together"
            )
