"""Documents that attack what draws them."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.inference.contract.step import DocumentLimits
from services.inference.pdf import isolated
from services.inference.redraw import pages
from services.platform.sandbox import Sandbox, SandboxTimedOut
from tests.hostile_files.bombs import pdf_bomb

STRICT, FREE = DocumentLimits(2 << 30, 600, page_seconds=1), DocumentLimits(2 << 30, 600, page_seconds=30)


async def test_a_small_page_that_draws_for_hours_is_given_up_and_one_that_is_not_drawn_is_read(tmp_path: Path) -> None:
    source = tmp_path / "input"
    source.write_bytes(pdf_bomb())
    own = tmp_path / "document"
    own.mkdir(mode=0o700)
    async with Sandbox(preload=[isolated.__name__, *isolated.NEEDED, pages.__name__], concurrency=1) as sandbox:
        with pytest.raises(SandboxTimedOut):
            await sandbox.run(pages.render_page, source, 0, own / "samples", reads=[source], folder=own, limits=STRICT.of(0))
        cleaned = await sandbox.run(
            isolated.clean, source, own / "clean", True, False, "", reads=[source], folder=own, on_progress=_nothing, limits=FREE.of(1)
        )
    assert (cleaned["pages"], cleaned["changed"]) == (1, False)


def _nothing(*_: int) -> None:
    pass


@pytest.mark.parametrize(("count", "processor"), [(0, 30), (1, 60), (19, 600), (1000, 600)])
def test_processor_time_grows_with_the_pages_up_to_that_of_a_document(count: int, processor: int) -> None:
    limits = DocumentLimits(1, seconds=600, page_seconds=30).of(count)
    assert (limits.cpu_seconds, limits.wall_seconds) == (processor, 600)
