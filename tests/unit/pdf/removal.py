"""Running the removal on bytes, and judging its result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from services.inference.pdf.remove import remove_watermarks
from services.inference.pdf.report import Report
from tests.unit.pdf.comparison import differences, pictures, texts


class Remove:
    """Runs the removal on bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.progress: list[tuple[int, int]] = []
        self.report: Report

    def __call__(self, document: bytes) -> bytes:
        source, target = self._folder / "source.pdf", self._folder / "target.pdf"
        source.write_bytes(document)
        self.report = remove_watermarks(source, target, lambda done, total: self.progress.append((done, total)))
        assert json.loads(json.dumps(self.report.to_dict())) == self.report.to_dict()
        assert sorted(path.name for path in self._folder.iterdir()) == ["source.pdf", "target.pdf"]
        return target.read_bytes()


def assert_same(result: bytes, truth: bytes) -> None:
    for drawn, expected in zip(pictures(result), pictures(truth), strict=True):
        np.testing.assert_array_equal(drawn, expected)
    assert texts(result) == texts(truth)
    assert differences(result, truth) == []
