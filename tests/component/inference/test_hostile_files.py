"""Hostile files through every operation that needs a model, or works on whole documents, with a real model server of tiny models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.local.scratch.triton import TritonServer
from models.bundles import load_bundles
from services.inference.bundles.managing import bundles_of_models
from services.inference.contract.models import ModelSettings
from services.inference.model_server import triton
from services.inference.pdf import isolated as isolated_pdf
from services.inference.pipeline import file_child, isolated
from services.inference.redraw import isolated as isolated_redraw
from services.platform.sandbox import Sandbox, WarmChildren
from tests.harness.hostile_runs import AUXILIARY, CALLS, RESOURCES, HostileRuns, faults_of, kind_taken, small_tools
from tests.harness.models import install_colouring
from tests.hostile_files import hostile_files
from tests.hostile_files.wholes import beside
from tests.unit.inference.plain_operations.test_hostile_files import PLAIN, PLAIN_AUXILIARY

_CALLS = [call for call in (*CALLS, *AUXILIARY) if call not in (*PLAIN, *PLAIN_AUXILIARY)]


@asynccontextmanager
async def _runs(triton_address: str, folder: Path) -> AsyncIterator[HostileRuns]:
    of_documents = [*isolated_pdf.NEEDED, *isolated_redraw.NEEDED]
    preload = [module.__name__ for module in (file_child, isolated, isolated_pdf, isolated_redraw)]
    async with (
        Sandbox(preload=[*preload, *of_documents], concurrency=2) as sandbox,
        WarmChildren(sandbox, working=1, kept=1, jobs=100, seconds=60, limits=RESOURCES) as warm,
        triton.connect(triton_address, triton.Patience(10, 30, 600), 64 << 20, None, bundles_of_models(load_bundles())) as server,
    ):
        yield HostileRuns(small_tools(sandbox, warm, server, ModelSettings().models), folder, beside())


@pytest.mark.thorough
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("call", [call for call in _CALLS if call != "colorize"])
async def test_every_file(triton_address: str, tmp_path: Path, call: str) -> None:
    await _do(triton_address, tmp_path, call)


@pytest.mark.thorough
@pytest.mark.timeout(7200)
async def test_every_file_gets_colours(tmp_path: Path) -> None:
    """By a network as an operator installs one: the tiny models have none."""
    install_colouring(tmp_path / "models", tmp_path)
    server = TritonServer(tmp_path / "models", tmp_path / "triton.log")
    try:
        server.wait_until_ready()
        await _do(server.address, tmp_path, "colorize")
    finally:
        server.stop()


async def _do(triton_address: str, folder: Path, call: str) -> None:
    async with _runs(triton_address, folder) as runs:
        faults = await faults_of(runs, [call], [file for file in hostile_files().values() if file.kind == kind_taken(call)])
    assert not faults, "\n".join(faults)
