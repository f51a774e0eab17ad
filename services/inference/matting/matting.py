"""Background removal: from a picture and a matting model to a cut-out."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.inference.matting import alpha_refinement
from services.inference.matting.alpha_refinement import Alpha
from services.inference.matting.edge_solving import solve_edges
from services.inference.matting.foreground import decontaminate
from services.inference.matting.plateaus import with_solid_plateaus
from services.inference.matting.second_look import Window, window_of
from services.inference.matting.shadow import shadow_of, with_shadow
from services.inference.matting.subjects import Segmentation, doubtful_parts, is_cut_out, segmentation_of
from services.inference.matting.tuning import PORTRAIT, Tuning
from services.inference.media import Image, Pixels
from services.inference.media.colour import strips, to_8bit, to_16bit
from services.inference.media.resampling import resize

MODEL_SIDE = 1024
"""Rows and columns of the model's input and output."""

AlphaModel = Callable[[npt.NDArray[np.uint8]], Awaitable[npt.NDArray[np.uint8]]]
"""Takes sRGB pictures, uint8 [N, 1024, 1024, 3]; gives their foreground's opacity, uint8 [N, 1024, 1024, 1]."""

_BACKDROP = 128  # behind transparent inputs, for the model: contrasts with black and with white subjects
_TRIM_THRESHOLD = 8 / 255  # opacity up to which a border pixel counts as empty


@dataclass(frozen=True, slots=True)
class CutoutOptions:
    """How a picture is to be cut out."""

    tuning: Tuning = PORTRAIT
    refine: bool = True
    """Move the enlarged alpha onto the edges of the picture; without it large pictures take less time and their edges are softer."""
    shadow: bool = False
    """Keep the shadow that the subject casts, where the background is plain enough to identify it."""
    look_again: bool = False
    """Ask the model a second time, about what it has found, in its true proportions: it misses less, and takes twice the time."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A picture that was cut out, or left unchanged."""

    image: Image
    segmentation: Segmentation
    kept_alpha: bool = False
    """Whether it was a cut-out already."""
    shadow: bool = False
    """Whether a shadow was found and kept."""

    @property
    def cut(self) -> bool:
        """Whether anything was done."""
        return not self.segmentation.nothing and not self.kept_alpha

    @property
    def anything(self) -> bool:
        """Whether the picture is a cut-out, made now or before."""
        return self.kept_alpha or not self.segmentation.nothing


async def remove_background(
    image: Image,
    model: AlphaModel,
    options: CutoutOptions,
    *,
    progress: Callable[[float], None],
    check: Callable[[], None],
) -> Cutout:
    """Cuts the foreground out: the picture with alpha, edges free of background colour, and zero colour where empty.

    Pixels of full opacity stay bit-identical, and so do size, profile and bit depth. A picture in which the model finds nothing with
    confidence is left unchanged, and one that is already a cut-out keeps its alpha. `progress` gets shares of 1. `check` is called between
    steps, also from other threads, and raises to cancel.
    """
    check()
    prepared = await asyncio.to_thread(model_input, image)
    progress(0.1)
    coarse = (await model(prepared))[0, :, :, 0]
    check()
    window = window_of(coarse, image.height, image.width) if options.look_again and not segmentation_of(coarse).nothing else None
    if window is not None:
        progress(0.35)
        part = await asyncio.to_thread(_part_input, image, window)
        coarse = window.combined(coarse, (await model(part))[0, :, :, 0])
        check()
    progress(0.6)
    result = await asyncio.to_thread(_finished, image, prepared[0], coarse, options, check)
    progress(0.95)
    return result


def _finished(
    image: Image, prepared: npt.NDArray[np.uint8], coarse: npt.NDArray[np.uint8], options: CutoutOptions, check: Callable[[], None]
) -> Cutout:
    found = segmentation_of(coarse)
    if was_cut_out(image, coarse):
        return Cutout(as_it_was(image), found, kept_alpha=True)
    if found.nothing:
        return Cutout(image, found)
    alpha = settle_alpha(coarse, prepared)
    found = dataclasses.replace(found, doubtful=doubtful_parts(alpha))
    cut = cut_out(image, alpha, prepared, options, check)
    shadow = shadow_of(prepared, coarse) if options.shadow and image.alpha is None else None
    if shadow is not None:
        cut = with_shadow(cut, shadow)
    return Cutout(cut, found, shadow=shadow is not None)


def model_input(image: Image) -> npt.NDArray[np.uint8]:
    """The picture as the model takes it: uint8 [1, 1024, 1024, 3], sRGB, over mid-gray where it is transparent."""
    return _over_gray(image, MODEL_SIDE, MODEL_SIDE)[np.newaxis]


def _part_input(image: Image, window: Window) -> npt.NDArray[np.uint8]:
    return window.model_input(_over_gray(crop(image, (window.rows, window.columns)), *window.size))[np.newaxis]


def _over_gray(image: Image, width: int, height: int) -> npt.NDArray[np.uint8]:
    small = resize(image.srgb(), width, height)
    if image.alpha is None:
        return small
    alpha = resize(to_8bit(image.alpha), width, height)[..., np.newaxis].astype(np.uint32)
    return ((small * alpha + _BACKDROP * (255 - alpha) + 127) // 255).astype(np.uint8)


def settle_alpha(coarse: npt.NDArray[np.uint8], prepared: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The model's alpha of its input without noise, and solid where it is uncertain of something that is."""
    return with_solid_plateaus(alpha_refinement.denoise(coarse), prepared)


def cut_out(
    image: Image, coarse: npt.NDArray[np.uint8], prepared: npt.NDArray[np.uint8], options: CutoutOptions, check: Callable[[], None]
) -> Image:
    """Applies a settled alpha (uint8 [1024, 1024]) to a picture; `prepared` is the model's input for it. See `remove_background`."""
    return with_alpha(image, alpha_of(image, coarse, prepared, options, check), check)


def alpha_of(
    image: Image, coarse: npt.NDArray[np.uint8], prepared: npt.NDArray[np.uint8], options: CutoutOptions, check: Callable[[], None]
) -> Alpha:
    """A settled alpha (uint8 [1024, 1024]) in the picture's size; `prepared` is the model's input for it."""
    if options.refine:
        coarse = solve_edges(coarse, prepared, options.tuning, check)
    alpha = alpha_refinement.enlarge(coarse, image.width, image.height)
    check()
    if options.refine:
        alpha_refinement.refine(alpha, coarse, image.srgb(), check, small_guide=prepared if image.alpha is None else None)
    check()
    return alpha


def with_alpha(image: Image, alpha: Alpha, check: Callable[[], None]) -> Image:
    """The picture with its subject's alpha: edges free of background colour, and zero colour where empty."""
    share = alpha if image.alpha is None else _foreground_share(alpha, image.alpha)
    pixels = decontaminate(image.pixels, share, image.alpha, check)
    final = _quantised(alpha, image)
    # Rounding to fewer bits can make a faint pixel fully transparent: it must not keep a hidden colour.
    pixels[final == 0] = 0
    return image.replace(pixels=pixels, alpha=final)


def as_it_was(image: Image) -> Image:
    """A picture that is a cut-out already: with its own alpha, and zero colour where it is empty."""
    assert image.alpha is not None
    return image.replace(pixels=np.where(image.alpha[..., None] > 0, image.pixels, image.pixels.dtype.type(0)))


def was_cut_out(image: Image, coarse: npt.NDArray[np.uint8]) -> bool:
    """Whether a picture is a cut-out already, judged by the model's alpha of it (uint8 [1024, 1024])."""
    return image.alpha is not None and is_cut_out(coarse, resize(to_8bit(image.alpha), MODEL_SIDE, MODEL_SIDE))


def visible_box(image: Image) -> tuple[slice, slice]:
    """Rows and columns of the box around what is visible; the whole picture if nothing or everything is."""
    return box_if_visible(image) or (slice(0, image.height), slice(0, image.width))


def box_if_visible(image: Image) -> tuple[slice, slice] | None:
    """Rows and columns of the box around what is visible; None if nothing is."""
    if image.alpha is None:
        return slice(0, image.height), slice(0, image.width)
    visible = image.alpha > image.maximum * _TRIM_THRESHOLD
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    return (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if rows.size else None


def crop(image: Image, box: tuple[slice, slice]) -> Image:
    """The part of a picture in some rows and columns."""
    return image.replace(pixels=image.pixels[box].copy(), alpha=None if image.alpha is None else image.alpha[box].copy())


def _foreground_share(alpha: Alpha, existing: Pixels) -> Alpha:
    """How much of each pixel's visible colour is foreground, for a picture that has alpha of its own.

    The model also reports soft edges that the picture already has. The colour there is pure, so only opacity beyond the existing alpha
    indicates a mixture.
    """
    share = np.full_like(alpha, 65535)
    for rows in strips(alpha.shape[0]):
        own = to_16bit(existing[rows]).astype(np.uint64)
        mixed = alpha[rows] < own
        share[rows][mixed] = (alpha[rows][mixed] * np.uint64(65535) // own[mixed]).astype(np.uint16)
    return share


def _quantised(alpha: Alpha, image: Image) -> Pixels:
    """The final alpha in the picture's sample type: never more opaque than the picture was."""
    combined = alpha if image.alpha is None else np.minimum(alpha, to_16bit(image.alpha))
    return to_8bit(combined) if image.bit_depth == 8 else combined
