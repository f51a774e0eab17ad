"""Which pictures a worker opens for short runs."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from services.inference.contract.step import Tools
from services.inference.pipeline.registry import Registry
from services.inference.worker.short_runs import ShortRunner


@pytest.mark.parametrize("opens_files", [True, False])
async def test_no_path_is_opened_for_a_service_on_another_machine(tmp_path: Path, *, opens_files: bool) -> None:
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"content")
    # Without warm children nothing is done with the picture.
    runner = ShortRunner(Registry(), cast("Tools", SimpleNamespace(warm=None)), 1 << 20, opens_files=opens_files)
    end = await runner.run(pb.ShortRun(run_id=os.urandom(16), path=str(picture), inode=picture.stat().st_ino))
    assert end.not_opened is not opens_files
    assert not end.HasField("result")
