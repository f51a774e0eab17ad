"""Requests are signed for the region that the storage is set to, whatever its name."""

from __future__ import annotations

from typing import Any

import pytest

from services.files.object_client import object_store


class _Sent(Exception):
    """In place of sending a request; the text is its authorization."""


def _send(request: Any, **_: Any) -> None:
    raise _Sent(request.headers["Authorization"])


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-3", "garage"])
async def test_a_region_of_any_name_is_signed_for(region: str) -> None:
    async with object_store("http://127.0.0.1:9", "bucket", region, "key", "secret") as store:
        store._client.meta.events.register("before-send.s3", _send)
        with pytest.raises(_Sent, match=f"/{region}/s3/aws4_request"):
            await store.head("a name")
