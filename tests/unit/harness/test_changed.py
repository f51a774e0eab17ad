"""Which tests belong to a change."""

from __future__ import annotations

from pathlib import Path

import grimp
import pytest

from tests.harness.changed import PACKAGES, REPOSITORY, affected_tests


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=str(REPOSITORY / ".cache" / "import-linter"))


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        ("tests/harness/changed.py", "tests/unit/harness/test_changed.py"),
        ("services/inference/pdf/cutter.py", "tests/unit/pdf/test_stamps.py"),
        ("services/inference/operations/resize.py", "tests/unit/inference/plain_operations/test_every_operation.py"),
        ("protos/darkroom/operations/v1/inspect_quality.proto", "tests/unit/inference/plain_operations/test_every_operation.py"),
        ("tests/component/admin/conftest.py", "tests/component/admin/test_migrate.py"),
    ],
    ids=["directly", "through others", "by name", "a proto", "a folder's fixtures"],
)
def test_a_change_brings_its_tests_and_not_all(graph: grimp.ImportGraph, changed: str, test: str) -> None:
    assert (REPOSITORY / changed).exists()
    found = affected_tests([Path(changed)], graph)
    assert Path(test) in found
    assert Path("tests/unit/client/test_wheel.py") not in found


def test_no_change_brings_none(graph: grimp.ImportGraph) -> None:
    assert affected_tests([], graph) == set()
