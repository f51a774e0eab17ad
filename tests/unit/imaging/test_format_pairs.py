"""Files of every format with every pair of traits: read as another reader reads them, or refused, and never wrong in silence."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.media import Hints, Image, Limits, decode, read_header
from services.pictures.media_format import MediaFormat, Use
from services.pictures.probe.child import probe
from services.pictures.probe.model import Probe
from services.platform.errors import DarkroomError, ErrorReason
from tests.format_pairs.cases import CASES, FORMATS, Case
from tests.format_pairs.traits import CUTS, FAR, SEVERAL, Held, Trait, visible

LIMITS = Limits(1.0)
BEHIND = (b"\0" * 600, b"Sent from my phone\r\n" * 40, b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256)) * 3 + b"\xff\xd9", b"\n")
"""Zeros, a text, what looks like a further file, and one byte."""
NO_END = "lacks the mark of its end"
NOTED = ("jpg", "png")
"""Formats whose missing end is noted; other readers do without those of GIF and TGA."""
IN_FULL = ("svg",)
"""Formats whose standard allows neither a missing end nor anything but white space behind it (XML 1.0)."""
RECORDED = tuple(each.value for each in MediaFormat if Use.DEVELOPED in each.use)
SIZE_AS_SHOWN = ("bmp", "tga", "hdr", *RECORDED)
"""Formats whose header has the size of what is shown, however it is stored."""


def test_every_format_of_pictures_is_made() -> None:
    names = {each for form in MediaFormat if Use.READ in form.use and form.media_type.startswith("image/") for each in form.extensions}
    assert names - FORMATS.keys() == {"jpeg", "tiff", "heif"}


def levels(samples: np.ndarray) -> np.ndarray:
    """Of 255."""
    return samples.astype(float) / (1 if samples.dtype == np.uint8 else 257)


def assert_looks(case: Case, held: Held, image: Image) -> None:
    assert (image.pixels.shape, image.pixels.dtype) == (held.pixels.shape, held.pixels.dtype)
    assert (image.alpha is None) == (held.alpha is None)
    assert image.icc == held.icc
    seen = np.full(image.pixels.shape[:2], True)
    if held.alpha is not None and image.alpha is not None:
        assert np.abs(levels(image.alpha) - levels(held.alpha)).max() <= held.most
        seen = levels(held.alpha) >= held.least_opacity
    assert np.abs(levels(image.pixels) - levels(held.pixels))[seen].max() <= held.most
    if held.near is not None:
        assert np.abs(image.srgb().astype(float) - visible(case.traits))[seen].mean() <= held.near
    if case.format.name in RECORDED:
        assert np.abs(levels(image.pixels) - levels(held.pixels)).mean() <= FAR


def assert_read(case: Case, held: Held, content: bytes) -> tuple[Image, Probe]:
    """Decoded and looked at alike."""
    hints = Hints(case.name)
    image, header, found = decode(content, LIMITS, hints), read_header(content, LIMITS, hints), examined(case, content)
    assert_looks(case, held, image)
    assert held.said in " ".join(image.notes)
    assert held.said or not [note for note in image.notes if NO_END not in note]
    assert (header.width, header.height, header.wide) == (image.width, image.height, image.bit_depth == 16)
    is_swapped = Trait.TURNED in case.traits and case.format.name not in SIZE_AS_SHOWN
    if case.format.name not in RECORDED:
        assert (found.width, found.height) == ((image.height, image.width) if is_swapped else (image.width, image.height))
    assert found.has_alpha or held.alpha is None
    return image, found


def examined(case: Case, content: bytes) -> Probe:
    return probe(lambda at, length: content[at : at + length], len(content), name=case.name)


def assert_refused(case: Case, content: bytes) -> None:
    with pytest.raises(DarkroomError) as refused:
        decode(content, LIMITS, Hints(case.name))
    assert refused.value.reason is ErrorReason.FILE_CORRUPT


@pytest.mark.cases(20)
@pytest.mark.parametrize("case", [each for each in CASES if not each.traits & {*CUTS, Trait.JUNK, Trait.NO_END}], ids=lambda case: case.id)
def test_a_whole_file(case: Case) -> None:
    held = case.held()
    assert assert_read(case, held, held.content)[1].frames == held.parts


@pytest.mark.cases(6)
@pytest.mark.parametrize("case", [each for each in CASES if Trait.JUNK in each.traits], ids=lambda case: case.id)
def test_bytes_behind_the_end(case: Case) -> None:
    held = case.held()
    for behind in BEHIND:
        if case.format.name in IN_FULL and behind.strip():
            assert_refused(case, held.content + behind)
        else:
            assert_read(case, held, held.content + behind)


@pytest.mark.cases(4)
@pytest.mark.parametrize("case", [each for each in CASES if Trait.NO_END in each.traits], ids=lambda case: case.id)
def test_a_missing_end(case: Case) -> None:
    held = case.held()
    assert held.content.endswith(case.format.end)
    content = held.content.removesuffix(case.format.end)
    if case.format.name in IN_FULL:
        assert_refused(case, content)
        return
    image, _ = assert_read(case, held, content)
    # In a JPEG of several pictures, only the last one lacks it.
    assert (NO_END in " ".join(image.notes)) == (case.format.name in NOTED and Trait.PAGES not in case.traits)


@pytest.mark.cases(10)
@pytest.mark.parametrize("case", [each for each in CASES if CUTS.keys() & each.traits], ids=lambda case: case.id)
def test_a_file_that_is_cut_off(case: Case) -> None:
    """It is refused; or nothing of the first frame, page or picture is missing, and that is right."""
    held = case.held()
    [cut] = [CUTS[each] for each in CUTS.keys() & case.traits]
    content = held.content[: len(held.content) * cut // 100]
    try:
        examined(case, content)
        image = decode(content, LIMITS, Hints(case.name))
    except DarkroomError as error:
        assert error.reason is ErrorReason.FILE_CORRUPT
        return
    assert SEVERAL & case.traits or cut == 99
    assert_looks(case, held, image)
