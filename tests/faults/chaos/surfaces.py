"""Tasks that clients of the other APIs create, for the same account."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import httpx

from services.tasks.surfaces.pi.ids import task_id

JSON_KINDS = ("fal", "pi", "claid")
EDIT_SIZE = (24, 24)
"""Of the picture that the edit makes."""
_LIMITED = (402, 429)
_TIMEOUT = 30


class Limited(Exception):
    """A limit of the account was reached."""


class Away(Exception):
    """The server could not be reached, or had no answer."""


class OtherClients:
    """Clients of the JSON surfaces, each call on a connection of its own."""

    def __init__(self, url: str, api_key: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {api_key}"}

    async def create(self, kind: str, chance: random.Random, file_id: int | None) -> int:
        """The id of a new task. Raises Limited and Away."""
        steps = {"steps": chance.randint(0, 5), "step_milliseconds": chance.randint(0, 100)}
        match kind:
            case "fal":
                return int((await self._post("/fal/queue/darkroom/noop", steps))["request_id"])
            case "pi":
                return task_id((await self._post("/api/v1/jobs", {"operations": [{"noop": steps}]}))["data"]["job_id"])
        width, height = EDIT_SIZE
        operations = {"resizing": {"width": width, "height": height, "fit": "crop"}}
        body = {"input": f"storage://files/{file_id}", "operations": operations, "output": {"format": "png"}}
        return int((await self._post("/v1-beta1/image/edit/async", body))["data"]["id"])

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(base_url=self._url, headers=self._headers, trust_env=False, timeout=_TIMEOUT) as http:
                reply = await http.post(path, json=body)
        except httpx.HTTPError as error:
            raise Away from error
        if reply.status_code in _LIMITED:
            raise Limited
        if reply.status_code >= 500:
            raise Away
        found: dict[str, Any] = reply.raise_for_status().json()
        return found
