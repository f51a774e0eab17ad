"""Files of runs that end before their tasks are stored."""

from __future__ import annotations

import pytest

from services.files.domain.finished_runs import HeldInput
from services.files.domain.task_files import NewOutput
from services.pictures.probe.model import Probe
from tests.component.files import content
from tests.component.files.world import World


@pytest.mark.parametrize("is_first_use", [True, False], ids=["the account's first files", "later ones"])
async def test_a_run_whose_task_was_not_stored_is_repeated_the_usual_way(world: World, is_first_use: bool) -> None:
    account, picture = world.account(), content.png()
    if not is_first_use:
        await world.create(account, "before.png")
    streamed, runs = world.files.streamed_files, world.files.finished_runs
    held = await streamed.begin(account, "photo.png", picture[:64], len(picture), held=True)
    stored = await runs.store_content(account, held.file_id, "image/png", picture)
    assert held.output_file_id
    found = Probe(media_type="image/png", width=8, height=8, frames=1)
    source = HeldInput(held.file_id, held.output_file_id, "photo.png", stored, len(picture), "", found)
    for _ in range(2):
        await runs.store(account, world.task(), "", source, NewOutput("photo.png", "image/png", 8, 8, 1, content=picture))
    # The process that was to store the task has ended, and the next one examines the picture itself.
    again = await streamed.begin(account, "photo.png", picture[:64], len(picture), picture, file_id=held.file_id)
    assert again.file_id == held.file_id
    [ready] = await world.files.task_files.pin(account, world.task(), [held.file_id])
    assert (ready.name, ready.size_bytes) == ("photo.png", len(picture))
    assert [row["id"] for row in await world.rows() if row["state"] == "ready"] == [held.file_id, held.output_file_id]
