"""Object storage whose certificate no public authority has signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.files.objects import ObjectStore
from services.files.presign import Presigner
from services.files.s3_client import s3_client
from services.platform.config import StorageSettings
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_http import ObjectHttpError, object_http
from tests.harness.tls_storage import tls_storage


async def test_every_client_of_the_storage_trusts_the_authority_that_is_named(tmp_path: Path) -> None:
    async with tls_storage(tmp_path) as (storage, authority):
        place = (storage.endpoint, storage.bucket, "us-east-1", storage.access_key, storage.secret_key)
        presigner = Presigner(*place)
        url, trusted = presigner.get("a", 60), StorageSettings(s3_ca_file=authority).s3_authorities
        async with s3_client(*place, authority) as client:
            await ObjectStore(client).reach()
        async with object_http(trusted) as http:
            async with http.request("PUT", presigner.put("a", 60), content=b"content") as stored:
                assert stored.status == 200
            async with http.request("GET", url) as answer:
                assert await answer.read(10) == b"content"

        public = StorageSettings(s3_ca_file=None).s3_authorities
        async with s3_client(*place) as client:
            with pytest.raises(DarkroomError) as refused:
                await ObjectStore(client).reach()
            assert refused.value.reason is ErrorReason.UNAVAILABLE
        async with object_http(public) as http:
            with pytest.raises(ObjectHttpError, match="certificate verify failed"):
                async with http.request("GET", url):
                    pass


def test_a_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("empty", "missing"):
        with pytest.raises(ValueError, match="s3_ca_file"):
            StorageSettings(s3_ca_file=tmp_path / name)
