"""Files in the rarer formats."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenEXR
from PIL import Image, ImageCms

from tests.format_pairs.traits import (
    FAR,
    HEIGHT,
    WIDTH,
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
    scene,
    scene_light,
    seen_of_inks,
    widened,
)
from tests.unit.imaging import rare_files

_SCENE_TO_P3 = np.array([[0.8224621, 0.1775380, 0.0], [0.0331941, 0.9668058, 0.0], [0.0170827, 0.0723974, 0.9105199]])
"""From the light of sRGB to that of Display P3 (both with D65)."""
_P3 = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)


def jxl(traits: Traits) -> Held:
    alpha, shown = opacity_of(traits), numbers(traits)
    samples = joined(shown, alpha)
    if Trait.FLOAT in traits:
        samples, shown, alpha = samples.astype(np.float32) / 255, widened(shown), None if alpha is None else widened(alpha)
    icc = profile_of(traits)
    # Without a profile, the writer takes fractions for light; libjxl knows that of sRGB, which is none here.
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() if Trait.FLOAT in traits else None
    options = {"icc": icc or own} if icc or own else {}
    return Held(rare_files.jxl(samples, **options), shown, alpha, icc or own, most=0.01)


def ico(traits: Traits) -> Held:
    """Icons: one is a bitmap of 32 bits a pixel, since Pillow does not fill the rows of a mask as it must; with alpha it is a PNG."""
    alpha = opacity_of(traits)
    picture = Image.fromarray(joined(scene(), np.full_like(opacity(), 255) if alpha is None else alpha))
    others = [Image.fromarray(other_scene()).convert("RGBA").resize((32, 32))] * (Trait.PAGES in traits)
    return Held(rare_files.ico(picture, *others, bitmap=alpha is None), scene(), alpha)


def psd(traits: Traits) -> Held:
    return _psd(traits, large=False)


def psb(traits: Traits) -> Held:
    """The large kind, packed."""
    return _psd(traits, large=True)


def _psd(traits: Traits, *, large: bool) -> Held:
    alpha, shown, icc = opacity_of(traits), numbers(traits), profile_of(traits)
    stored: Samples = 255 - shown if Trait.INKS in traits else shown
    if Trait.FLOAT in traits:
        stored = rare_files.light_of(shown)
        shown, icc = widened(shown), profile_of(traits)
    if alpha is not None:
        # As it is seen over white.
        most = 1.0 if Trait.FLOAT in traits else np.iinfo(stored.dtype).max
        share = opacity()[..., None] / 255
        over = stored * share + most * (1 - share)
        stored = over.astype(np.float32) if Trait.FLOAT in traits else np.rint(over).astype(stored.dtype)
    depth = {np.uint8: opacity(), np.uint16: alpha, np.float32: (opacity() / 255).astype(np.float32)}[stored.dtype.type]
    planes = [np.ascontiguousarray(stored[..., number]) for number in range(stored.shape[2])]
    mode = {1: 1, 3: 3, 4: 4}[len(planes)]
    resources = b"" if icc is None else rare_files.resource(1039, icc)
    if alpha is not None:
        planes.append(np.ascontiguousarray(depth))
    content = rare_files.psd(planes, mode, large=large, packed=large, resources=resources, transparent=alpha is not None)
    if Trait.INKS in traits:
        return Held(content, seen_of_inks(), alpha, most=8, near=FAR)
    if Trait.FLOAT in traits:
        alpha = None if alpha is None else widened(alpha)
    # Where little of a colour is left after it was laid over white, its steps are large.
    return Held(content, shown, alpha, icc, most=0.01 if alpha is None else 1.5, least_opacity=100)


def exr(traits: Traits) -> Held:
    """Samples are of half precision (16 bits), or floating point of 32."""
    light = scene_light().astype(np.float64)
    if Trait.P3 in traits:
        light = light @ _SCENE_TO_P3.T
    alpha = opacity_of(traits)
    names = "RGB"
    if alpha is not None:
        share = opacity() / 255
        light, names = np.dstack([light * share[..., None], share]), "RGBA"
    header = {"chromaticities": _P3} if Trait.P3 in traits else {}
    samples = light.astype(np.float32 if Trait.FLOAT in traits else np.float16)
    content = _exr_of_parts(samples, names, header) if Trait.PAGES in traits else rare_files.exr(samples, names, **header)
    shown, seen = widened(scene()), None if alpha is None else widened(opacity())
    return Held(content, shown, seen, most=1, least_opacity=100)


def _exr_of_parts(samples: Samples, names: str, header: dict[str, object]) -> bytes:
    parts = []
    for number in range(3):
        attributes = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, "name": f"part {number}", **header}
        shown = samples if number == 0 else samples[::-1]
        parts.append(
            OpenEXR.Part(attributes, {name: np.ascontiguousarray(shown[..., at]) for at, name in enumerate(names)}, f"part {number}")
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.exr"
        OpenEXR.File(parts).write(str(path))
        return path.read_bytes()


def hdr(traits: Traits) -> Held:
    """Turned: its lines run up from the bottom, each from the right."""
    shown = scene_light()[::-1, ::-1] if Trait.TURNED in traits else scene_light()
    content = rare_files.hdr(np.ascontiguousarray(shown))
    if Trait.TURNED in traits:
        size = b"-Y %d +X %d\n" % (HEIGHT, WIDTH)
        assert size in content
        content = content.replace(size, b"+Y %d -X %d\n" % (HEIGHT, WIDTH))
    # Eight bits hold the largest of three numbers, and the others have fewer.
    return Held(content, widened(scene()), most=8)


_TGA_DESCRIPTOR = 17


def tga(traits: Traits) -> Held:
    """Turned: from the top, each line from the right."""
    alpha, shown = opacity_of(traits), scene()
    samples = joined(shown, alpha)
    if Trait.TURNED in traits:
        content = bytearray(rare_files.tga(np.ascontiguousarray(samples[:, ::-1]), orientation=1))
        content[_TGA_DESCRIPTOR] |= 0x10
    else:
        content = bytearray(rare_files.tga(samples, compression="tga_rle"))
    return Held(bytes(content), shown, alpha)


def raw(start: bytes) -> Callable[[Traits], Held]:
    """Makes recordings whose sensor sees sRGB, and whose file begins with `start`. Developing them, neighbours are mixed: only the mean is
    known."""

    def make(traits: Traits) -> Held:
        pixels = rare_files.bright_photo()
        shown = np.rot90(pixels, 3) if Trait.TURNED in traits else pixels
        content = rare_files.dng(pixels, 6 if Trait.TURNED in traits else 1, start=start)
        return Held(content, widened(shown), most=255, near=None)

    return make


def svg(traits: Traits) -> Held:
    """Rectangles whose edges lie between pixels."""
    clear = ' fill-opacity="0.5"' if Trait.ALPHA in traits else ""
    shapes = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#20c040"{clear}/><rect x="8" y="8" width="30" height="20" fill="#c02080"/>'
    shapes += "".join(f'<path d="M{at} 40h1v1h-1z" fill="#102030"/>' for at in range(8, 40, 2))
    content = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">{shapes}</svg>'.encode()
    shown = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    shown[:] = (0x20, 0xC0, 0x40)
    shown[8:28, 8:38] = (0xC0, 0x20, 0x80)
    shown[40, 8:40:2] = (0x10, 0x20, 0x30)
    alpha = np.full((HEIGHT, WIDTH), 128, np.uint8)
    alpha[8:28, 8:38] = alpha[40, 8:40:2] = 255
    return Held(content, shown, alpha if Trait.ALPHA in traits else None, most=1, near=None)
