"""What the check of an object storage says, of one that is well and of one that is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.files import storage_check
from services.files.config import FilesSettings
from services.files.storage_check import check_storage
from services.files.storage_findings import StorageFinding
from tests.harness.aws_storage import AwsStorage
from tests.harness.storage_proxy import Said, Seen, StorageProxy, storage_proxy
from tests.harness.tls_storage import tls_storage
from tests.stacks import ObjectStorage
from tests.unit.files.test_files_config import REQUIRED

PAGES = "https://media.example.com"
XML = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
ABORTS = (
    "<Rule><ID>aborts</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>"
    "<AbortIncompleteMultipartUpload><DaysAfterInitiation>8</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No storage is said to be silent because the machine is busy."""
    monkeypatch.setattr(storage_check, "_IDLE_SECONDS", 60.0)


def settings_of(storage: ObjectStorage, **changed: Any) -> FilesSettings:
    """Settings for a storage that clients reach as services do."""
    told: dict[str, Any] = {
        "s3_endpoint": storage.endpoint,
        "s3_public_endpoint": storage.endpoint,
        "s3_access_key": storage.access_key,
        "s3_secret_key": storage.secret_key,
        "s3_bucket": storage.bucket,
    }
    return FilesSettings(**REQUIRED | told | changed)


@pytest.fixture
async def proxy(aws: AwsStorage) -> AsyncIterator[StorageProxy]:
    """In front of a storage with AWS's habits, which refuses what is not signed: moto does not."""
    async with storage_proxy(aws.endpoint) as started:
        yield started


@pytest.fixture
def bucket(aws: AwsStorage, proxy: StorageProxy) -> ObjectStorage:
    """A bucket behind the proxy."""
    proxy.says(lambda seen: seen.method == "GET" and not is_signed(seen), 403, "AccessDenied", times=1000)
    return replace(aws.create_bucket(), endpoint=proxy.endpoint)


def is_signed(seen: Seen) -> bool:
    """Whether a request has a signature."""
    return "X-Amz-Signature" in seen.target or "authorization" in seen.headers


async def configure(bucket: ObjectStorage, what: str, body: str) -> None:
    """Set something of a bucket."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        reply = await http.put(f"{bucket.endpoint}/{bucket.bucket}?{what}", content=body)
        assert reply.status_code in (200, 204), reply.text


async def left(aws: AwsStorage, bucket: ObjectStorage) -> str:
    """What is in the bucket, and begun there."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        base = f"{aws.endpoint}/{bucket.bucket}"
        return (await http.get(f"{base}?list-type=2")).text + (await http.get(f"{base}?uploads")).text


def worse(found: list[StorageFinding], level: str = "problem") -> list[str]:
    """Texts and remedies of a level."""
    return [f"{finding.text}: {finding.remedy}" for finding in found if finding.level == level]


async def test_the_storage_of_a_stack_is_well(object_storage: ObjectStorage) -> None:
    found = await check_storage(settings_of(object_storage))
    assert worse(found) == []
    texts = " ".join(finding.text for finding in found)
    for tried in ("can be listed", "presigned PUT and GET", "without a signature", "two parts, a copy", "If-None-Match", "lifecycle"):
        assert tried in texts
    assert object_storage.secret_key not in texts + "".join(worse(found, "warning"))


async def test_a_bucket_that_is_set_up_as_the_page_says_is_well_and_left_as_it_was(aws: AwsStorage, bucket: ObjectStorage) -> None:
    await configure(bucket, "lifecycle", f"<LifecycleConfiguration {XML}>{ABORTS}</LifecycleConfiguration>")
    found = await check_storage(settings_of(bucket))
    assert (worse(found), worse(found, "warning")) == ([], [])
    assert "PUTs with If-None-Match overwrite nothing" in [finding.text for finding in found]
    after = await left(aws, bucket)
    assert "<Key>" not in after
    assert "<UploadId>" not in after


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"s3_bucket": "none-such"}, ["none-such", "NoSuchBucket", "DARKROOM_S3_BUCKET"]),
        ({"s3_secret_key": "wrong"}, ["SignatureDoesNotMatch", "DARKROOM_S3_SECRET_KEY"]),
        ({"s3_access_key": "wrong"}, ["cannot be listed", "DARKROOM_S3_ACCESS_KEY"]),
        ({"s3_endpoint": "http://127.0.0.1:9"}, ["127.0.0.1:9 cannot be reached (Connect call failed", "DARKROOM_S3_ENDPOINT"]),
        ({"s3_endpoint": "http://storage.invalid"}, ["storage.invalid of DARKROOM_S3_ENDPOINT does not resolve"]),
        ({"s3_conditional_puts": True}, ["answered by 200 and 200", "unset DARKROOM_S3_CONDITIONAL_PUTS"]),
    ],
)
async def test_what_is_wrong_is_told_with_its_setting(object_storage: ObjectStorage, changed: dict[str, Any], told: list[str]) -> None:
    [line] = worse(await check_storage(settings_of(object_storage, **changed)))
    for part in told:
        assert part in line
    assert object_storage.secret_key not in line


async def test_a_certificate_of_an_unknown_authority(tmp_path: Path) -> None:
    async with tls_storage(tmp_path) as (storage, authority):
        [line] = worse(await check_storage(settings_of(storage)))
        assert "its certificate is not trusted" in line
        assert "DARKROOM_S3_CA_FILE" in line
        assert worse(await check_storage(settings_of(storage, s3_ca_file=authority))) == []


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [("http://127.0.0.1:9", "cannot be reached"), ("http://clients.invalid", "does not resolve")],
)
async def test_a_public_endpoint_that_only_clients_may_reach_is_a_warning(bucket: ObjectStorage, endpoint: str, told: str) -> None:
    found = await check_storage(settings_of(bucket, s3_public_endpoint=endpoint))
    assert worse(found) == []
    [line] = [each for each in worse(found, "warning") if endpoint.partition("//")[2].partition(":")[0] in each]
    assert told in line
    assert "DARKROOM_S3_PUBLIC_ENDPOINT" in line


async def test_a_public_endpoint_that_refuses_is_a_problem(aws: AwsStorage, bucket: ObjectStorage, proxy: StorageProxy) -> None:
    proxy.says(lambda seen: seen.method == "PUT" and seen.headers["host"].startswith("localhost"), 403, "SignatureDoesNotMatch")
    public = f"http://localhost:{proxy.port}"
    [line] = worse(await check_storage(settings_of(bucket, s3_public_endpoint=public)))
    assert f"presigned PUT and GET at {public} are refused (403 SignatureDoesNotMatch)" in line


async def test_pages_of_the_server_may_send_uploads_only_if_the_bucket_says_so(bucket: ObjectStorage, proxy: StorageProxy) -> None:
    proxy.says(lambda seen: seen.method == "OPTIONS", 403, "AccessForbidden")
    [line] = [each for each in worse(await check_storage(settings_of(bucket), PAGES), "warning") if PAGES in each]
    assert "CORS" in line
    proxy.says(lambda seen: seen.method == "OPTIONS", 200, headers={"Access-Control-Allow-Origin": PAGES})
    assert not [each for each in worse(await check_storage(settings_of(bucket), PAGES), "warning") if PAGES in each]


async def test_clocks(bucket: ObjectStorage, proxy: StorageProxy) -> None:
    late = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT"}
    proxy.says(lambda seen: "list-type" in seen.target, 403, "RequestTimeTooSkewed", headers=late)
    refused, clock = worse(await check_storage(settings_of(bucket)))
    assert "RequestTimeTooSkewed" in refused
    assert "s ahead of the storage's" in clock
    assert "NTP" in clock


@pytest.mark.parametrize(("part", "told"), [("/files/", "read the bucket's objects"), ("list-type", "list the bucket")])
async def test_a_bucket_that_is_open(bucket: ObjectStorage, proxy: StorageProxy, part: str, told: str) -> None:
    proxy.said.insert(0, Said(lambda seen: not is_signed(seen) and seen.method == "GET" and part in seen.target, 200, "", {}, 1, False))
    [line] = worse(await check_storage(settings_of(bucket)))
    assert f"anybody can {told}, without a signature" in line
    assert "block public access" in line


@pytest.mark.parametrize("part", ["?uploads", "?delete", "uploadId="])
async def test_a_key_that_may_not_do_everything(aws: AwsStorage, bucket: ObjectStorage, proxy: StorageProxy, part: str) -> None:
    proxy.says(lambda seen: part in seen.target and "partNumber" not in seen.target, 403, "AccessDenied", times=1)
    [line] = worse(await check_storage(settings_of(bucket)))
    assert "an upload of two parts, a copy and the deletion of both do not work (403 AccessDenied)" in line
    assert "docs/operator/production-settings.md" in line
    after = await left(aws, bucket)
    assert "<Key>" not in after
    assert "<UploadId>" not in after


async def test_a_key_that_may_only_read(bucket: ObjectStorage, proxy: StorageProxy) -> None:
    proxy.says(lambda seen: seen.method == "PUT", 403, "AccessDenied", times=100)
    [line] = worse(await check_storage(settings_of(bucket)))
    assert "presigned PUT and GET" in line


async def test_rules_of_the_bucket(bucket: ObjectStorage) -> None:
    expires = "<Rule><ID>tidy</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>"
    await configure(bucket, "lifecycle", f"<LifecycleConfiguration {XML}>{expires}</LifecycleConfiguration>")
    await configure(bucket, "versioning", f"<VersioningConfiguration {XML}><Status>Enabled</Status></VersioningConfiguration>")
    found = await check_storage(settings_of(bucket))
    [line] = worse(found)
    assert "lifecycle rule tidy deletes files after 1 days" in line
    warnings = " ".join(worse(found, "warning"))
    assert "AbortIncompleteMultipartUpload" in warnings
    assert "NoncurrentVersionExpiration" in warnings
