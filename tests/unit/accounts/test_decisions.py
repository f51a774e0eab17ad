"""Decisions on requests at the edge, by surface."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from google.rpc import code_pb2, status_pb2

from services.accounts.domain.admission import Admission
from services.accounts.domain.authentication import KeyAuthenticator
from services.accounts.domain.keys import make_key
from services.accounts.records import KeyOwner
from services.accounts.surfaces.edge.decisions import Pass, Refusal, decide
from tests.unit.accounts.limits import unlimited

KEY, EXPIRED = make_key(), make_key()


def admission() -> Admission:
    async def find(digest: bytes) -> KeyOwner | None:
        if digest == EXPIRED.digest:
            return KeyOwner(key_id=8, account_id=3, expires_at=datetime(2026, 1, 1, tzinfo=UTC))
        return KeyOwner(key_id=7, account_id=3) if digest == KEY.digest else None

    authenticator = KeyAuthenticator(find, lambda owner, now: f"{owner.account_id}/{owner.key_id}", lambda key_id, now: None)
    return Admission(authenticator, unlimited())


async def refusal(path: str, **headers: str) -> Refusal:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    decision = await decide(admission(), path, named, "192.0.2.1")
    assert isinstance(decision, Refusal)
    return decision


async def test_a_valid_key_becomes_an_identity() -> None:
    assert await decide(admission(), "/v1/tasks/1/status", {"authorization": f"Bearer {KEY.secret}"}, "192.0.2.1") == Pass("3/7", ())


@pytest.mark.parametrize("path", ["/v1", "/v1/tasks/1/status", "/v1/nothing?x=/v2"])
async def test_refusal_in_the_surface_s_words(path: str) -> None:
    refused = await refusal(path)
    assert refused.status == 401
    said = "No API key was sent. Send it in a header: Authorization: Bearer … or X-API-Key: …"
    assert json.loads(refused.body) == {"code": 1402, "message": said, "data": {"error_code": "api_key_invalid"}}


async def test_who_asks_for_reflection_without_a_key_hears_that_it_needs_one() -> None:
    refused = await refusal("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", content_type="application/grpc")
    message = unquote(dict(refused.fields)["grpc-message"])
    assert message.startswith("No API key was sent. ")
    assert message.endswith("Server reflection needs it, too: `grpcurl -H`, or `buf curl -H … --reflect-header '*'`.")


@pytest.mark.parametrize("headers", [{"authorization": "Bearer wrong"}, {"authorization": "Basic YTpi"}, {"x_api_key": "wrong"}])
async def test_what_cannot_be_a_key_is_an_invalid_one(headers: dict[str, str]) -> None:
    assert (await refusal("/v1", **headers)).body == '{"code":1402,"message":"Invalid token","data":{"error_code":"api_key_invalid"}}'


@pytest.mark.parametrize("path", ["/", "/v10/x", "/x/v1"])
async def test_neutral_refusal(path: str) -> None:
    refused = await refusal(path, x_api_key=make_key().secret)
    assert json.loads(refused.body) == {"error": {"reason": "API_KEY_INVALID", "message": "Invalid token"}}


async def test_refusal_of_a_grpc_call() -> None:
    refused = await refusal("/darkroom.tasks.v1.TasksService/GetTask", content_type="application/grpc+proto")
    headers = dict(refused.fields)
    assert refused.body == ""
    assert headers["grpc-message"].isascii()
    assert unquote(headers["grpc-message"]).startswith("No API key was sent. Send it in a header: Authorization: Bearer …")
    status = status_pb2.Status.FromString(base64.b64decode(headers["grpc-status-details-bin"]))
    assert status.code == int(headers["grpc-status"]) == code_pb2.UNAUTHENTICATED


async def test_a_key_whose_time_is_over_is_told_so() -> None:
    message = "This API key expired at 2026-01-01 00:00:00 UTC."
    refused = await refusal("/v1/tasks/1/status", x_api_key=EXPIRED.secret)
    assert json.loads(refused.body) == {"code": 1402, "message": message, "data": {"error_code": "api_key_invalid"}}
    refused = await refusal("/darkroom.tasks.v1.TasksService/GetTask", x_api_key=EXPIRED.secret, content_type="application/grpc")
    assert dict(refused.fields)["grpc-message"] == message
