"""Calls whose entries in the audit log are looked up by the id of the request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass

from services.platform.rpc import catalogue
from tests.harness.audited_methods import audited

METHODS = {method.full_name: method for service in catalogue.public_services() for method in service.methods}
SIDES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("team.created", "role.created", "user.created", "pipeline.created", "webhook.created"), ("after",)),
    **dict.fromkeys(("logo.replaced", "user.analytics_set", "webhook.changed"), ("after",)),
    **dict.fromkeys(("team.updated", "role.updated", "user.updated", "pipeline.updated"), ("before", "after")),
    **dict.fromkeys(("settings.changed", "webhook.disabled"), ("before", "after")),
    **dict.fromkeys(("team.deleted", "role.deleted", "user.deleted", "pipeline.deleted", "webhook.deleted", "logo.deleted"), ("before",)),
}
"""The sides that an entry has; others, such as of a rotation, have none to tell."""


@dataclass
class Calls:
    """Calls of one account, with the tokens of several callers, and what each should have entered."""

    url: str
    reader: str
    """Token that reads the account's log."""
    http: httpx.AsyncClient
    package: str
    made: dict[str, str] = field(default_factory=dict)
    """By method: the id of the request."""
    secrets: set[str] = field(default_factory=set)
    """Texts that no entry may have."""

    async def http_call(
        self, method: str, token: str, verb: str, path: str, body: object = None, *, status: int = 200, **options: Any
    ) -> Any:
        """A call in JSON; returns the reply's body."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            options["json"] = body
        reply = await self.http.request(verb, self.url + path, headers=headers | options.pop("headers", {}), **options)
        assert reply.status_code == status, f"{method}: {reply.status_code} {reply.text}"
        self._note(method, reply.headers["x-request-id"])
        return reply.json() if reply.content else None

    async def native(self, method: str, token: str, *, refused: grpc.StatusCode | None = None, **fields: object) -> dict[str, Any]:
        """A call as gRPC."""
        rpc = METHODS[f"{self.package}.{method}"]
        request = ParseDict(fields, GetMessageClass(rpc.input_type)())
        async with grpc.aio.insecure_channel(self.url.removeprefix("http://")) as channel:
            stub = channel.unary_unary(
                f"/{rpc.containing_service.full_name}/{rpc.name}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=GetMessageClass(rpc.output_type).FromString,
            )
            call = stub(request, metadata=[("authorization", f"Bearer {token}")] if token else [])
            assert await call.code() == (refused or grpc.StatusCode.OK), f"{method}: {await call.details()}"
            found = {**dict(await call.initial_metadata()), **dict(await call.trailing_metadata())}
            reply = MessageToDict(await call, preserving_proto_field_name=True) if refused is None else {}
        self._note(method, str(found["x-request-id"]))
        return reply

    def _note(self, method: str, request_id: str) -> None:
        self.made[f"{self.package}.{method}"] = request_id

    async def check(self, *services: str) -> None:
        """Every method of these services that has an action has been called, and has entered it, with both sides."""
        actions = audited()
        names = [f"{self.package}.{service}Service." for service in services]
        expected = {method: action for method, action in actions.items() if any(method.startswith(name) for name in names)}
        assert expected.keys() == self.made.keys(), expected.keys() ^ self.made.keys()
        entries = dict(zip(expected, await asyncio.gather(*map(self._entry, expected)), strict=True))
        missing = [method for method, entry in entries.items() if entry is None]
        assert not missing, missing
        lacking = {
            f"{method}: {side}"
            for method, entry in entries.items()
            for side in SIDES.get(expected[method], ())
            if entry is not None and not json.loads(entry.get(side) or "{}")
        }
        assert not lacking, lacking
        told = json.dumps(list(entries.values()))
        assert not any(secret in told for secret in self.secrets), told

    async def _entry(self, method: str) -> dict[str, str] | None:
        """The details of the entry; None if there is none."""
        headers = {"Authorization": f"Bearer {self.reader}"}
        path = f"{self.url}/v1/audit?page_size=500&action={audited()[method]}"
        reply = await self.http.get(path, headers=headers)
        assert reply.status_code == 200, reply.text
        for entry in reply.json()["data"]["items"]:
            if entry.get("request_id") == self.made[method]:
                return {one["name"]: one["value"] for one in entry["details"]}
        return None
