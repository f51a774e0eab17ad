"""Checks an object storage as an operator has set it up, from where this runs: everything that Darkroom does there is done once.

The objects that it takes are deleted again. Nothing of what is found holds a key or a signature.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from urllib.parse import urlsplit

from services.files import presigners
from services.files.bucket_rules import check_rules
from services.files.config import MEBIBYTE, FilesSettings
from services.files.domain.keys import trial_key
from services.files.object_client import client_of
from services.files.objects import ObjectStore, PartsRefused, SourceChanged, UploadGone
from services.files.presign import Presigner
from services.files.s3_client import S3Client, StorageRefusal
from services.files.storage_faults import advice, differing_clocks, refusal_behind, resolution_problem, unreachable
from services.files.storage_findings import StorageFinding, ok, problem, warning
from services.platform.bucket_address import bucket_url
from services.platform.errors import DarkroomError
from services.platform.object_http import ONLY_IF_ABSENT, ObjectHttp, ObjectHttpError, object_http
from services.platform.object_refusals import refusal_of

_CONTENT = b"Darkroom tries whether it can use this bucket."
_TYPE = "application/octet-stream"
_SECONDS = 60
_IDLE_SECONDS = 10.0
_SMALLEST_PART = 5 * MEBIBYTE
_REPLY_BYTES = 64 << 10
_ENDPOINT, _PUBLIC_ENDPOINT = "DARKROOM_S3_ENDPOINT", "DARKROOM_S3_PUBLIC_ENDPOINT"


async def check_storage(settings: FilesSettings, public_url: str | None = None) -> list[StorageFinding]:
    """The findings about the storage and its bucket. Checks that a problem prevents are left out.

    `public_url` is where clients reach the edge, whose pages send uploads to the storage.
    """
    if (nowhere := await resolution_problem(_bucket(settings, settings.s3_endpoint), _ENDPOINT)) is not None:
        return [nowhere]
    async with client_of(settings) as client, object_http(settings.s3_authorities, _IDLE_SECONDS) as http:
        check = _Check(settings, client, http)
        found = await check.bucket()
        if _is_well(found):
            async with check.trial_object() as (key, stored):
                if _is_well(stored):
                    found += [*await check.public_endpoint(key, public_url), *await check.public_access(key)]
            found += stored
            if _is_well(stored):
                found += await check.parts_and_copies()
                found += await check.conditional_puts()
            found += await check_rules(client, settings)
        return found


def _is_well(found: list[StorageFinding]) -> bool:
    return all(finding.level != "problem" for finding in found)


def _bucket(settings: FilesSettings, endpoint: str) -> str:
    return bucket_url(endpoint, settings.s3_bucket, settings.s3_addressing)


class _Check:
    def __init__(self, settings: FilesSettings, client: S3Client, http: ObjectHttp) -> None:
        self._settings, self._client, self._http = settings, client, http
        self._store = ObjectStore(client)
        self._urls = presigners.internal_urls(settings)

    async def bucket(self) -> list[StorageFinding]:
        """Whether the bucket answers this key, and what time it is there."""
        where = f"the bucket {self._settings.s3_bucket} at {self._settings.s3_endpoint}"
        try:
            reply = await self._client.send("GET", query={"list-type": "2", "max-keys": "1"})
        except StorageRefusal as error:
            return [problem(f"{where} cannot be listed ({error})", advice(error.refusal)), *differing_clocks(error.headers)]
        except ObjectHttpError as error:
            return [unreachable(self._settings.s3_endpoint, error, _ENDPOINT)]
        return [ok(f"{where} can be listed"), *differing_clocks(reply.headers)]

    @asynccontextmanager
    async def trial_object(self) -> AsyncIterator[tuple[str, list[StorageFinding]]]:
        """An object written and read through presigned URLs of the endpoint, and whether that went well. It is deleted afterwards."""
        key = trial_key()
        try:
            found = [await self._written_and_read(self._http, self._urls, self._settings.s3_endpoint, key)]
        except ObjectHttpError as error:
            found = [unreachable(self._settings.s3_endpoint, error, _ENDPOINT)]
        try:
            yield key, found
        finally:
            with suppress(ObjectHttpError):
                async with self._http.request("DELETE", self._urls.delete(key, _SECONDS)) as answer:
                    refusal = await refusal_of(answer)
                if refusal.status not in (HTTPStatus.OK, HTTPStatus.NO_CONTENT) and _is_well(found):
                    found.append(problem(f"an object cannot be deleted ({refusal})", advice(refusal)))

    async def public_endpoint(self, key: str, public_url: str | None) -> list[StorageFinding]:
        """Whether presigned URLs for clients work, and pages may use them, as far as it can be checked from here."""
        endpoint = self._settings.s3_public_endpoint
        unknown = f"try it from a client's machine, where it may still work, or correct {_PUBLIC_ENDPOINT}"
        urls = presigners.public_urls(self._settings)
        if (nowhere := await resolution_problem(urls.get(key, _SECONDS), _PUBLIC_ENDPOINT)) is not None:
            return [warning(nowhere.text, unknown)]
        trusted = ssl.create_default_context()
        if self._settings.s3_ca_file is not None:
            trusted.load_verify_locations(self._settings.s3_ca_file)
        async with object_http(trusted, _IDLE_SECONDS) as http:
            try:
                found = [] if endpoint == self._settings.s3_endpoint else [await self._written_and_read(http, urls, endpoint, key)]
                return [*found, *await self._pages(http, urls.put(key, _SECONDS), public_url)]
            except ObjectHttpError as error:
                return [warning(unreachable(endpoint, error, _PUBLIC_ENDPOINT).text, unknown)]

    async def public_access(self, key: str) -> list[StorageFinding]:
        """Whether anybody can read files or list the bucket."""
        base = _bucket(self._settings, self._settings.s3_endpoint)
        for what, url in (("read the bucket's objects", f"{base}{key}"), ("list the bucket", f"{base}?list-type=2&max-keys=1")):
            with suppress(ObjectHttpError):
                async with self._http.request("GET", url) as answer:
                    if answer.status == HTTPStatus.OK:
                        how = "remove the bucket policy or ACL that allows it; on AWS, block public access"
                        return [problem(f"anybody can {what}, without a signature", how)]
        return [ok("nobody can read objects or list the bucket without a signature")]

    async def parts_and_copies(self) -> list[StorageFinding]:
        """An upload of two parts, a copy of it, and the deletion of both at one go."""
        whole, copied = trial_key(), trial_key()
        try:
            stored = await self._uploaded_in_parts(whole)
            await self._store.copy(whole, stored, copied, _TYPE)
            await self._store.uploads(whole)
            left = {whole, copied} - await self._store.delete([whole, copied])
        except (DarkroomError, UploadGone, PartsRefused, SourceChanged, StorageRefusal) as error:
            with suppress(DarkroomError):
                await self._store.delete([whole, copied])
            refusal = refusal_behind(error)
            text = f"an upload of two parts, a copy and the deletion of both do not work ({refusal or type(error).__name__})"
            return [problem(text, advice(refusal))]
        except ObjectHttpError as error:
            return [unreachable(self._settings.s3_endpoint, error, _ENDPOINT)]
        if left:
            return [problem("several objects cannot be deleted by one request (DeleteObjects)", "allow the key s3:DeleteObject")]
        return [ok("an upload of two parts, a copy, and the deletion of both in one request")]

    async def conditional_puts(self) -> list[StorageFinding]:
        """Whether a second PUT of an object can be refused."""
        key, statuses = trial_key(), []
        try:
            for _ in range(2):
                async with self._http.request("PUT", self._urls.put(key, _SECONDS), ONLY_IF_ABSENT, b"x") as answer:
                    statuses.append(answer.status)
                    await answer.read(_REPLY_BYTES)
        except ObjectHttpError as error:
            return [unreachable(self._settings.s3_endpoint, error, _ENDPOINT)]
        finally:
            with suppress(DarkroomError):
                await self._store.delete([key])
        if statuses == [HTTPStatus.OK, HTTPStatus.PRECONDITION_FAILED]:
            return [ok("PUTs with If-None-Match overwrite nothing")]
        if self._settings.s3_conditional_puts:
            text = f"PUTs with If-None-Match are answered by {statuses[0]} and {statuses[1]}, where 200 and 412 would be right"
            return [problem(text, "unset DARKROOM_S3_CONDITIONAL_PUTS")]
        return [ok("the storage does not support PUTs with If-None-Match, and Darkroom works without them")]

    async def _written_and_read(self, http: ObjectHttp, urls: Presigner, endpoint: str, key: str) -> StorageFinding:
        """Raises ObjectHttpError."""
        tried = f"presigned PUT and GET at {endpoint}"
        try:
            await self._put(http, urls.put(key, _SECONDS), _CONTENT)
            async with http.request("GET", urls.get(key, _SECONDS)) as answer:
                if answer.status != HTTPStatus.OK:
                    raise StorageRefusal(await refusal_of(answer))
                content = await answer.read(len(_CONTENT))
        except StorageRefusal as error:
            return problem(f"{tried} are refused ({error})", advice(error.refusal))
        if content != _CONTENT:
            return problem(f"{tried}: the bytes that come back are not those that were sent", "check what is between here and the storage")
        return ok(tried)

    async def _pages(self, http: ObjectHttp, url: str, public_url: str | None) -> list[StorageFinding]:
        """Whether pages of the public URL may send uploads to a URL. Raises ObjectHttpError."""
        origin, endpoint = (f"{parts.scheme}://{parts.netloc}" for parts in (urlsplit(public_url or url), urlsplit(url)))
        if origin == endpoint:
            return []
        asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        async with http.request("OPTIONS", url, asked) as answer:
            await answer.read(_REPLY_BYTES)
        if answer.headers.get("Access-Control-Allow-Origin") in ("*", origin):
            return [ok(f"pages of {origin} may send uploads to {endpoint}")]
        text = f"pages of {origin} may not send uploads to {endpoint}: a request before the upload was answered by {answer.status}"
        return [warning(text, "give the bucket the CORS rules of docs/operator/production-settings.md, unless uploads use the edge")]

    async def _uploaded_in_parts(self, key: str) -> str:
        upload_id = await self._store.start_upload(key, _TYPE)
        try:
            for number, part in ((1, bytes(_SMALLEST_PART)), (2, b"x")):
                await self._put(self._http, self._urls.put_part(key, upload_id, number, _SECONDS), part)
            parts = await self._store.parts(key, upload_id)
            await self._store.join_parts(key, upload_id, {number: part.etag for number, part in parts.items()})
        except BaseException:
            with suppress(DarkroomError):
                await self._store.abort_upload(key, upload_id)
            raise
        joined = await self._store.head(key)
        if joined is None or joined.size_bytes != _SMALLEST_PART + 1:
            raise UploadGone
        return joined.etag

    async def _put(self, http: ObjectHttp, url: str, content: bytes) -> None:
        async with http.request("PUT", url, content=content) as answer:
            if answer.status != HTTPStatus.OK:
                raise StorageRefusal(await refusal_of(answer))
            await answer.read(_REPLY_BYTES)
