"""AWS's own client, to compare with and to set buckets up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from services.platform.bucket_address import Addressing


@asynccontextmanager
async def botocore_client(
    endpoint: str, region: str, access_key: str, secret_key: str, addressing: Addressing = "path"
) -> AsyncIterator[Any]:
    """A client with its connections."""
    config = AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": addressing},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    async with get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=config,
    ) as client:
        yield client
