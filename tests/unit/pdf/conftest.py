"""What tests of marks in PDFs share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.pdf.removal import Remove


@pytest.fixture
def removed(tmp_path: Path) -> Remove:
    return Remove(tmp_path)
