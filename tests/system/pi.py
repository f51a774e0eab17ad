"""A client of Pi's API as its users write it: JSON over HTTP, one envelope, long polls.

Every reply is held against our OpenAPI document, which must name what is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import httpx
import jsonschema

from reference.openapi import document
from services.platform.rpc import catalogue

DOCUMENT = document(catalogue.surface("pi"))
for _schema in DOCUMENT["components"]["schemas"].values():
    # A field that is not documented must not be there; those of a caller's own may.
    if "properties" in _schema:
        _schema["additionalProperties"] = False
_REQUEST_ID = re.compile(r"req_pi_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Pi:
    """One account's client."""

    url: str
    api_key: str
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=60))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        response = await self.http.post(f"{self.url}/api/v1{path}", json=body, headers=self.headers | headers)
        check_reply("post", path, response)
        return response

    async def patch(self, path: str, body: object) -> httpx.Response:
        response = await self.http.patch(f"{self.url}/api/v1{path}", json=body, headers=self.headers)
        check_reply("patch", path, response)
        return response

    async def get(self, path: str, **headers: str) -> httpx.Response:
        response = await self.http.get(f"{self.url}/api/v1{path}", headers=self.headers | headers)
        check_reply("get", path, response)
        return response

    async def job(self, body: dict[str, object], **headers: str) -> dict[str, Any]:
        """A new job."""
        response = await self.post("/jobs", body, **headers)
        assert response.status_code == 202, response.text
        envelope: dict[str, Any] = response.json()
        assert (envelope["object"], envelope["id"]) == ("job", response.headers["x-request-id"].replace("req_pi_", "pi_req_"))
        data: dict[str, Any] = envelope["data"]
        return data

    async def ended(self, job_id: str, query: str = "") -> dict[str, Any]:
        """The envelope of a job that has ended, by long polls."""
        while True:
            envelope: dict[str, Any] = (await self.get(f"/jobs/{job_id}?wait_for_completion=true&timeout_seconds=30{query}")).json()
            if envelope["status"] in ("completed", "failed"):
                return envelope


def error_of(response: httpx.Response) -> tuple[int, str, str, str | None]:
    """Status, type, code and parameter of a refusal."""
    error = response.json()["error"]
    return response.status_code, error["type"], error["code"], error.get("param")


def check_reply(verb: str, path: str, response: httpx.Response) -> None:
    """Hold a reply to a known key against the document: headers, and the schema of its status."""
    request_id = response.headers["x-request-id"]
    assert _REQUEST_ID.fullmatch(request_id)
    limit, remaining, reset = (int(response.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))
    assert 0 <= remaining <= limit
    assert reset > 1_700_000_000
    template, status = _template(path), str(response.status_code)
    operation = DOCUMENT["paths"].get(template, {}).get(verb)
    if response.status_code >= 400:
        assert response.json()["error"]["request_id"] == request_id
    if operation is None or not response.headers["content-type"].startswith("application/json"):
        return
    assert status in operation["responses"], f"{verb} {template}: {status} is not documented: {response.text}"
    content = operation["responses"][status]["content"]
    if "application/json" in content:
        schema = {**content["application/json"]["schema"], "components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(schema).validate(response.json())


def _template(path: str) -> str:
    bare = f"/api/v1{path.partition('?')[0]}"
    fits = (template for template in DOCUMENT["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), bare))
    return next(fits, bare)
