"""What a document holds is read when it is needed: memory does not grow with it."""

from __future__ import annotations

import gc
import io
import random
import tracemalloc
import zlib

import pikepdf
from pikepdf import Dictionary, Name

from tests.unit.pdf.builder import BODY, INLINE_ARTIFACT, MARK, PAINTED_MARK, Builder
from tests.unit.pdf.comparison import texts
from tests.unit.pdf.removal import Remove

_FEW, _MANY, _SIDE = 3, 10, 512


def scan(pages: int) -> bytes:
    """Encrypted pages with a mark, filled by pictures that do not compress, half of which in a filter that pypdf decodes."""
    build, chance = Builder(), random.Random(1)
    for number in range(pages):
        samples = chance.randbytes(_SIDE**2)
        options = {"ColorSpace": Name.DeviceGray, "BitsPerComponent": 8, "Width": _SIDE, "Height": _SIDE}
        picture = build.pdf.make_stream(samples, Type=Name.XObject, Subtype=Name.Image, **options)
        if number % 2:
            picture.write(zlib.compress(samples, 1), filter=Name.FlateDecode)
        content = b"q 100 0 0 100 0 100 cm /I Do Q\n" + BODY + INLINE_ARTIFACT + PAINTED_MARK + b"EMC\n"
        build.page(content, resources=build.resources(XObject=Dictionary(I=picture)))
    return build.save(encryption=pikepdf.Encryption(owner="secret", user=""))


def taken(removed: Remove, document: bytes) -> tuple[int, bytes]:
    """Bytes that Python's objects took at most, without the result, and that."""
    gc.collect()
    tracemalloc.start()
    try:
        result = removed(document)
        return tracemalloc.get_traced_memory()[1] - len(result), result
    finally:
        tracemalloc.stop()


def test_pictures_are_not_held_and_come_through(removed: Remove) -> None:
    taken(removed, scan(_FEW))  # what is imported comes with the first
    few, _ = taken(removed, scan(_FEW))
    document = scan(_MANY)
    many, result = taken(removed, document)
    assert many - few < (_MANY - _FEW) * _SIDE**2 / 4
    assert len(removed.report.removed_findings) == _MANY
    assert not any(MARK in text for text in texts(result))
    with pikepdf.open(io.BytesIO(result)) as left, pikepdf.open(io.BytesIO(document)) as truth:
        for old, new in zip(truth.pages, left.pages, strict=True):
            assert new.Resources.XObject.I.read_bytes() == old.Resources.XObject.I.read_bytes()
