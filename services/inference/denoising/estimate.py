"""How much noise there is in a picture, by brightness and by frequency.

Blocks that show nothing but noise are looked for, as by N. Ponomarenko et al., "An automatic approach to lossy compression of AVIRIS
images", IGARSS 2007. Half of each block's frequencies show how quiet it is, and the other half is measured, so that the choice of quiet
blocks does not make the measured noise smaller; then the halves change places. The noise of a photograph depends on the brightness, and was
smeared by the camera's interpolation and by compression, so that it is measured for each frequency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.inference.denoising.blocks import DCT, SIDE, Floats

_MOST_BLOCKS = 40_000
_STEP = 5
"""Pixels between blocks: no multiple of the sides of JPEG's blocks."""
_MOST_BINS = 8
_LEAST_IN_BIN = 300
_QUIET = 0.06
_LEAST_QUIET = 24
"""Share and least number of the blocks of a brightness that are taken for noise alone."""
_GAUSS = 0.6745
"""Median of the magnitudes of normally distributed numbers, as a share of their standard deviation."""
_CLIPPED = 0.03
_STEEPEST = 1.8

_ROW, _COLUMN = np.divmod(np.arange(SIDE * SIDE), SIDE)
_FREQUENCY = np.asarray(np.hypot(_ROW, _COLUMN))
_EVEN = ((_ROW + _COLUMN) % 2 == 0) & (_FREQUENCY > 0)
_ODD = (_ROW + _COLUMN) % 2 == 1
_FINE = (_ROW + _COLUMN) >= 4
_SPECTRUM_RANGE = (0.05, 4.0)


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of a picture whose samples are 0 to 255."""

    brightness: Floats
    """Means of the first channel, ascending."""
    levels: Floats
    """Channels × brightnesses: standard deviation of the fine noise."""
    spectra: Floats
    """Channels × 64: that of each frequency, as a share of the fine noise's."""

    def of(self, channel: int, means: Floats) -> Floats:
        """Standard deviation of the fine noise of blocks with these means of the first channel."""
        return np.asarray(np.interp(means, self.brightness, self.levels[channel]), np.float32)

    @property
    def level(self) -> float:
        """Standard deviation of the first channel's noise: the median of the brightnesses, all frequencies together."""
        return float(np.median(self.levels[0])) * math.sqrt(float(np.mean(self.spectra[0][1:] ** 2)))


def estimate_noise(planes: Floats) -> Noise | None:
    """The noise of a picture, channels × height × width, the first of which is its brightness, in an orthonormal space of colours (so that
    brightness is up to 255 √3 where there are three). None if it is too small for an estimate."""
    channels, height, width = planes.shape
    if height < SIDE or width < SIDE:
        return None
    blocks = _sampled(planes)
    means = blocks[0].mean(axis=1)
    whole = 255 * math.sqrt(channels)
    usable = (np.abs(blocks[0] - whole / 2) > whole / 2 * (1 - 0.008)).mean(axis=1) <= _CLIPPED
    if usable.sum() < _LEAST_QUIET:
        return None
    blocks, means = blocks[:, usable], means[usable]
    coefficients = blocks @ DCT
    bins = max(1, min(_MOST_BINS, len(means) // _LEAST_IN_BIN))
    borders = np.quantile(means, np.linspace(0, 1, bins + 1))
    levels = np.zeros((channels, bins), np.float32)
    brightness = np.zeros(bins, np.float32)
    shapes: list[list[Floats]] = [[] for _ in range(channels)]
    for number in range(bins):
        inside = (means >= borders[number]) & (means <= borders[number + 1])
        brightness[number] = means[inside].mean()
        for channel in range(channels):
            sigma = _deviations(coefficients[:, inside], channel)
            levels[channel, number] = math.sqrt(float(np.mean(sigma[_FINE] ** 2)))
            if levels[channel, number] > 0.05:
                shapes[channel].append(np.asarray(sigma / levels[channel, number], np.float32))
    order = np.argsort(brightness)
    spectra = [np.median(shape, axis=0) if shape else np.ones(SIDE * SIDE) for shape in shapes]
    return Noise(brightness[order], _smoothed(levels[:, order]), np.array([_plausible(each) for each in spectra], np.float32))


def _sampled(planes: Floats) -> Floats:
    """Channels × blocks × 64."""
    windows = np.lib.stride_tricks.sliding_window_view(planes, (SIDE, SIDE), axis=(1, 2))
    step = max(_STEP, math.ceil(math.sqrt(windows.shape[1] * windows.shape[2] / _MOST_BLOCKS)))
    step += step % SIDE == 0
    taken = windows[:, ::step, ::step]
    return np.ascontiguousarray(taken).reshape(len(planes), -1, SIDE * SIDE)


def _deviations(coefficients: Floats, channel: int) -> npt.NDArray[np.float64]:
    """Standard deviation of each frequency of a channel, in the quiet ones of these blocks, channels × blocks × 64."""
    count = min(coefficients.shape[1], max(_LEAST_QUIET, round(_QUIET * coefficients.shape[1])))
    found = np.zeros(SIDE * SIDE)
    for telling, measured in ((_EVEN, _ODD), (_ODD, _EVEN)):
        energy = (coefficients[0][:, telling] ** 2).sum(axis=1)
        if channel:
            energy = energy + (coefficients[channel][:, telling] ** 2).sum(axis=1)
        quiet = np.argpartition(energy, count - 1)[:count]
        found[measured] = np.median(np.abs(coefficients[channel][quiet][:, measured]), axis=0) / _GAUSS
    return found


def _smoothed(levels: Floats) -> Floats:
    """Without brightnesses of which there was only texture: none much above the median of its neighbours, nor of all."""
    result = levels.copy()
    for row in result:
        middle = float(np.median(row))
        padded = np.pad(row, 1, mode="edge")
        near = np.median([padded[:-2], padded[1:-1], padded[2:]], axis=0)
        row[:] = np.minimum(near, _STEEPEST * middle)
    return result


def _plausible(spectrum: npt.NDArray[np.floating]) -> Floats:
    """The spectrum without what is no noise: slopes raise the lowest frequencies."""
    table = np.clip(spectrum, *_SPECTRUM_RANGE).reshape(SIDE, SIDE)
    table = np.sqrt((table**2 + table.T**2) / 2)
    table[0, 1] = table[1, 0] = min(table[0, 1], 1.3 * max(table[1, 1], table[0, 2]))
    table[0, 0] = table[0, 1]
    return np.asarray(table.reshape(-1), np.float32)
