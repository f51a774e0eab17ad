"""Many files at the same time, with progress."""

import asyncio
from pathlib import Path

from darkroom import AsyncClient
from darkroom.tasks.v1 import task_pb2


async def cutout(client: AsyncClient, path: Path) -> list[Path]:
    def show(event: task_pb2.TaskEvent) -> None:
        print(f"{path.name}: {event.progress:.0%} {event.message}")

    # A key of your own makes the whole thing safe to repeat, even after a crash: the same upload, the same task.
    task = await client.remove_background(path, idempotency_key=f"cutout-{path.name}", on_event=show)
    return await client.download(task, "results")


async def main() -> None:
    async with AsyncClient() as client:
        for paths in await asyncio.gather(*(cutout(client, path) for path in Path().glob("*.jpg"))):
            print(*paths)


asyncio.run(main())
