"""`ObjectStore` on a client of its own, by the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from services.files.config import BucketSettings
from services.files.objects import ObjectStore
from services.files.s3_client import S3Client, s3_client


def client_of(settings: BucketSettings) -> AbstractAsyncContextManager[S3Client]:
    return s3_client(
        settings.s3_endpoint,
        settings.s3_bucket,
        settings.s3_region,
        settings.s3_access_key,
        settings.s3_secret_key.get_secret_value(),
        settings.s3_ca_file,
        settings.s3_addressing,
    )


@asynccontextmanager
async def store_of(settings: BucketSettings) -> AsyncIterator[ObjectStore]:
    async with client_of(settings) as client:
        yield ObjectStore(client)
