"""Make the cards of the console's tools: `python -m benchmarks.tool_cards [CARD …]`.

Every picture goes through the public port of a running stack, whose URL and key are read from DARKROOM_URL and DARKROOM_API_KEY:
operations run as batches of tasks (`/v1/batches`), as in the console. The cards go to console/public/tools, as WebP. Operations that no
installation can run by itself show a sample in place of a result.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks.contact_sheet.sheets import sheets as _registered  # noqa: F401 - registers pictures
from benchmarks.contact_sheet.sources import file_of
from benchmarks.tool_cards.cards import Card, cards
from benchmarks.tool_cards.drawing import encode_card

FOLDER = Path(__file__).resolve().parents[2] / "console" / "public" / "tools"
_MOST_BYTES = 5_700
_AT_ONCE = 2


class Console:
    """Does what the console does."""

    def __init__(self, server: httpx.AsyncClient) -> None:
        self._server = server

    async def run(self, card: Card) -> Sequence[bytes]:
        """What comes of the card's files. Raises RuntimeError."""
        files = [await self._uploaded(source) for source in card.sources]
        beside = {part: await self._uploaded(source) for part, source in card.files.items()}
        operations = [{card.operation: {**card.settings, **beside}}]
        body = {"items": [{"file_ids": files}], "operations": operations}
        batch = (await self._sent("POST", "/v1/batches", json=body))["data"]["batch"]["batch_id"]
        while (await self._sent("GET", f"/v1/batches/{batch}", params={"wait": 30}))["data"]["status"] != "Completed":
            pass
        [task] = (await self._sent("GET", f"/v1/batches/{batch}/tasks"))["data"]["items"]
        if "result" not in task or not task["result"]["files"]:
            raise RuntimeError(str(task))
        made = []
        for file in task["result"]["files"]:
            downloaded = await self._server.get(file["download_url"], headers={"Authorization": ""})
            downloaded.raise_for_status()
            made.append(downloaded.content)
        return made

    async def _uploaded(self, source: str) -> str:
        """The id of a file."""
        name, content = file_of(source)
        one = {"nanoid": "V1StGXR8_Z5jdHi6B-myT", "name": name, "type": name.rpartition(".")[2], "size": len(content)}
        body = {"files": [one], "storage_intent": "temporary", "upload_mode": "simple"}
        [item] = (await self._sent("POST", "/v1/files/batch-create", json=body))["data"]["items"]
        (await self._server.put(item["upload_url"], content=content, headers={"Authorization": ""})).raise_for_status()
        return str(item["id"])

    async def _sent(self, verb: str, path: str, **options: Any) -> Any:
        reply = await self._server.request(verb, path, **options)
        if reply.status_code != 200:
            raise RuntimeError(f"{path}: {reply.status_code} {reply.text}")
        return reply.json()


async def main() -> int:
    """Write the cards. The exit status is 1 if any operation failed."""
    known = {card.id: card for card in cards()}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tool_cards", description=__doc__)
    parser.add_argument("cards", nargs="*", metavar="CARD", help=f"one of {', '.join(sorted(known))}; all if left out")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they go")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    headers = {"Authorization": f"Bearer {os.environ['DARKROOM_API_KEY']}"}
    turns, refused = asyncio.Semaphore(_AT_ONCE), 0
    async with httpx.AsyncClient(base_url=os.environ["DARKROOM_URL"], headers=headers, timeout=120) as server:

        async def write(card: Card) -> bool:
            async with turns:
                try:
                    made = await Console(server).run(card) if card.runs else []
                except RuntimeError as error:
                    print(f"{card.id}: {error}", file=sys.stderr)
                    return False
            given = [file_of(source)[1] for source in (*card.sources, *card.files.values())]
            content = await asyncio.to_thread(lambda: encode_card(card.draw(given, made), _MOST_BYTES))
            (options.folder / f"{card.id}.webp").write_bytes(content)
            return True

        done = await asyncio.gather(*(write(known[card_id]) for card_id in options.cards or known))
        refused = done.count(False)
    print(f"{len(done) - refused} cards, {sum(path.stat().st_size for path in options.folder.glob('*.webp')) / 1000:.0f} kB in all")
    return 1 if refused else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
