"""A client of Claid's API as its users write it. Every reply is held against our document, which must name all that is there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import jsonschema

from darkroom import AsyncClient
from reference.openapi import document
from services.platform.rpc import catalogue

BETA, STABLE = "/v1-beta1", "/v1"


@cache
def _ours() -> dict[str, Any]:
    return document(catalogue.surface("claid"))


@dataclass
class Claid:
    """One account's client. Paths are those below the prefix."""

    url: str
    api_key: str
    prefix: str = BETA
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=90))

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.api_key}", **options.pop("headers", {})}
        response = await self.http.request(method, f"{self.url}{self.prefix}/{path}", headers=headers, **options)
        _check(method, f"{self.prefix}/{path}", response)
        return response

    async def post(self, path: str, body: object, **options: Any) -> httpx.Response:
        return await self.call("POST", path, json=body, **options)

    async def get(self, path: str) -> httpx.Response:
        return await self.call("GET", path)

    async def ended(self, native: AsyncClient, task_id: int) -> dict[str, Any]:
        """The data of an edit that has ended."""
        await native.get_task(task_id, wait_seconds=60)
        data: dict[str, Any] = (await self.get(f"image/edit/async/{task_id}")).json()["data"]
        return data


@asynccontextmanager
async def claid(url: str, api_key: str, prefix: str = BETA) -> AsyncIterator[Claid]:
    """A client that is closed."""
    client = Claid(url, api_key, prefix)
    async with client.http:
        yield client


def _check(method: str, path: str, response: httpx.Response) -> None:
    assert response.headers["content-type"].startswith("application/json"), response.headers
    assert response.headers["x-request-id"]
    body, status = response.json(), str(response.status_code)
    templates = (template for template in _ours()["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path))
    operation = _ours()["paths"].get(next(templates, ""), {}).get(method.lower())
    if operation is None or response.status_code == 429:
        return
    assert status in operation["responses"], f"{method} {path}: {status} is not documented: {body}"
    schema = operation["responses"][status]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": _ours()["components"]}).validate(body)
