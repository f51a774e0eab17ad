"""Parts of stacks, up when a test gets them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.local.errors import PartFailed
from tests.stacks import StackUnderTest


def stack_with(request: pytest.FixtureRequest, part: str) -> StackUnderTest:
    """The stack whose part this test gets, with the part up: the shared one, or this process's own for a test that breaks the part."""
    # A plugin's module is imported by pytest first.
    from tests.harness.folders import BREAKS

    broken = {name for marker in request.node.iter_markers(BREAKS) for name in marker.args}
    under_test: StackUnderTest = request.getfixturevalue("components" if part in broken else "_shared_stack")
    ensure_up(under_test, part)
    return under_test


def ensure_up(under_test: StackUnderTest, *parts: str) -> None:
    """Bring up these parts, or all. One that does not come up fails the test with the end of its log."""
    with _part_failures():
        under_test.ensure_up(parts)


@contextmanager
def _part_failures() -> Iterator[None]:
    try:
        yield
    except PartFailed as failure:
        pytest.fail(f"{failure}\n" + "\n".join(f"  | {line}" for line in failure.log_lines), pytrace=False)
