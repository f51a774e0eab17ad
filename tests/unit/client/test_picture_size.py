"""The size of pictures that are not uploaded yet, for an estimate."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from darkroom.cli.picture_size import picture_size


@pytest.mark.parametrize(
    "options", [{"format": "PNG"}, {"format": "JPEG"}, {"format": "JPEG", "progressive": True, "exif": b"Exif\0\0" + bytes(999)}]
)
def test_pngs_and_jpegs_have_a_size(tmp_path: Path, options: dict[str, object]) -> None:
    Image.new("RGB", (321, 123)).save(tmp_path / "picture", **options)
    assert picture_size(tmp_path / "picture") == (321, 123)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\x00\x10", b"%PDF-1.7"])
def test_other_files_have_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert picture_size(tmp_path / "file") is None
    assert picture_size(tmp_path / "missing") is None
