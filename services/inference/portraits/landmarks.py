"""The points of a face that photos of documents are made by, from a mesh of 468 points and the matte of the person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.inference.media import Pixels
from services.inference.portraits.geometry import Head
from services.pictures.geometry import Size

Mesh = npt.NDArray[np.floating]
"""Columns and rows of 468 points of a face, in pixels of the picture, in the order of MediaPipe's canonical face model; 468 x 2 or more."""
Point = tuple[float, float]

_CHIN, _FOREHEAD, _NOSE = 152, 10, 1
_LEFT_EYE, _RIGHT_EYE = (263, 362, 386, 374), (33, 133, 159, 145)
"""Both corners, and the middles of both lids. Left and right are the person's own."""
_SIDES = 234, 454
_CROWN_ABOVE = 0.24
"""How far the crown is above the mesh's upper end, the hairline, where it cannot be seen: of the height of the mesh. From the means of
adults for the heights vertex to gnathion and trichion to gnathion (Farkas: "Anthropometry of the Head and Face", 1994)."""
_CHIN_BELOW = 0.02
"""How far the lower edge of the chin is below the mesh's point on it, of the height of the mesh."""
_MOST_ABOVE = 0.9
"""Above that it is no hair any more."""
_BAND, _COVERED = 0.35, 0.15
"""In widths of the face: half of the columns in which the top of the hair is sought, and how many of them the person covers there."""
_FRONTAL = 0.35, 0.65
"""Where the tip of the nose is from one side of the face to the other, of somebody who looks into the camera."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """Points of the face, in pixels."""

    size: Size
    """The size of the picture."""
    points: Mapping[str, Point]
    """`leftEye`, `rightEye`, `eyeCenter`, `chin`, `forehead`, `crown` and `nose`."""
    center_x: float
    crown_cut: bool
    """Whether the picture ends below the top of the head."""
    crown_seen: bool = True
    """Whether the matte ends at a crown, or at the picture's edge; otherwise it is where it usually is."""
    turned: bool = False
    """Whether the face looks to one side."""

    @property
    def head(self) -> Head:
        """Where the head is."""
        wide, high = self.size
        crown, eyes, chin = (self.points[name][1] / high for name in ("crown", "eyeCenter", "chin"))
        return Head(crown, eyes, chin, self.center_x / wide)

    def to_dict(self) -> dict[str, object]:
        """As `InspectPortrait` describes it, to a hundred thousandth of the picture's sides."""
        wide, high = self.size
        shares = {name: {"x": round(x / wide, 5), "y": round(y / high, 5)} for name, (x, y) in self.points.items()}
        return {
            "imageWidth": wide,
            "imageHeight": high,
            "landmarks": {**shares, "faceCenterX": round(self.center_x / wide, 5)},
            "crownCut": self.crown_cut,
        }


def portrait_of(mesh: Mesh, alpha: Pixels | None, size: Size) -> Portrait:
    """The landmarks of a mesh, and of a matte of the whole picture in its size (height x width; None: unknown) about the top of the hair.

    The crown is where the matte ends above the forehead. If the matte does not hold the forehead, ends below a bald head's crown, or has no
    end within 0.9 heights of the face, as with a raised arm, the crown is where it usually is.
    """
    left, right = _mean(mesh, _LEFT_EYE), _mean(mesh, _RIGHT_EYE)
    chin, forehead, nose = (_mean(mesh, (number,)) for number in (_CHIN, _FOREHEAD, _NOSE))
    face = chin[1] - forehead[1]
    crown_x = forehead[0] + _CROWN_ABOVE * (forehead[0] - chin[0])
    usual = forehead[1] - _CROWN_ABOVE * face
    top = None if alpha is None else _top_of_hair(mesh, alpha, (crown_x, forehead[1]), face)
    seen = top is not None and top <= usual
    crown_y = usual if top is None or not seen else min(usual, 0.0) if top <= 0 else top
    points = {
        "leftEye": left,
        "rightEye": right,
        "eyeCenter": ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2),
        "chin": (chin[0], chin[1] + _CHIN_BELOW * face),
        "forehead": forehead,
        "crown": (crown_x, crown_y),
        "nose": nose,
    }
    return Portrait(size, points, _mean(mesh, _SIDES)[0], crown_y <= 0, crown_seen=seen or crown_y <= 0, turned=_turned(mesh))


def _turned(mesh: Mesh) -> bool:
    left, right, nose = (np.asarray(mesh[number, :2], np.float64) for number in (*_SIDES, _NOSE))
    across = right - left
    share = float((nose - left) @ across) / max(1e-9, float(across @ across))
    return not _FRONTAL[0] <= share <= _FRONTAL[1]


def _mean(mesh: Mesh, numbers: tuple[int, ...]) -> Point:
    x, y = np.asarray(mesh)[list(numbers), :2].mean(axis=0)
    return float(x), float(y)


def _top_of_hair(mesh: Mesh, alpha: Pixels, start: Point, face_height: float) -> float | None:
    """The row where the matte ends above a point; 0 if it goes on to the picture's edge, None if it is unknown."""
    height, width = alpha.shape
    wide = max(1.0, abs(float(mesh[_SIDES[1], 0]) - float(mesh[_SIDES[0], 0])))
    half = max(1.0, _BAND * wide)
    columns = slice(max(0, round(start[0] - half)), min(width, round(start[0] + half) + 1))
    last = min(height - 1, int(start[1]))
    if columns.start >= columns.stop or last < 0:
        return None
    covered = (alpha[: last + 1, columns] > np.iinfo(alpha.dtype).max // 2).sum(axis=1) / wide
    if covered[last] < _COVERED:
        return None
    bare = np.flatnonzero(covered < _COVERED)
    if bare.size == 0:
        return 0.0 if start[1] <= _MOST_ABOVE * face_height else None
    row = int(bare[-1])
    if start[1] - row > _MOST_ABOVE * face_height:
        return None
    return float(row + 1)
