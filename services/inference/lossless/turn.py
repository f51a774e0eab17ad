"""Quarter turns and mirroring, one after the other, as one move of samples."""

from __future__ import annotations

from dataclasses import dataclass

from services.inference.media.turning import FLIPS, ORIENTATIONS

_MIRRORED = {code: mirrored for mirrored, code in FLIPS.items()}
_UPRIGHT = 0, None


@dataclass(frozen=True, slots=True)
class Turn:
    """Rows become columns if `transposed`; then left and right, and top and bottom, are swapped."""

    transposed: bool = False
    left_right: bool = False
    top_bottom: bool = False

    @classmethod
    def of(cls, degrees: int, *, left_right: bool, top_bottom: bool) -> Turn:
        """Turned clockwise by a multiple of 90 degrees, and then mirrored."""
        quarters = degrees // 90 % 4
        return cls(quarters % 2 == 1, quarters in (1, 2), quarters in (2, 3)).then(cls(False, left_right, top_bottom))

    @classmethod
    def upright(cls, orientation: int) -> Turn:
        """As EXIF tag 0x0112 asks (1 to 8); other values change nothing."""
        degrees, flip = ORIENTATIONS.get(orientation, _UPRIGHT)
        left_right, top_bottom = (False, False) if flip is None else _MIRRORED[flip]
        return cls.of(degrees, left_right=left_right, top_bottom=top_bottom)

    def then(self, other: Turn) -> Turn:
        """This turn, followed by another."""
        swapped = (self.top_bottom, self.left_right) if other.transposed else (self.left_right, self.top_bottom)
        return Turn(self.transposed != other.transposed, swapped[0] != other.left_right, swapped[1] != other.top_bottom)

    def fits(self, size: tuple[int, int], unit: tuple[int, int]) -> bool:
        """Whether units of samples, of this width and height, stay whole: an incomplete one can only lie at the right and the bottom."""
        across, down = size[0] % unit[0] == 0, size[1] % unit[1] == 0
        reversed_ = (self.top_bottom, self.left_right) if self.transposed else (self.left_right, self.top_bottom)
        return (across or not reversed_[0]) and (down or not reversed_[1])


UNTURNED = Turn()
