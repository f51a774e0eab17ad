"""The points of faces: 468 on each, and its irises.

MediaPipe's face mesh (Kartynnik et al. 2019, https://arxiv.org/abs/1907.06724) and Iris (Ablavatski et al. 2020,
https://arxiv.org/abs/2006.11341). Each network sees a square around its subject, turned so that the eyes are level. Which number is which
point: https://github.com/google-ai-edge/mediapipe/blob/master/mediapipe/modules/face_geometry/data/canonical_face_model_uv_visualization.png
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from services.inference.faces.detection import SAME, Face, detect, inside, overlap
from services.inference.faces.numbers import Floats, Pixels8, decode_numbers, likelihood
from services.inference.model_server.triton import PictureModel

MESH, IRIS = "face_mesh", "iris"
SIDE, IRIS_SIDE = 192, 64
"""Height and width of what the networks see, in pixels."""
POINTS = 468

EYES = (33, 133), (362, 263)
"""The corners of each eye, from left to right in an upright face."""
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132),
    *(93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""The face's outline, clockwise from the hair line on."""
OPENINGS = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),
)
"""The edge of the lids of each eye, clockwise from its left corner on."""

_MARGIN = 1.5  # sides of the square around a face, in those of its box
_EYE_MARGIN = 2.3  # the same around an eye, in its width
_LEAST_DETECTED = 0.25  # detector's score below which nothing is looked at
_FITS = 0.5
_PART = 0.8
"""Share of a face that lies within a better one from which on it is a part of that."""
_BATCH = 8
_CONTOUR = 71  # points around an eye, before the five of its iris


@dataclass(frozen=True, slots=True)
class Mesh:
    """A face with its points, float32 [468, 2]: x and y in pixels of the picture. `score`: how sure that a face is there, 0 to 1; `sure`:
    the score of the network that finds the points, which is low for a profile."""

    face: Face
    points: Floats
    score: float
    sure: float

    @property
    def fits(self) -> bool:
        """Whether the points can be relied on."""
        return self.sure >= _FITS

    @property
    def extent(self) -> Face:
        """The face with the box of its points, if they can be relied on."""
        if not self.fits:
            return self.face
        (left, top), (right, bottom) = self.points.min(axis=0), self.points.max(axis=0)
        return replace(self.face, left=float(left), top=float(top), width=float(right - left), height=float(bottom - top))

    @property
    def tilt(self) -> float:
        """Angle of the line from eye to eye, in radians, clockwise as seen."""
        return _angle(self.points[33], self.points[263])


@dataclass(frozen=True, slots=True)
class Iris:
    """An iris: its centre, and its radius to the sides, in pixels of the picture. `opening`: float32 [16, 2], the edge of the lids."""

    x: float
    y: float
    radius: float
    opening: Floats


@dataclass(frozen=True, slots=True)
class _Square:
    """A square of a picture: centre, side in pixels, and how far it is turned, in radians, clockwise as seen."""

    x: float
    y: float
    side: float
    angle: float

    def matrix(self, seen: int, mirrored: bool = False) -> Floats:
        """From the pixels that a network sees, `seen` x `seen`, to those of the picture: 2 x 3."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        turned = np.array([[cosine, -sine], [sine, cosine]]) * self.side / seen
        if mirrored:
            turned = turned @ np.diag([-1, 1])
        shift = np.array([self.x, self.y]) - turned @ np.array([seen / 2, seen / 2])
        return np.column_stack([turned, shift]).astype(np.float32)


async def find_meshes(
    pixels: Pixels8,
    detector: PictureModel,
    mesh: PictureModel,
    least: float = 0.5,
    check: Callable[[], None] = lambda: None,
    progress: Callable[[float], None] = lambda _done: None,
) -> list[Mesh]:
    """The faces of a picture whose score is `least` or more, largest first, and their points. sRGB, height x width x 3.

    The mesh network distinguishes faces from other things better than the detector, and the detector finds profiles: the score is the mean
    of what they say. Each face is looked at by its box, and again by its points, which are more exact.
    """
    found = await detect(pixels, detector, max(_LEAST_DETECTED, 2 * least - 1), check, progress)
    meshes = []
    for start in range(0, len(found), _BATCH):
        faces = found[start : start + _BATCH]
        looks = await _looked_at(pixels, [_square(face) for face in faces], mesh)
        meshes += [Mesh(face, points, (face.score + score) / 2, score) for face, (points, score) in zip(faces, looks, strict=True)]
        check()
    meshes = [each for each in meshes if each.score >= least]
    for start in range(0, len(meshes), _BATCH):
        batch = meshes[start : start + _BATCH]
        looks = await _looked_at(pixels, [_around(each.points) if each.fits else _square(each.face) for each in batch], mesh)
        meshes[start : start + _BATCH] = [replace(each, points=points) for each, (points, _) in zip(batch, looks, strict=True)]
        check()
    return once_each(meshes)


async def points_in(pixels: Pixels8, left: float, top: float, width: float, height: float, mesh: PictureModel) -> Floats | None:
    """The points of the face in a box, about brow to chin, that another detector found; None if the network is not sure of a face there."""
    square = _Square(left + width / 2, top + height / 2, max(width, height) * _MARGIN, 0.0)
    [(points, sure)] = await _looked_at(pixels, [square], mesh)
    if sure < _FITS:
        return None
    [(points, _)] = await _looked_at(pixels, [_around(points)], mesh)
    return points


def once_each(meshes: Sequence[Mesh]) -> list[Mesh]:
    """Without those that found their points on a face that a better one has, or on a part of it: an eye, or a mouth."""
    kept: list[tuple[Mesh, Face]] = []
    for mesh in sorted(meshes, key=lambda each: -each.score):
        box = mesh.extent
        if all(overlap(box, other) <= SAME and inside(box, other) <= _PART for _, other in kept):
            kept.append((mesh, box))
    return sorted((mesh for mesh, _ in kept), key=lambda each: -each.face.width * each.face.height)


def _square(face: Face) -> _Square:
    side = max(face.width, face.height) * _MARGIN
    return _Square(face.left + face.width / 2, face.top + face.height / 2, side, face.tilt)


async def _looked_at(pixels: Pixels8, squares: Sequence[_Square], model: PictureModel) -> list[tuple[Floats, float]]:
    """The points in each of the squares, and how sure it is that a face is there."""
    matrices = [square.matrix(SIDE) for square in squares]
    answer = decode_numbers(await model(np.stack([_shown(pixels, matrix, SIDE) for matrix in matrices])))[:, 0]
    return [
        (_placed(numbers[: POINTS * 3], matrix), float(likelihood(numbers[POINTS * 3 :])[0]))
        for numbers, matrix in zip(answer, matrices, strict=True)
    ]


def _around(points: Floats) -> _Square:
    angle = _angle(points[33], points[263])
    cosine, sine = np.cos(angle), np.sin(angle)
    level = points @ np.array([[cosine, -sine], [sine, cosine]], np.float32)
    least, most = level.min(axis=0), level.max(axis=0)
    x, y = (least + most) / 2
    return _Square(float(x * cosine - y * sine), float(x * sine + y * cosine), float(max(most - least)) * _MARGIN, angle)


async def irises(pixels: Pixels8, mesh: Mesh, model: PictureModel) -> Sequence[Iris]:
    """Both irises of a face, from left to right in an upright face."""
    angle = mesh.tilt
    found = []
    for index, (corners, opening) in enumerate(zip(EYES, OPENINGS, strict=True)):
        ends = mesh.points[list(corners)]
        x, y = ends.mean(axis=0)
        width = float(np.hypot(*(ends[1] - ends[0])))
        # The network has seen eyes of one side only.
        matrix = _Square(float(x), float(y), width * _EYE_MARGIN, angle).matrix(IRIS_SIDE, mirrored=index == 1)
        numbers = decode_numbers(await model(_shown(pixels, matrix, IRIS_SIDE)[np.newaxis]))[0, 0]
        points = _placed(numbers, matrix)[_CONTOUR:]
        radius = float(np.hypot(*(points[1:] - points[0]).T).mean())
        found.append(Iris(float(points[0, 0]), float(points[0, 1]), radius, mesh.points[list(opening)]))
    return found


def _angle(start: Floats, end: Floats) -> float:
    return float(np.arctan2(end[1] - start[1], end[0] - start[0]))


def _shown(pixels: Pixels8, matrix: Floats, side: int) -> Pixels8:
    """The square of a picture that a network sees; beyond the picture's edges it is black. Reads only what it shows."""
    corners = _moved(np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float32), matrix)
    height, width = pixels.shape[:2]
    left, top = (max(0, int(np.floor(each)) - 1) for each in corners.min(axis=0))
    right, bottom = (min(size, int(np.ceil(each)) + 1) for each, size in zip(corners.max(axis=0), (width, height), strict=True))
    if right <= left or bottom <= top:
        return np.zeros((side, side, 3), np.uint8)
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale > 2:
        # Averaged first, since the turning below takes single pixels.
        size = max(1, round(part.shape[1] / scale)), max(1, round(part.shape[0] / scale))
        factors = size[0] / part.shape[1], size[1] / part.shape[0]
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    else:
        factors = 1.0, 1.0
    # Pixels are squares: their centres are at halves.
    inner = matrix.astype(np.float64)
    inner[:, 2] += inner[:, :2] @ np.array([0.5, 0.5]) - np.array([left, top])
    inner *= np.array(factors)[:, np.newaxis]
    inner[:, 2] -= 0.5
    turned = cv2.warpAffine(part, inner, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(turned, np.uint8)


def _placed(numbers: Floats, matrix: Floats) -> Floats:
    """Points x, y, z from a network, in the picture."""
    return _moved(numbers.reshape(-1, 3)[:, :2], matrix)


def _moved(points: Floats, matrix: Floats) -> Floats:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)
