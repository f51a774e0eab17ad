"""Files of runs that end before their tasks are stored."""

from __future__ import annotations

import pytest

from services.files.domain.finished_runs import HeldInput
from services.files.domain.task_files import NewOutput
from services.files.store import FileStore
from services.pictures.probe.model import Probe
from services.platform.database import Database
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


async def test_ids_of_held_files_are_new_and_grow_though_one_statement_serves_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    store, now = FileStore(Database(world.engine)), 0.0
    monkeypatch.setattr("services.files.store.files.monotonic", lambda: now)
    asked: list[int] = []

    async def counting(count: int) -> list[int]:
        asked.append(count)
        return await FileStore.new_ids(store, count)

    monkeypatch.setattr(store, "new_ids", counting)
    ids = [each for _ in range(12) for each in await store.ids_ahead(2)]
    assert ids == sorted(set(ids)) and len(asked) == 2
    later = (await FileStore.new_ids(store, 1))[0]
    now = 2.0
    assert (await store.ids_ahead(2))[0] > later and asked[-1] == 2
