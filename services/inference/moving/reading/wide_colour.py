"""Videos with more light or more colours than sRGB has, fitted into it: HDR (PQ and HLG of ITU-R BT.2100), BT.2020 and Display P3."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips
from services.inference.moving.leaving import Samples

_Floats = npt.NDArray[np.float32]
_PQ, _HLG = 16, 18
"""Tone curves by their numbers in ITU-T H.273."""
_TO_709 = {
    9: ((1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730)),
    12: ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098274)),
}
"""From linear light of BT.2020 and of Display P3 to that of BT.709, by the numbers of primaries."""
_IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_WHITE = 203.0
"""Candelas per square metre of white paper in HDR (ITU-R BT.2408)."""
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2
"""The display that HLG is made for."""
_KNEE = 0.6
"""Darker light than this part of white stays, and brighter light is compressed to the rest, more the brighter it is."""
_STEPS = 1 << 12
"""Entries of the table from linear light to sRGB, which is even in its square root."""


def is_hdr(tone_curve: int) -> bool:
    """Whether a tone curve goes beyond the white of sRGB."""
    return tone_curve in (_PQ, _HLG)


def is_wide(tone_curve: int, primaries: int) -> bool:
    """Whether colours have to be fitted into sRGB. The small differences of standard definition are left as they are, as players do."""
    return is_hdr(tone_curve) or primaries in _TO_709


def fitted(samples: npt.NDArray[np.uint16], tone_curve: int, primaries: int) -> Samples:
    """RGB of 16 bits, height x width x 3, as sRGB."""
    linear, encoded = _linear_of(tone_curve), _encoded()
    matrix = np.array(_TO_709.get(primaries, _IDENTITY), np.float32).T
    out = np.empty(samples.shape, np.uint8)
    for rows in strips(samples.shape[0], 64):
        light = linear[samples[rows]]
        if tone_curve == _HLG:
            luminance = light @ np.array((0.2627, 0.6780, 0.0593), np.float32)
            light *= np.power(luminance, _HLG_GAMMA - 1)[..., np.newaxis] * np.float32(_HLG_PEAK / _WHITE)
        light = light @ matrix
        if is_hdr(tone_curve):
            light *= _compression(light.max(axis=2))[..., np.newaxis]
        steps = np.sqrt(np.clip(light, 0, 1)) * (_STEPS - 1)
        out[rows] = encoded[(steps + 0.5).astype(np.uint16)]
    return out


def _compression(brightest: _Floats) -> _Floats:
    """The factor for all three colours of a pixel, so that its hue stays."""
    over = np.maximum(brightest - _KNEE, 0)
    room = np.float32(1 - _KNEE)
    wanted = np.float32(_KNEE) + room * (1 - np.exp(-over / room))
    return np.where(over > 0, wanted / np.maximum(brightest, np.float32(_KNEE)), np.float32(1)).astype(np.float32)


@lru_cache(maxsize=2)
def _linear_of(tone_curve: int) -> _Floats:
    """Light by samples of 16 bits: 1 is white; of HLG, the light of the scene, where 1 is the most."""
    signal = np.arange(65536) / 65535
    if tone_curve == _PQ:
        power = signal ** (1 / 78.84375)
        light = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
        return (light * 10_000 / _WHITE).astype(np.float32)
    if tone_curve == _HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(np.float32)
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4).astype(np.float32)


@lru_cache(maxsize=1)
def _encoded() -> Samples:
    """sRGB by the square root of light."""
    light = (np.arange(_STEPS) / (_STEPS - 1)) ** 2
    signal = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    made: Samples = np.rint(255 * signal).astype(np.uint8)
    return made
