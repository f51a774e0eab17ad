"""A bucket of the real object storage, for tests."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session

from tests.stacks import ObjectStorage


class Bucket:
    """Puts, gets and signs."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    async def put(self, key: str, content: bytes, **parameters: str) -> str:
        """Store an object; its ETag."""
        return str((await self._client.put_object(Bucket=self._name, Key=key, Body=content, **parameters))["ETag"])

    async def get(self, key: str) -> bytes:
        """An object's bytes."""
        reply = await self._client.get_object(Bucket=self._name, Key=key)
        async with reply["Body"] as body:
            content: bytes = await body.read()
        return content

    async def etag(self, key: str) -> str:
        """An object's ETag."""
        return str((await self._client.head_object(Bucket=self._name, Key=key))["ETag"])

    async def start_upload(self, key: str, media_type: str) -> str:
        """Begin a multipart upload; its id."""
        return str((await self._client.create_multipart_upload(Bucket=self._name, Key=key, ContentType=media_type))["UploadId"])

    async def join_upload(self, key: str, upload_id: str) -> None:
        """Join the parts that have arrived."""
        found = await self._client.list_parts(Bucket=self._name, Key=key, UploadId=upload_id)
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in found["Parts"]]
        await self._client.complete_multipart_upload(Bucket=self._name, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts})

    async def presigned(self, method: str, key: str, **parameters: str | int) -> str:
        """A URL for one object."""
        return str(await self._client.generate_presigned_url(method, Params={"Bucket": self._name, "Key": key, **parameters}))


@functools.cache
def _session() -> AioSession:
    return get_session()


@asynccontextmanager
async def bucket(storage: ObjectStorage) -> AsyncIterator[Bucket]:
    """The test's own bucket."""
    config = AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    async with _session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=storage.endpoint,
        aws_access_key_id=storage.access_key,
        aws_secret_access_key=storage.secret_key,
        config=config,
    ) as client:
        yield Bucket(client, storage.bucket)
