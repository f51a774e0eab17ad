"""A client of the fal queue as its users write it: JSON over HTTP. Every reply is held against our OpenAPI document."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import jsonschema

from reference.openapi import document
from services.platform.rpc import catalogue

_PATIENCE_SECONDS = 240.0


@dataclass
class Fal:
    """One account's client."""

    url: str
    api_key: str
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=60))

    async def call(self, verb: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        """A call below `/fal/queue`, or of a whole URL."""
        url = path if path.startswith("http") else f"{self.url}/fal/queue/{path}"
        sent = {"Authorization": f"Key {self.api_key}", **(headers or {})}
        reply = await self.http.request(verb, url, headers=sent, **options)
        check_reply(verb, reply)
        return reply

    async def submit(self, model: str, given: object, **options: Any) -> dict[str, Any]:
        """A request that is accepted."""
        reply = await self.call("POST", model, json=given, **options)
        assert reply.status_code == 200, reply.text
        body: dict[str, Any] = reply.json()
        assert reply.headers["x-fal-request-id"] == body["request_id"] == body["gateway_request_id"]
        assert body["status"] == "IN_QUEUE"
        assert isinstance(body["queue_position"], int)
        return body

    async def finish(self, submitted: dict[str, Any], **query: object) -> dict[str, Any]:
        """Poll until the request has ended; returns the last status."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            reply = await self.call("GET", submitted["status_url"], params=query)
            status: dict[str, Any] = reply.json()
            assert reply.headers["x-fal-request-id"] == submitted["request_id"]
            assert reply.status_code == (200 if status["status"] == "COMPLETED" else 202)
            if status["status"] == "COMPLETED":
                return status
            assert time.monotonic() < deadline, status
            await asyncio.sleep(0.1)

    async def result(self, submitted: dict[str, Any]) -> dict[str, Any]:
        """The result of a request that succeeds."""
        status = await self.finish(submitted)
        assert "error" not in status, status
        reply = await self.call("GET", submitted["response_url"])
        assert (reply.status_code, reply.headers["x-fal-request-id"]) == (200, submitted["request_id"]), reply.text
        body: dict[str, Any] = reply.json()
        return body


@cache
def _ours() -> dict[str, Any]:
    found: dict[str, Any] = document(catalogue.surface("fal"))
    for name, schema in found["components"]["schemas"].items():
        if name not in ("Input", "Value", "Struct"):
            # A field that is not documented must not be there.
            schema["additionalProperties"] = False
    return found


def check_reply(verb: str, reply: httpx.Response) -> None:
    """Hold a reply against the schema that the document names for the call and its status."""
    assert reply.headers["x-fal-request-id"]
    assert reply.headers["x-request-id"]
    if not reply.headers["content-type"].startswith("application/json"):
        return
    path = reply.request.url.path.rstrip("/")
    for template, verbs in _ours()["paths"].items():
        if verb.lower() in verbs and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            break
    else:
        return
    responses = verbs[verb.lower()]["responses"]
    assert str(reply.status_code) in responses, f"{verb} {template}: {reply.status_code} is not documented: {reply.text}"
    body = reply.json()
    if reply.status_code >= 400:
        # What cannot be cancelled or followed is an error with a status besides.
        body.pop("status", None)
    schema = responses[str(reply.status_code)]["content"]["application/json"]["schema"]
    jsonschema.validate(body, {**schema, "components": _ours()["components"]})
