"""Object storage whose certificate no public authority has signed."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from services.common.config import StorageSettings
from services.common.errors import DarkroomError, ErrorReason
from services.common.object_writing import storage_client as form_client
from services.files.objects import object_store
from services.files.presign import Presigner
from services.files.probe import storage_client as probe_client
from services.inference.worker.object_transfer import http_client
from tests.harness.tls_storage import tls_storage


async def test_every_client_of_the_storage_trusts_the_authority_that_is_named(tmp_path: Path) -> None:
    async with tls_storage(tmp_path) as (storage, authority):
        place = (storage.endpoint, storage.bucket, "us-east-1", storage.access_key, storage.secret_key)
        presigner = Presigner(*place)
        url, trusted = presigner.get("a", 60), StorageSettings(s3_ca_file=authority).s3_authorities
        async with object_store(*place, authority) as objects:
            await objects.reach()
        async with form_client(trusted) as forms:
            assert (await forms.put(presigner.put("a", 60), content=b"content")).status_code == 200
        async with http_client(trusted) as worker, probe_client(10, trusted) as probe:
            assert [(await client.get(url)).content for client in (worker, probe)] == [b"content"] * 2

        public = StorageSettings(s3_ca_file=None).s3_authorities
        async with object_store(*place) as objects:
            with pytest.raises(DarkroomError) as refused:
                await objects.reach()
            assert refused.value.reason is ErrorReason.UNAVAILABLE
        async with form_client(public) as forms, http_client(public) as worker, probe_client(10, public) as probe:
            for client in (forms, worker, probe):
                with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                    await client.get(url)


def test_a_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("empty", "missing"):
        with pytest.raises(ValueError, match="s3_ca_file"):
            StorageSettings(s3_ca_file=tmp_path / name)
