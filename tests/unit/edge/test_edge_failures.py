"""Every error of Envoy's own is worded on every surface."""

from __future__ import annotations

import base64
import json
import re
from functools import cache

import pytest
from google.rpc import code_pb2, status_pb2

from edge import failures
from services.platform.errors import ErrorReason
from services.platform.rpc import catalogue

mappers = cache(failures.mappers)


def first(status: int, *, grpc: bool = False, path: str = "") -> failures.Mapper:
    return next(
        mapper
        for mapper in mappers()
        if mapper.low <= status <= mapper.high and not mapper.details and mapper.grpc == grpc
        if not mapper.paths or any(re.fullmatch(paths, path) for paths in mapper.paths)
    )


@pytest.mark.cases(60)
@pytest.mark.parametrize("status", range(400, 600))
def test_no_status_is_left_out(status: int) -> None:
    assert json.loads(first(status, path="/v1/x").body).keys() == {"code", "message", "data"}
    assert json.loads(first(status).body).keys() == {"error"}
    assert first(status, grpc=True).grpc_status != code_pb2.OK


@pytest.mark.parametrize(
    ("seen", "status", "reason"),
    [
        (404, 404, ErrorReason.ROUTE_NOT_FOUND),
        (405, 405, ErrorReason.METHOD_NOT_ALLOWED),
        (413, 413, ErrorReason.BODY_TOO_LARGE),
        (503, 503, ErrorReason.UNAVAILABLE),
        (504, 503, ErrorReason.UNAVAILABLE),
        (500, 500, ErrorReason.INTERNAL),
    ],
)
def test_design_s_table(seen: int, status: int, reason: ErrorReason) -> None:
    mapper = first(seen, path="/v1/x")
    assert (mapper.status, json.loads(mapper.body)["code"]) == (status, catalogue.surface("rest").code(reason))
    details = status_pb2.Status.FromString(base64.b64decode(first(seen, grpc=True).grpc_details))
    assert details.code == reason.mapping.grpc == first(seen, grpc=True).grpc_status


def test_a_status_without_a_row_keeps_its_number() -> None:
    assert first(431, path="/v1/x").status == 0


def test_the_message_about_a_body_fits_into_the_surface_s_json() -> None:
    (rest,) = (surface for surface in failures.surface_errors() if "^/v1$" in surface.patterns)
    data = {"error_code": "malformed_request"}
    assert {part: json.loads(reply.body)["data"] for part, reply in rest.malformed_body.items()} == {
        "message": data,
        "field": {**data, "field": "<field>"},
        "allowed": {**data, "field": "<field>", "allowed": ["<allowed>"]},
    }
    assert all(
        (body["code"], body["message"]) == (40000, "<message>")
        for body in (json.loads(reply.body) for reply in rest.malformed_body.values())
    )


@pytest.mark.parametrize("status", [401, 404, 413, 429, 431, 500, 503, 504])
def test_headers_of_every_reply_are_headers_of_errors(status: int) -> None:
    surface = catalogue.surface("snapotter")
    mapper = first(status, path="/api/v1/tools/resize")
    assert json.loads(mapper.body).keys() == {"error"}
    assert set(surface.reply_headers) <= set(mapper.headers)
    assert not set(surface.reply_headers) & set(first(status, path="/api/v1/jobs/1").headers)
