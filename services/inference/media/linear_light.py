"""Pictures in linear light, such as renderers make: shown as a viewer does, without compressing their range."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips

Floats = npt.NDArray[np.float32]
Primaries = tuple[float, float, float, float, float, float, float, float]
"""CIE x and y of red, green, blue and white."""

REC_709: Primaries = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""Those of sRGB."""
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""From XYZ to cone responses (ICC.1:2022, annex E)."""


def encode_srgb(light: Floats, primaries: Primaries = REC_709) -> npt.NDArray[np.uint16]:
    """Height x width x 1 or 3 samples of light, 1 being white, as 16-bit sRGB (IEC 61966-2-1).

    Values brighter than white, or outside of sRGB, are clipped. `primaries` are those of three samples. Works in strips: `light` is
    changed.
    """
    to_srgb = None if light.shape[2] == 1 or np.allclose(primaries, REC_709, atol=1e-4) else _between(primaries, REC_709).astype(np.float32)
    out = np.empty(light.shape, np.uint16)
    for rows in strips(light.shape[0]):
        strip = light[rows]
        np.nan_to_num(strip, copy=False, nan=0, posinf=1, neginf=0)
        if to_srgb is not None:
            strip = strip @ to_srgb.T
        strip = strip.clip(0, 1)
        curved = 1.055 * np.maximum(strip, 0.0031308) ** (1 / 2.4) - 0.055
        out[rows] = np.rint(np.where(strip <= 0.0031308, strip * 12.92, curved) * 65535)
    return out


def _between(source: Primaries, target: Primaries) -> npt.NDArray[np.float64]:
    """The matrix from one set of primaries to another, white to white. Raises `numpy.linalg.LinAlgError` for those that span no colours."""
    ours, theirs = _white(source), _white(target)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ theirs) / (_BRADFORD @ ours)) @ _BRADFORD
    matrix: npt.NDArray[np.float64] = np.linalg.inv(_to_xyz(target)) @ adapted @ _to_xyz(source)
    if not np.isfinite(matrix).all():
        raise np.linalg.LinAlgError
    return matrix


def _white(primaries: Primaries) -> npt.NDArray[np.float64]:
    x, y = primaries[6:]
    if y <= 0:
        raise np.linalg.LinAlgError
    return np.array([x / y, 1, (1 - x - y) / y])


def _to_xyz(primaries: Primaries) -> npt.NDArray[np.float64]:
    x, y = np.array(primaries[0:6:2]), np.array(primaries[1:6:2])
    colours = np.stack([x, y, 1 - x - y])
    return colours * np.linalg.solve(colours, _white(primaries))
