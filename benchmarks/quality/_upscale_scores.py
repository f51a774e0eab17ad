"""How close an enlarged picture is to the photograph that its input was made from."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels8 = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float64]

_BORDER = 8  # pixels that are left out on every side, since they depend on what is beyond the crop
_HAAR_C, _HAAR_ALPHA = 30.0, 4.2
_COARSE = 16  # side, in pixels of the result, of the cells whose mean colours are compared


def psnr(result: Pixels8, truth: Pixels8) -> float:
    """Peak signal-to-noise ratio of the luma, in dB."""
    return float(10 * np.log10(255**2 / ((_luma(result) - _luma(truth)) ** 2).mean()))


def psnr_in_colour(result: npt.NDArray[np.integer], truth: npt.NDArray[np.integer]) -> float:
    """Peak signal-to-noise ratio of all samples, in dB; 78 at most."""
    return float(10 * np.log10(255**2 / max(1e-3, float(((result.astype(np.float64) - truth) ** 2).mean()))))


def ssim(result: Pixels8, truth: Pixels8) -> float:
    """Structural similarity of the luma (Wang et al., IEEE TIP 2004), with the paper's constants and window."""
    a, b = _luma(result), _luma(truth)
    mean_a, mean_b = _blurred(a), _blurred(b)
    variance_a, variance_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    same = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float((same / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))).mean())


def gradient_deviation(result: Pixels8, truth: Pixels8) -> float:
    """Gradient magnitude similarity deviation of the luma (Xue et al., IEEE TIP 2014): 0 means identical; it agrees better with human
    judgement than SSIM."""
    a, b = _gradient(_luma(result)), _gradient(_luma(truth))
    return float(((2 * a * b + 170) / (a * a + b * b + 170)).std())


def haar_similarity(result: Pixels8, truth: Pixels8) -> float:
    """Haar wavelet-based perceptual similarity index of the luma (HaarPSI, Reisenhofer et al., Signal Processing: Image Communication
    2018), with the paper's constants: 1 means identical."""
    a, b = _halved(_luma(result)), _halved(_luma(truth))
    total = weights = 0.0
    for turned in (False, True):
        first, second = ([_haar(plane, scale, turned) for scale in (1, 2, 3)] for plane in (a, b))
        fine = list(zip(first, second, strict=True))[:2]
        similarity = sum((2 * x * y + _HAAR_C) / (x * x + y * y + _HAAR_C) for x, y in fine) / 2
        weight = np.maximum(first[2], second[2])
        total += float((weight / (1 + np.exp(-_HAAR_ALPHA * similarity))).sum())
        weights += float(weight.sum())
    mean = total / weights
    return float((np.log(mean / (1 - mean)) / _HAAR_ALPHA) ** 2)


def colour_shift(result: Pixels8, given: Pixels8) -> float:
    """Mean difference, in levels, between the coarse colours of a result and those of the input that it was made from."""
    height, width = result.shape[0] // _COARSE, result.shape[1] // _COARSE
    coarse = [cv2.resize(picture.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) for picture in (result, given)]
    return float(np.abs(coarse[0] - coarse[1]).mean())


def _luma(pixels: Pixels8) -> Plane:
    inner = pixels[_BORDER:-_BORDER, _BORDER:-_BORDER].astype(np.float64)
    return np.asarray(inner @ np.array([0.299, 0.587, 0.114]))


def _blurred(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (11, 11), 1.5))


def _gradient(plane: Plane) -> Plane:
    kernel = np.array([[1, 0, -1]] * 3) / 3
    small = cv2.blur(plane, (2, 2))
    return np.hypot(cv2.filter2D(small, -1, kernel), cv2.filter2D(small, -1, kernel.T))


def _halved(plane: Plane) -> Plane:
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    return np.asarray(plane[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean(axis=(1, 3)))


def _haar(plane: Plane, scale: int, turned: bool) -> Plane:
    """Magnitudes of the Haar wavelet coefficients of one scale, of horizontal edges or, `turned`, of vertical ones."""
    side = 2**scale
    kernel = np.full((side, side), 1 / side)
    kernel[side // 2 :] *= -1
    kernel = kernel.T if turned else kernel
    return np.abs(np.asarray(cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_CONSTANT)))
