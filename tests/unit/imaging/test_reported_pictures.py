"""Reading the pictures that users report: each looks as it must, or is refused for the reason that it has."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.media import Hints, Image, Limits, colour, decode, read_header
from services.pictures.probe.child import probe
from services.platform.errors import DarkroomError, ErrorReason
from tests.reported_files.pictures import ReportedFile, reported_pictures

LIMITS = Limits()


def over_white(image: Image) -> np.ndarray:
    pixels = image.srgb().astype(float)
    if image.alpha is None:
        return pixels
    share = colour.to_8bit(image.alpha)[..., None] / 255
    return np.asarray(pixels * share + 255 * (1 - share))


def examined(file: ReportedFile) -> None:
    probe(lambda at, length: file.content[at : at + length], len(file.content), name=file.name)


@pytest.mark.parametrize("file", [each for each in reported_pictures().values() if each.shown is not None], ids=lambda file: file.id)
def test_it_looks_as_it_must(file: ReportedFile) -> None:
    assert file.shown is not None
    examined(file)
    image, header = decode(file.content, LIMITS, Hints(file.name)), read_header(file.content, LIMITS, Hints(file.name))
    assert (header.height, header.width) == (image.height, image.width) == file.shown.shape[:2]
    assert np.abs(over_white(image) - file.shown).mean() <= file.tolerance
    assert file.said in " ".join(image.notes)
    assert file.said or not image.notes


@pytest.mark.parametrize("file", [each for each in reported_pictures().values() if each.shown is None], ids=lambda file: file.id)
def test_it_is_refused(file: ReportedFile) -> None:
    with pytest.raises(DarkroomError) as refused:
        decode(file.content, LIMITS, Hints(file.name))
    assert refused.value.reason in (ErrorReason.FILE_CORRUPT, ErrorReason.MEDIA_UNSUPPORTED)
    assert file.said in refused.value.message
    try:
        examined(file)
    except DarkroomError as error:
        assert error.reason is refused.value.reason and (file.said in error.message or file.extension != "svg")
