"""Files in the usual formats."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pillow_heif
import pyvips
from PIL import Image, ImageOps

from tests.format_pairs import handmade
from tests.format_pairs.traits import (
    FAR,
    SEVERAL,
    Held,
    Samples,
    Trait,
    Traits,
    joined,
    numbers,
    opacity,
    opacity_of,
    other_scene,
    profile_of,
    seen_of_inks,
    stored,
    widened,
)
from tests.unit.imaging.pictures import exif, written
from tests.unit.imaging.rare_files import light_of

_ORIENTATION = 6
_CONVERTED = "CMYK"


def _exif(traits: Traits) -> bytes:
    return exif(_ORIENTATION if Trait.TURNED in traits else 1)


def _opened(content: bytes) -> Samples:
    """The first frame as Pillow reads it, upright, in its own encoding."""
    with Image.open(io.BytesIO(content)) as picture:
        upright = ImageOps.exif_transpose(picture)
        found = np.asarray(upright.convert("RGBA") if upright.mode == "P" else upright)
    return found[..., None] if found.ndim == 2 else found


def _by_pillow(content: bytes, icc: bytes | None = None, **facts: Any) -> Held:
    found = _opened(content)
    has_alpha = found.shape[2] in (2, 4)
    return Held(content, found[..., :-1] if has_alpha else found, found[..., -1] if has_alpha else None, icc, **facts)


def _others(traits: Traits) -> dict[str, Any]:
    """Pillow's options for two further frames or pages."""
    if not SEVERAL & traits:
        return {}
    more = [joined(each, opacity() if Trait.ALPHA in traits else None) for each in (other_scene(), other_scene()[:, ::-1])]
    return {"save_all": True, "append_images": [Image.fromarray(stored(each, traits)) for each in more]}


def _parts(traits: Traits) -> dict[str, Any]:
    return {"parts": 3, "said": "first"} if SEVERAL & traits else {}


def _icc(traits: Traits) -> dict[str, Any]:
    icc = profile_of(traits)
    return {} if icc is None else {"icc_profile": icc}


def jpeg(traits: Traits) -> Held:
    """A JPEG; of several pages as cameras write them (MPO)."""
    samples = stored(numbers(traits), traits)
    picture = (
        Image.fromarray(samples[..., 0]) if samples.shape[2] == 1 else Image.fromarray(samples, "CMYK" if samples.shape[2] == 4 else "RGB")
    )
    several = _others(traits)
    options = {"quality": 100, "subsampling": 0, "exif": _exif(traits), **_icc(traits), **several}
    content = written(picture, "MPO" if several else "JPEG", **options)
    if Trait.INKS in traits:
        # Reading inks, only their colours are known.
        return Held(content, seen_of_inks(), most=8, near=FAR, said=_CONVERTED)
    return _by_pillow(content, profile_of(traits), most=1)


def png(traits: Traits) -> Held:
    alpha = opacity_of(traits)
    shown = numbers(traits)
    frames = [stored(joined(shown, alpha), traits)]
    if Trait.FRAMES in traits:
        frames += [np.ascontiguousarray(frames[0][::-1])] * 2
    content = handmade.png(frames, profile_of(traits), _exif(traits))
    return Held(content, shown, alpha, profile_of(traits), **_parts(traits))


def webp(traits: Traits) -> Held:
    alpha = opacity_of(traits)
    shown = numbers(traits)
    picture = Image.fromarray(stored(joined(shown, alpha), traits))
    options = {"lossless": True, "exact": True, "exif": _exif(traits), **_icc(traits), **_others(traits)}
    return Held(written(picture, "WEBP", **options), shown, alpha, profile_of(traits), **_parts(traits))


def gif(traits: Traits) -> Held:
    picture = Image.fromarray(numbers(traits)).quantize(200)
    options: dict[str, Any] = {}
    if Trait.ALPHA in traits:
        places = np.where(opacity() < 128, np.uint8(200), np.asarray(picture))
        cut = Image.fromarray(places, "P")
        cut.putpalette(picture.getpalette() + [0] * 3 * (256 - len(picture.getpalette()) // 3))
        picture, options = cut, {"transparency": 200}
    if Trait.FRAMES in traits:
        options |= {"save_all": True, "append_images": [picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)] * 2, "disposal": 2}
        options["append_images"][1] = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    content = written(picture, "GIF", **options)
    held = _by_pillow(content, **_parts(traits))
    # Pillow gives every palette an alpha.
    return held if Trait.ALPHA in traits else Held(content, held.pixels, None, parts=held.parts, said=held.said)


def tiff(traits: Traits) -> Held:
    """Of several pages, with the other byte order. RGB fractions without a profile are light, others encoded values."""
    alpha, shown = opacity_of(traits), numbers(traits)
    pages = [stored(joined(shown, alpha), traits)]
    in_light = Trait.FLOAT in traits and not {Trait.P3, Trait.GRAY} & traits
    if Trait.FLOAT in traits:
        pages = [pages[0].astype(np.float32) / 255]
    if in_light:
        pages[0][..., :3] = light_of(stored(shown, traits))
    if Trait.PAGES in traits:
        pages += [np.ascontiguousarray(pages[0][::-1])] * 2
    tags: dict[str, Any] = {"icc": profile_of(traits), "orientation": _ORIENTATION if Trait.TURNED in traits else 1}
    content = handmade.tiff(pages, alpha=alpha is not None, order=">" if Trait.PAGES in traits else "<", **tags)
    if Trait.INKS in traits:
        said = "first" if Trait.PAGES in traits else _CONVERTED
        return Held(content, seen_of_inks(), alpha, most=8, near=FAR, said=said, parts=3 if Trait.PAGES in traits else 1)
    if Trait.FLOAT in traits:
        shown, alpha = widened(shown), None if alpha is None else widened(alpha)
    facts: dict[str, Any] = _parts(traits) if Trait.PAGES in traits else {"said": "floating" if in_light else ""}
    return Held(content, shown, alpha, profile_of(traits), most=0.6 if in_light else 0.01, **facts)


def heic(traits: Traits) -> Held:
    """Without loss; 16 bits are 10 here. The pages are pictures besides the main one."""
    alpha, shown = opacity_of(traits), numbers(traits)
    samples = stored(joined(shown, alpha), traits)
    height, width, bands = samples.shape
    deep = ";16" if Trait.DEEP in traits else ""
    file = pillow_heif.from_bytes({1: "L", 3: "RGB", 4: "RGBA"}[bands] + deep, (width, height), samples.tobytes())
    if (icc := profile_of(traits)) is not None:
        file.info.update(icc_profile=icc, icc_profile_type="prof")
    if Trait.PAGES in traits:
        for _ in range(2):
            file.add_from_pillow(Image.fromarray(other_scene()))
    buffer = io.BytesIO()
    exactly = {"chroma": 444, "matrix_coefficients": 0} if bands > 2 else {}
    file.save(buffer, quality=-1, exif=_exif(traits), primary_index=0, **exactly)
    if Trait.DEEP in traits:
        shown, alpha = _of_bits(shown, 10), None if alpha is None else _of_bits(alpha, 10)
    parts = {"said": "main one of 3"} if Trait.PAGES in traits else {}
    return Held(buffer.getvalue(), shown, alpha, icc, most=0.01, **parts)


def heif(traits: Traits) -> Held:
    """A HEIC whose brands do not say so."""
    held = heic(traits)
    brands = int.from_bytes(held.content[:4], "big")
    others = held.content[12:16] + b"mif1" * ((brands - 16) // 4)
    return Held(held.content[:8] + b"mif1" + others + held.content[brands:], held.pixels, held.alpha, held.icc, held.most, said=held.said)


def avif(traits: Traits) -> Held:
    """By libavif through Pillow; 16 bits are 10 here, and written by libheif through libvips, without loss."""
    alpha, shown = opacity_of(traits), numbers(traits)
    if Trait.DEEP not in traits:
        picture = Image.fromarray(stored(joined(shown, alpha), traits))
        several = _others(traits)
        options = {"quality": 100, "subsampling": "4:4:4", "exif": _exif(traits), **_icc(traits), **several}
        return _by_pillow(written(picture, "AVIF", **options), profile_of(traits), most=3, **_parts(traits))
    samples = stored(joined(shown, alpha), traits)
    wide = pyvips.Image.new_from_array(samples).copy(interpretation="rgb16")
    if (icc := profile_of(traits)) is not None:
        wide.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    content = bytes(wide.heifsave_buffer(compression="av1", bitdepth=10, lossless=True, subsample_mode="off"))
    return Held(content, _of_bits(shown, 10), None if alpha is None else _of_bits(alpha, 10), icc, most=0.6)


def _of_bits(samples: Samples, bits: int) -> Samples:
    """The upper bits of 16, spread over the whole range."""
    top = (1 << bits) - 1
    return np.rint((samples >> (16 - bits)).astype(float) * 65535 / top).astype(np.uint16)


def bmp(traits: Traits) -> Held:
    alpha, shown = opacity_of(traits), numbers(traits)
    content = handmade.bmp(shown, alpha, profile_of(traits), top_down=Trait.TURNED in traits)
    return Held(content, shown, alpha, profile_of(traits))
