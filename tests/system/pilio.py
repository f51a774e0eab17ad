"""A client of the `/v1` API as its users write it: JSON over HTTP, presigned URLs, polling.

Every reply is held against two documents: Pilio's own, whose clients must find what they know, and ours, which must name what is there.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema

from reference.openapi import document
from services.platform.errors import ErrorReason
from services.platform.rpc import catalogue

NANOID = "V1StGXR8_Z5jdHi6B-myT"
PILIO = json.loads((Path(__file__).parent / "pilio-openapi.json").read_text())
REST = catalogue.surface("rest")
TERMINAL = ("Succeeded", "Failed")
_PATIENCE_SECONDS = 240.0


@cache
def _ours() -> dict[str, Any]:
    whole = document(REST)
    for schema in whole["components"]["schemas"].values():
        # A field that is not documented must not be there.
        schema["additionalProperties"] = False
    return whole


@dataclass
class Pilio:
    """One account's client."""

    url: str
    api_key: str
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=60))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    async def post(self, path: str, body: object, **options: Any) -> httpx.Response:
        response = await self.http.post(self.url + path, json=body, headers=self.headers, **options)
        check_reply("post", path, response)
        return response

    async def get(self, path: str) -> httpx.Response:
        response = await self.http.get(self.url + path, headers=self.headers)
        check_reply("get", path, response)
        return response

    async def delete(self, path: str) -> httpx.Response:
        response = await self.http.delete(self.url + path, headers=self.headers)
        check_reply("delete", path, response)
        return response

    async def create(self, name: str, size: int | None, mode: str | None = None) -> dict[str, Any]:
        """One file record."""
        source: dict[str, object] = {"nanoid": NANOID, "name": name, "type": name.rpartition(".")[2]}
        if size is not None:
            source["size"] = size
        body: dict[str, object] = {"files": [source], "storage_intent": "temporary"}
        if mode is not None:
            body["upload_mode"] = mode
        response = await self.post("/v1/files/batch-create", body)
        assert response.status_code == 200, response.text
        item: dict[str, Any] = response.json()["data"]["items"][0]
        return item

    async def upload(self, name: str, content: bytes) -> str:
        """A file that is uploaded and not completed: its first use finds it."""
        item = await self.create(name, len(content), "simple")
        response = await self.http.put(item["upload_url"], content=content)
        assert response.status_code == 200, response.text
        return str(item["id"])

    async def start(self, path: str, body: dict[str, object]) -> str:
        """Create a task and return its id."""
        response = await self.post(path, body)
        assert response.status_code == 200, response.text
        data = response.json()["data"]
        assert data["status"] in ("Pending", "Processing")
        assert data["status_url"] == f"/v1/tasks/{data['task_id']}/status"
        assert data["result_url"] == f"/v1/tasks/{data['task_id']}/result"
        return str(data["task_id"])

    async def finish(self, task_id: str) -> dict[str, Any]:
        """Poll until the task has ended; returns the last status."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            status: dict[str, Any] = (await self.get(f"/v1/tasks/{task_id}/status")).json()["data"]
            if status["status"] in TERMINAL:
                return status
            assert time.monotonic() < deadline, status
            await asyncio.sleep(0.1)

    async def result(self, task_id: str) -> dict[str, Any]:
        data: dict[str, Any] = (await self.get(f"/v1/tasks/{task_id}/result")).json()["data"]
        return data

    async def run(self, path: str, body: dict[str, object]) -> bytes:
        """Create a task, wait for its success, and download its one result."""
        task_id = await self.start(path, body)
        status = await self.finish(task_id)
        assert status["status"] == "Succeeded", status
        files = (await self.result(task_id))["files"]
        assert len(files) == 1
        downloaded = await self.http.get(files[0]["download_url"])
        assert downloaded.status_code == 200
        assert len(downloaded.content) == files[0]["size"]
        return downloaded.content


def check_reply(method: str, path: str, response: httpx.Response) -> None:
    """Hold a reply against the schemas that the documents name for the call and its status."""
    assert response.headers["content-type"].startswith("application/json"), response.headers
    assert response.headers["x-request-id"]
    body = response.json()
    template, status = _template(path), str(response.status_code)
    operation = _ours()["paths"].get(template, {}).get(method)
    if operation is not None:
        assert status in operation["responses"], f"{method} {template}: {status} is not documented: {body}"
        content = operation["responses"][status]["content"]
        _validate(body, content["application/json"]["schema"], _ours())
    theirs = PILIO["paths"].get(template, {}).get(method, {}).get("responses", {})
    if response.status_code >= 400:
        assert_envelope(body)
        wait = next(reason for reason in ErrorReason if REST.code(reason) == body["code"]).mapping.retry_after_seconds
        assert not wait or int(response.headers["retry-after"]) > 0
        _validate(body, {"$ref": "#/components/schemas/ErrorEnvelope"}, PILIO)
        assert operation is None or f"`{body['code']}` `{body['data']['error_code']}`" in operation["responses"][status]["description"]
    elif theirs and response.status_code == 200:
        _validate(body, theirs["200"]["content"]["application/json"]["schema"], PILIO)


def assert_envelope(body: dict[str, Any]) -> None:
    """An error: integer code, message, and data that says why."""
    assert set(body) == {"code", "message", "data"}
    assert isinstance(body["code"], int)
    assert body["code"] != 200
    assert isinstance(body["message"], str)
    assert body["message"]
    assert isinstance(body["data"]["error_code"], str)


def _template(path: str) -> str:
    """The documented path that a request's path is one of; the path itself if there is none."""
    bare = path.partition("?")[0]
    fits = (template for template in _ours()["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), bare))
    return next(fits, bare)


def _validate(value: object, schema: dict[str, Any], document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)
