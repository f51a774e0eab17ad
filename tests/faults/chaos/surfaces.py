"""Tasks that clients of the JSON APIs create. They repeat a call that failed with the same idempotency key, where there are such keys."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from services.gateway.surfaces.snapotter.jobs.ids import JobIds
from services.tasks.surfaces.pi.ids import task_id
from tests.faults.chaos.replies import Replies

JSON_KINDS = ("pilio", "rest", "fal", "pi", "claid")
SNAPOTTER = "snapotter"
"""Forms, of people who are signed in, and without idempotency keys."""
EDIT_SIZE = (24, 24)
"""Of the picture that an edit makes."""
WITH_PICTURE = ("pilio", "claid")
_LIMITED = (402, 429)
_TIMEOUT = 60
_PATIENCE_SECONDS = 300
"""For one call with all its repeats."""


class Limited(Exception):
    """A limit of the account was reached."""


class Away(Exception):
    """The server could not be reached, or had no answer."""


class OtherClients:
    """Clients of the JSON APIs, of one account. `source` is a picture that they have uploaded, once they have."""

    def __init__(self, url: str, api_key: str, replies: Replies) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {api_key}"}, trust_env=False, timeout=_TIMEOUT)
        self._replies = replies
        self.source: int | None = None

    async def __aenter__(self) -> OtherClients:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._http.aclose()

    async def create(self, kind: str, chance: random.Random) -> int:
        """The id of a new task, however often the call has to be repeated. Raises Limited, and Away after some minutes."""
        steps = {"steps": chance.randint(0, 5), "step_milliseconds": chance.randint(0, 100)}
        width, height = EDIT_SIZE
        match kind:
            case "pilio":
                return int((await self._made(kind, "/v1/images/remove-background", {"image_file_id": str(self.source)}))["data"]["task_id"])
            case "rest":
                return int((await self._made(kind, "/v1/tasks", {"operations": [{"noop": steps}]}))["data"]["task_id"])
            case "fal":
                return int((await self._made(kind, "/fal/queue/darkroom/noop", steps))["request_id"])
            case "pi":
                return task_id((await self._made(kind, "/api/v1/jobs", {"operations": [{"noop": steps}]}))["data"]["job_id"])
        operations = {"resizing": {"width": width, "height": height, "fit": "crop"}}
        body = {"input": f"storage://files/{self.source}", "operations": operations, "output": {"format": "png"}}
        return int((await self._made(kind, "/v1-beta1/image/edit/async", body))["data"]["id"])

    async def edit(self, picture: bytes, jobs: JobIds) -> int:
        """The task of a picture that was edited while the client waited. Raises Limited, and Away if no success was told."""
        width, height = EDIT_SIZE
        settings = {"width": width, "height": height, "fit": "cover"}
        form = {"files": {"file": ("disc.png", picture)}, "data": {"settings": json.dumps(settings)}}
        made = jobs.read((await self._post(SNAPOTTER, "/api/v1/tools/resize", **form))["jobId"])
        assert made is not None
        return made.number

    async def _made(self, kind: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return await self._post(kind, path, json=body, headers=headers)
            except Away:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(random.uniform(0.2, 1.0))

    async def _post(self, kind: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            reply = await self._http.post(path, **options)
        except httpx.HTTPError as error:
            self._replies.unanswered(kind)
            raise Away from error
        self._replies.note(kind, reply)
        if reply.status_code in _LIMITED:
            raise Limited
        if not reply.is_success:
            raise Away
        found: dict[str, Any] = reply.json()
        return found
