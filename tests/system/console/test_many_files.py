"""Many files at once in a browser: how far they are, what failed and why, and a page that is loaded again in the middle.

Sixty small pictures stand for the hundreds that people drop: they show the same, and take seconds.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.system.console.console import Console
from tests.system.console.sending import GOES, Sending
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio

COUNT = 60
BROKEN = ("broken-1.png", "broken-2.png")


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures of which each is another."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(COUNT):
        disc(40 + number, 32).save(folder / f"photo-{number:02}.png")
    return sorted(folder.iterdir())


def broken(folder: Path) -> list[Path]:
    """Pictures that begin well, and end in the middle."""
    content = encoded(disc(300, 200), "PNG")
    for name in BROKEN:
        (folder / name).write_bytes(content[: len(content) // 2])
    return [folder / name for name in BROKEN]


async def tasks(pilio: Pilio) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await pilio.get("/v1/tasks?page_size=500")).json()["data"]["items"]
    return found


async def test_what_fails_among_many_says_why_and_is_tried_again(console: Console, pilio: Pilio, many: list[Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.touch()
    # The storage does not take one of the good ones at first.
    sending = await Sending(lambda part, before: 405 if before == 7 else GOES).watch(console.page)
    await console.open()
    await console.choose(*many, *broken(tmp_path), empty)
    await expect(console.file("empty.png")).to_contain_text("The file is empty.")
    await console.pick("Rotate and mirror")
    await console.run()
    await expect(console.newest.get_by_role("progressbar").first).to_be_visible()
    await console.finished(COUNT + 2)
    await expect(console.newest.get_by_role("status")).to_contain_text(f"{COUNT - 1} of {COUNT + 2} done, 3 failed")
    await console.newest.get_by_role("button", name="Failed only").click()
    failed = console.newest.get_by_role("listitem")
    await expect(failed).to_have_count(3)
    for name in BROKEN:
        await expect(failed.filter(has_text=name)).to_contain_text("The file is damaged: it is truncated.")
    assert len(await tasks(pilio)) == COUNT - 1
    sent = len(sending.parts)
    await console.newest.get_by_role("button", name="Retry failed").click()
    await expect(failed).to_have_count(2)
    await expect(console.newest.get_by_role("status")).to_contain_text(f"{COUNT} of {COUNT + 2} done, 2 failed")
    # What was done was not done again.
    assert (len(sending.parts), len(await tasks(pilio))) == (sent + 1, COUNT)


@pytest.mark.thorough
async def test_after_a_reload_the_same_run_goes_on(console: Console, pilio: Pilio, many: list[Path]) -> None:
    await console.open()
    await console.choose(*many)
    await console.pick("Rotate and mirror")
    async with console.page.expect_response("**/v1/batches"):
        await console.run()
    await console.page.reload()
    await console.finished(COUNT)
    await expect(console.runs).to_have_count(1)
    assert len(await tasks(pilio)) == COUNT
