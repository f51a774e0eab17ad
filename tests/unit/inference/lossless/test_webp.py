"""Still WebP files written again without coding their samples again."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms

from services.inference.lossless.asked import Rewriting
from services.inference.lossless.webp_file import rewrite_webp
from services.inference.media import Limits
from services.inference.tagging.webp import chunk
from tests.unit.imaging.pictures import exif, photo, wide_gamut_profile, written
from tests.unit.inference.lossless.jpegs import opened

LIMITS = Limits(1)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ALL = {"exif": exif(1), "xmp": b"<x:xmpmeta>Boat</x:xmpmeta>", "icc_profile": SRGB}


def picture(*, alpha: bool, lossless: bool, **more: Any) -> bytes:
    pixels = photo(60, 80)
    if alpha:
        pixels = np.dstack((pixels, np.linspace(0, 255, 4800).reshape(60, 80).astype(np.uint8)))
    content = written(pixels, "WEBP", lossless=lossless, quality=80, exact=True, **more)
    # A chunk of somebody's own.
    body = content[8:] + chunk(b"MINE", b"Secret")
    return b"RIFF" + len(body).to_bytes(4, "little") + body + b"Behind"


@pytest.mark.parametrize("more", [{}, ALL, {"xmp": ALL["xmp"]}])
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
def test_only_what_is_asked_goes_and_no_sample_changes(*, alpha: bool, lossless: bool, more: dict[str, Any]) -> None:
    content = picture(alpha=alpha, lossless=lossless, **more)
    for asked, gone in (
        (Rewriting(strip_metadata=True), {"exif", "xmp"}),
        (Rewriting(strip_exif=True, strip_profile=True), {"exif", "icc_profile"}),
        (Rewriting(), set()),
    ):
        made = rewrite_webp(content, asked, LIMITS)
        assert made is not None and (made.width, made.height) == (80, 60)
        result, before = opened(made.content), opened(content)
        assert result.mode == before.mode and (np.asarray(result) == np.asarray(before)).all()
        assert result.info.keys() & ALL.keys() == more.keys() - gone
        assert result.info.get("icc_profile") in (None, SRGB) and b"Secret" not in made.content and b"Behind" not in made.content


def test_others_are_left_to_be_decoded() -> None:
    frames = [PillowImage.fromarray(photo(60, 80 + number)).resize((80, 60)) for number in range(2)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    whole = picture(alpha=False, lossless=False)
    for content in (buffer.getvalue(), whole[:-400], whole[:40], b"", picture(alpha=False, lossless=False, exif=exif(6))):
        assert rewrite_webp(content, Rewriting(strip_metadata=True), LIMITS) is None
    wide = picture(alpha=False, lossless=True, icc_profile=wide_gamut_profile())
    assert rewrite_webp(wide, Rewriting(strip_profile=True), LIMITS) is None
    assert rewrite_webp(whole, Rewriting(), Limits(0.001)) is None
