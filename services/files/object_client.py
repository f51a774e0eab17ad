"""The S3 client behind `ObjectStore`, set up for any storage."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.loaders import Loader

from services.files.config import BucketSettings
from services.files.objects import ObjectStore
from services.platform.bucket_address import Addressing

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

# In the form of botocore's `endpoints.json`.
_GLOBAL = {"hostname": "s3.amazonaws.com", "credentialScope": {"region": "us-east-1"}}
_ANY_REGION = {
    "partition": "aws",
    "dnsSuffix": "amazonaws.com",
    "regionRegex": ".*",
    "regions": {},
    "defaults": {"hostname": "{service}.{region}.{dnsSuffix}", "protocols": ["http", "https"], "signatureVersions": ["s3v4"]},
    "services": {"s3": {"partitionEndpoint": "aws-global", "isRegionalized": True, "endpoints": {"aws-global": _GLOBAL}}},
}


@asynccontextmanager
async def s3_client(
    endpoint: str,
    region: str,
    access_key: str,
    secret_key: str,
    ca_file: Path | None = None,
    addressing: Addressing = "path",
) -> AsyncIterator[S3Client]:
    """A client with its connections, closed when the block ends. `ca_file` holds the authority of the storage's certificate; None: public
    ones."""
    config = AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": addressing},
        # Storages other than AWS support neither the checksum trailers nor the headers that newer botocore sends by default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=3,
        read_timeout=120,  # joining the parts of a large upload
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=32,
    )
    async with _session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=config,
        # Over plain HTTP there is nothing to verify, and reading the authorities takes its time.
        verify=False if endpoint.startswith("http://") else str(ca_file) if ca_file is not None else None,
    ) as client:
        client.meta.events.register("before-call.s3.DeleteObjects", _with_content_md5)
        yield client


@asynccontextmanager
async def object_store(
    endpoint: str,
    bucket: str,
    region: str,
    access_key: str,
    secret_key: str,
    ca_file: Path | None = None,
    addressing: Addressing = "path",
) -> AsyncIterator[ObjectStore]:
    """A store on a client of its own, as of `s3_client`."""
    async with s3_client(endpoint, region, access_key, secret_key, ca_file, addressing) as client:
        yield ObjectStore(client, bucket)


def client_of(settings: BucketSettings) -> AbstractAsyncContextManager[S3Client]:
    secret = settings.s3_secret_key.get_secret_value()
    return s3_client(settings.s3_endpoint, settings.s3_region, settings.s3_access_key, secret, settings.s3_ca_file, settings.s3_addressing)


@asynccontextmanager
async def store_of(settings: BucketSettings) -> AsyncIterator[ObjectStore]:
    async with client_of(settings) as client:
        yield ObjectStore(client, settings.s3_bucket)


def _with_content_md5(params: dict[str, Any], **_: object) -> None:
    # The operation needs a checksum. Every storage knows Content-MD5; newer botocore sends a CRC32, which not every one takes for it.
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()
    params["context"]["checksum"] = {}


@functools.cache
def _session() -> AioSession:
    # It keeps what it has read about S3, two megabytes of JSON.
    session = get_session()
    session.register_component("data_loader", _Loader())
    return session


class _Loader(Loader):
    """Reads the descriptions that come with botocore, but not the addresses of all AWS services, which take 7 MiB: ours is a setting."""

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """A description and where it is from."""
        if name == "endpoints":
            return {"version": 3, "partitions": [_ANY_REGION]}, name
        loaded: tuple[Any, str] = super().load_data_with_path(name)
        return loaded
