"""Restoring faces with a network that an operator has installed: GFPGAN, CodeFormer, or one like them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.faces.alignment import SIDE, TEMPLATE, Floats, inverse, points_of, similarity, usual_points, warp
from services.inference.faces.mesh import MESH, points_in
from services.inference.media import Image, Pixels
from services.inference.media.colour import from_srgb
from services.inference.model_server.choice import Choice, choose_network
from services.inference.model_server.triton import Triton
from services.inference.plain.faces import Face, Oval

Pixels8 = npt.NDArray[np.uint8]

PREFERRED = ("gfpgan", "codeformer")
"""Names under which an operator installs them; the one that is taken first."""
FIDELITY = 0.5
"""How much a network with that setting keeps of a face, where nobody says; the setting of CodeFormer's own script."""
_EDGE = 24  # pixels of the aligned face: soft border of what is taken from it


async def choose(triton: Triton, configured: str, wanted: str = "") -> Choice | None:
    """The network `wanted` if it is installed, else the one that is `configured`, else the first of `PREFERRED` that is installed; or None.
    As `choose_network`."""
    if wanted and wanted != configured and await triton.has(wanted):
        configured = wanted
    return await choose_network(triton, configured, PREFERRED)


async def points(srgb: Pixels8, faces: Sequence[Face], triton: Triton) -> Sequence[Floats]:
    """Eyes, nose and corners of the mouth of each face, 5 x 2, in pixels: from the mesh where it is installed and sure of its points, else
    where they usually are in the box. Raises as `Triton.infer`."""
    found: list[Floats] = []
    has_mesh = await triton.has(MESH)
    for face in faces:
        mesh = await points_in(srgb, face.left, face.top, face.width, face.height, triton.model(MESH)) if has_mesh else None
        found.append(usual_points(face.left, face.top, face.width, face.height) if mesh is None else points_of(mesh))
    return found


def network_input(srgb: Pixels8, five: Floats, fidelity: float) -> Pixels8:
    """The network's input: uint8 [1, 512, 512, 4], the aligned face and the fidelity, 0 to 1."""
    matrix = inverse(similarity(five, TEMPLATE))
    corners = np.array([(0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE)]) @ matrix[:, :2].T + matrix[:, 2]
    margin = float(np.hypot(matrix[0, 0], matrix[1, 0])) + 1
    height, width = srgb.shape[:2]
    left, top = (max(0, int(each - margin)) for each in corners.min(axis=0))
    right, bottom = (min(size, int(each + margin) + 1) for each, size in zip(corners.max(axis=0), (width, height), strict=True))
    matrix[:, 2] -= left, top
    aligned = warp(np.ascontiguousarray(srgb[top:bottom, left:right]), matrix, SIDE, SIDE)
    return np.dstack([aligned, np.full((SIDE, SIDE), round(255 * fidelity), np.uint8)])[np.newaxis]


def laid_back(part: Image, oval: Oval, given: Pixels8, answer: Pixels8, five: Floats) -> Image:
    """The part of the picture in the oval's box with the restored face `answer`, [512, 512, 3], in place of the one that was `given`.

    The face keeps its mean colour. In a face larger than 512 pixels detail that the network was not shown stays: only what it changed is
    added. Sixteen bits and the picture's colour profile stay, and alpha.
    """
    matrix = similarity(five, TEMPLATE)
    # From the pixels of the part.
    matrix = np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ np.array([oval.columns.start, oval.rows.start])])
    height, width = part.pixels.shape[:2]
    own = part.srgb()
    before, after = np.asarray(given, np.float32), np.asarray(answer, np.float32)
    inside = np.zeros((SIDE, SIDE), np.float32)
    inside[_EDGE:-_EDGE, _EDGE:-_EDGE] = 1
    soft = cv2.GaussianBlur(inside, (0, 0), _EDGE / 3)[..., np.newaxis]
    after = np.asarray(after + ((before - after) * soft).sum(axis=(0, 1)) / soft.sum(), np.float32)
    weight = warp(np.asarray(np.repeat(soft, 3, axis=2), np.float32), matrix, height, width, (0, 0, 0))
    if float(np.hypot(matrix[0, 0], matrix[1, 0])) < 1:
        change = warp(np.asarray(after - before, np.float32), matrix, height, width)
    else:
        change = warp(after, matrix, height, width) - own
    whole = np.round(own + weight * change).clip(0, 255).astype(np.uint8)
    return dataclasses.replace(part, pixels=_in_own_colours(part, own, whole))


def _in_own_colours(part: Image, own: Pixels8, whole: Pixels8) -> Pixels:
    """The samples of a part that is to look like `whole` where it looked like `own`, both sRGB."""
    levels = []
    for pixels in (own, whole):
        made = pixels.copy()
        if part.is_gray:
            made = np.asarray(cv2.cvtColor(made, cv2.COLOR_RGB2GRAY), np.uint8)[..., np.newaxis]
        elif part.icc is not None:
            from_srgb(made, part.icc)
        levels.append(made.astype(np.int32))
    deep = 1 if part.bit_depth == 8 else 257
    changed = part.pixels + deep * (levels[1] - levels[0])
    return np.asarray(changed.clip(0, np.iinfo(part.pixels.dtype).max).astype(part.pixels.dtype))
