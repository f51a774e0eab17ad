"""What a client does before, during and after an upgrade, by plain JSON over HTTP, in which neither version's client has a part."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Client:
    """An account's client."""

    url: str
    api_key: str
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=60, trust_env=False))

    async def call(self, method: str, path: str, body: object = None, key: str = "") -> Any:
        """The `data` of a reply of 200. `key` is an idempotency key."""
        reply = await self.send(method, path, body, key)
        assert reply.status_code == 200, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json()["data"]

    async def send(self, method: str, path: str, body: object = None, key: str = "") -> httpx.Response:
        """A reply, whatever it is."""
        headers = {"Authorization": f"Bearer {self.api_key}", **({"Idempotency-Key": key} if key else {})}
        return await self.http.request(method, self.url + path, json=body, headers=headers)

    async def begin_upload(self, content: bytes) -> tuple[str, str]:
        """The id and the URL of a file that nothing has been sent of."""
        source = {"nanoid": "V1StGXR8_Z5jdHi6B-myT", "name": "report.pdf", "type": "pdf", "size": len(content)}
        body = {"files": [source], "storage_intent": "temporary", "upload_mode": "simple"}
        item = (await self.call("POST", "/v1/files/batch-create", body))["items"][0]
        return str(item["id"]), item["upload_url"]

    async def put(self, url: str, content: bytes) -> None:
        """Send a file's bytes."""
        reply = await self.http.put(url, content=content)
        assert reply.status_code == 200, reply.text

    async def upload(self, content: bytes) -> str:
        """The id of a file that has been sent."""
        file, url = await self.begin_upload(content)
        await self.put(url, content)
        return file

    async def create(self, file: str, key: str = "") -> str:
        """The id of a new task that costs credits."""
        made = await self.call("POST", "/v1/pdfs/remove-watermark", {"pdf_file_id": file, "mode": "editable"}, key)
        return str(made["task_id"])

    async def status(self, task: str) -> str:
        """The status of a task: Pending, Processing, Succeeded or Failed."""
        return str((await self.call("GET", f"/v1/tasks/{task}/status"))["status"])

    async def becomes(self, task: str, wanted: str) -> None:
        """Wait until a task has a status."""
        async with asyncio.timeout(120):
            while (status := await self.status(task)) != wanted:
                assert status not in ("Succeeded", "Failed"), status
                await asyncio.sleep(0.1)

    async def result(self, task: str) -> bytes:
        """The result of a task once it has succeeded."""
        await self.becomes(task, "Succeeded")
        [file] = (await self.call("GET", f"/v1/tasks/{task}/result"))["files"]
        content = (await self.http.get(file["download_url"])).content
        assert content.startswith(b"%PDF")
        return content
