"""What docs/operator/production-settings.md says of the object storage: the rights are those that are used, and its rules are good ones."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.files.config import FilesSettings
from services.files.domain.multipart import UploadedPart
from services.files.domain.task_files import NewOutput
from services.files.domain.uploads import NewUpload, UploadMode
from services.files.storage_check import check_storage
from tests.component.files import content
from tests.component.files.world import World
from tests.harness.botocore_client import botocore_client
from tests.harness.storage_proxy import Seen, StorageProxy, storage_proxy
from tests.stacks import ObjectStorage

PAGE = Path(__file__).parents[3] / "docs" / "operator" / "production-settings.md"
MEBIBYTE = 1024**2
OF_THE_BUCKET = "arn:aws:s3:::BUCKET"
OF_OBJECTS = f"{OF_THE_BUCKET}/*"
AWS = pytest.mark.parametrize("object_storage", ["aws"], indirect=True)
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
QUESTIONS = {
    "uploads": "s3:ListBucketMultipartUploads",
    "lifecycle": "s3:GetLifecycleConfiguration",
    "versioning": "s3:GetBucketVersioning",
    "": "s3:ListBucket",
}


def said(kind: str) -> Any:
    """The block of JSON that has this key."""
    [found] = [block for text in re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.S) if kind in (block := json.loads(text))]
    return found


def rights(seen: Seen, bucket: str) -> set[tuple[str, str]]:
    """What a key must be allowed for a request, and on what."""
    path, _, query = seen.target.partition("?")
    names = {part.partition("=")[0] for part in query.split("&")}
    actions, resource = ["s3:PutObject"], OF_OBJECTS
    if path.removeprefix(f"/{bucket}").strip("/") == "":
        if seen.method == "POST" and "delete" in names:
            actions = ["s3:DeleteObject"]
        else:
            assert seen.method in ("GET", "HEAD"), seen.target
            actions, resource = [next(action for name, action in QUESTIONS.items() if name in names or not name)], OF_THE_BUCKET
    elif seen.method in ("GET", "HEAD"):
        actions = ["s3:ListMultipartUploadParts" if "uploadId" in names else "s3:GetObject"]
    elif seen.method == "DELETE":
        actions = ["s3:AbortMultipartUpload" if "uploadId" in names else "s3:DeleteObject"]
    elif "x-amz-copy-source" in seen.headers:
        actions = ["s3:GetObject", "s3:PutObject"]
    return {(action, resource) for action in actions}


@pytest.fixture
async def proxy(object_storage: ObjectStorage) -> AsyncIterator[StorageProxy]:
    async with storage_proxy(object_storage.endpoint) as started:
        yield started


@pytest.fixture
def settings(settings: FilesSettings, proxy: StorageProxy) -> FilesSettings:
    return settings.model_copy(update={"s3_endpoint": proxy.endpoint, "s3_public_endpoint": proxy.endpoint})


@AWS
async def test_the_policy_allows_what_is_done_and_no_more(world: World, proxy: StorageProxy) -> None:
    account, task, data = world.account(), world.task(), content.png(padding=7 * MEBIBYTE)
    await world.objects.reach()
    [large, given_up] = await world.files.uploads.create(
        account, [NewUpload("large.png", len(data)), NewUpload("other.png", len(data))], UploadMode.MULTIPART
    )
    size = large.part_bytes
    etags = [await world.put(url, data[at * size : (at + 1) * size]) for at, url in enumerate(large.part_urls)]
    await world.files.uploads.complete(account, large.file.id, [UploadedPart(at, etag) for at, etag in enumerate(etags, 1)])
    small = await world.uploaded(account, "small.png", content.png())
    big = await world.uploaded(account, "big.png", content.png(padding=2 * MEBIBYTE))
    await world.files.task_files.pin(account, task, [small.id, big.id])
    [created] = await world.files.task_files.create_outputs(account, task, 1, [NewOutput("out.png", "image/png")])
    await world.put(created.url, content.png(), **{"content-type": "image/png"})
    await world.files.task_files.finalize_outputs(account, task, 1, [created.file.id])
    for file_id in (large.file.id, given_up.file.id):
        await world.files.library.delete(account, file_id)
    await world.sweep()
    await world.files.reconciler.step()
    await world.files.reconciler.sweep_uploads()
    await check_storage(world.settings)
    signed = [seen for seen in proxy.seen if "X-Amz-Signature" in seen.target or "authorization" in seen.headers]
    used = {right for seen in signed for right in rights(seen, world.settings.s3_bucket)}
    statements = said("Statement")["Statement"]
    allowed = {(action, statement["Resource"]) for statement in statements for action in statement["Action"]}
    assert used == allowed


@AWS
async def test_a_bucket_with_its_rules_is_well(settings: FilesSettings, object_storage: ObjectStorage, proxy: StorageProxy) -> None:
    proxy.says(lambda seen: seen.method == "GET" and "authorization" not in seen.headers and "X-Amz" not in seen.target, 403, times=10)
    cors = said("CORSRules")
    place = (settings.s3_endpoint, settings.s3_region, settings.s3_access_key, settings.s3_secret_key.get_secret_value())
    async with botocore_client(*place) as client:
        await client.put_bucket_lifecycle_configuration(Bucket=object_storage.bucket, LifecycleConfiguration=said("Rules"))
        await client.put_bucket_cors(Bucket=object_storage.bucket, CORSConfiguration=cors)
        assert (await client.get_bucket_cors(Bucket=object_storage.bucket))["CORSRules"] == cors["CORSRules"]
    assert [finding for finding in await check_storage(settings) if finding.level != "ok"] == []
