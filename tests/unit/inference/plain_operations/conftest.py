"""What tests of plain operations share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.inference.credentials import child as credentials_child
from services.inference.media import isolated
from services.inference.moving.children import ON_DEMAND
from services.inference.operations import inspect_pdf, make_pdf, pdf_pages
from services.inference.pipeline import file_child
from services.inference.pipeline import isolated as isolated_pipeline
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox, WarmChildren
from tests.harness.sandboxes import SharedSandboxes
from tests.unit.inference.plain_operations.running import Running


@pytest.fixture(scope="session")
async def sandbox(sandboxes: SharedSandboxes) -> AsyncIterator[Sandbox]:
    # Each child of its own would load these again.
    of_documents = [inspect_pdf, make_pdf, pdf_pages]
    preload = [module.__name__ for module in (isolated, isolated_pipeline, file_child, credentials_child, *of_documents)]
    # Frames are read by one child and written by another, and another picture may be read meanwhile.
    async with sandboxes(preload=preload, on_demand=ON_DEMAND, concurrency=4) as made:
        yield made


@pytest.fixture(scope="session")
async def warm(sandbox: Sandbox) -> AsyncIterator[WarmChildren]:
    limits = SandboxLimits(memory_bytes=4 << 30)
    async with WarmChildren(sandbox, working=1, kept=1, jobs=1000, seconds=600, limits=limits) as made:
        yield made


@pytest.fixture
def running(sandbox: Sandbox, warm: WarmChildren, tmp_path: Path) -> Running:
    return Running(sandbox, warm, tmp_path)
