"""Marks in every style are removed, and the rest of the document is the one that never had a mark."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pikepdf
import pytest

from tests.unit.pdf import declarations, structures
from tests.unit.pdf.builder import BODY, INLINE_ARTIFACT, MARK, PAINTED_MARK, Builder
from tests.unit.pdf.comparison import everything, pictures, texts
from tests.unit.pdf.documents import STYLES
from tests.unit.pdf.removal import Remove, assert_same

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.mark.parametrize("style", STYLES)
def test_the_result_is_the_document_without_the_mark(style: str, removed: Remove) -> None:
    marked, truth = STYLES[style](True), STYLES[style](False)
    before = pictures(marked)
    visible = any((drawn != expected).any() for drawn, expected in zip(before, pictures(truth), strict=True))
    assert visible is (style != "hidden layer")
    result = removed(marked)
    assert removed.report.is_changed
    assert removed.report.removed_findings
    assert not removed.report.kept_findings
    assert removed.progress == [(page, len(before)) for page in range(1, len(before) + 1)]
    assert_same(result, truth)
    for trace in (MARK.encode(), b"Watermark", b"ADBE_CompoundType"):
        assert trace not in everything(result)


@pytest.mark.parametrize("style", STYLES)
def test_a_document_without_a_mark_comes_back_byte_for_byte(style: str, removed: Remove) -> None:
    plain = STYLES[style](False)
    assert removed(plain) == plain
    assert removed.report.to_dict() == {
        "pages": len(pictures(plain)),
        "changed": False,
        "removed": [],
        "kept": [],
        "layers": [],
        "warnings": [],
    }


@pytest.mark.parametrize("style", STYLES)
def test_object_streams_and_removing_twice(style: str, removed: Remove) -> None:
    with pikepdf.open(io.BytesIO(STYLES[style](True))) as document:
        buffer = io.BytesIO()
        document.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    result = removed(buffer.getvalue())
    assert b"/ObjStm" in result
    assert_same(result, STYLES[style](False))
    assert removed(result) == result


def test_names_of_raw_bytes(removed: Remove) -> None:
    marked, truth = structures.names_of_raw_bytes(True), structures.names_of_raw_bytes(False)
    result = removed(marked)
    assert len(removed.report.removed_findings) == 1
    assert result.upper().count(b"/#CB#CE#CC#E5") == truth.upper().count(b"/#CB#CE#CC#E5") == 2
    assert texts(result) == texts(truth)
    for drawn, expected in zip(pictures(result), pictures(truth), strict=True):
        np.testing.assert_array_equal(drawn, expected)


def test_what_is_reported(removed: Remove) -> None:
    removed(declarations.acrobat(True))
    assert removed.report.to_dict() == {
        "pages": 3,
        "changed": True,
        "removed": [{"page": page, "method": "artifact", "detail": "Artifact of subtype Watermark"} for page in (1, 2, 3)],
        "kept": [],
        "layers": ["Watermark"],
        "warnings": [],
    }
    removed(structures.form_shared_by_pages(True))
    assert [(finding.page, finding.method) for finding in removed.report.removed_findings] == [(1, "artifact")]
    removed(declarations.only_a_layer("水印")(True))
    assert [(finding.method, finding.detail) for finding in removed.report.removed_findings] == [("optional_content", "水印")]


def test_untouched_streams_are_not_rewritten(removed: Remove) -> None:
    build = Builder()
    odd = b"q  1 0 0\t1 0 0 cm\r\n0000.500 g% comment\n[ (a)-10.00(b) ]TJ<</A/B>>pop   Q"
    build.page(odd, resources=build.resources())
    build.page(BODY, odd + b"\n" + INLINE_ARTIFACT + PAINTED_MARK + b"EMC\n" + odd, resources=build.resources())
    with pikepdf.open(io.BytesIO(removed(build.save(compress_streams=False)))) as result:
        assert result.pages[0].Contents.read_raw_bytes() == odd
        first, second = result.pages[1].Contents
        assert first.read_raw_bytes() == BODY
        assert second.read_bytes() == odd + b"\n" + odd


def test_the_sample(removed: Remove) -> None:
    sample = (SAMPLES / "report.pdf").read_bytes()
    assert all(MARK in text for text in texts(sample))
    result = removed(sample)
    assert len(removed.report.removed_findings) == 3
    for before, after in zip(texts(sample), texts(result), strict=True):
        assert after.split() == [word for word in before.split() if word != MARK]
    for old, new in zip(pictures(sample), pictures(result), strict=True):
        changed = (old.astype(int) - new).any(axis=2)
        # Within the box of the diagonal; the heading, the table and the page number lie outside of it.
        rows, _ = np.nonzero(changed)
        assert changed.any()
        assert rows.min() > 0.15 * changed.shape[0]
        assert rows.max() < 0.75 * changed.shape[0]
    with pikepdf.open(io.BytesIO(result)) as document, pikepdf.open(io.BytesIO(sample)) as original:
        assert [str(item.title) for item in document.open_outline().root] == ["Summary", "Consumption by floor", "Month by month"]
        assert document.pages[0].Annots[0].A.URI == "https://example.com/coffee"
        assert dict(document.docinfo) == dict(original.docinfo)
        assert b"/Footer" in document.pages[0].Contents[1].read_bytes()
