"""Storages that the operator has configured: files are fetched from them, and results written to them, as `storage://NAME/path`.

A file in TOML, one table a storage:

    [photos]
    type = "web_folder"
    base_url = "https://cdn.example.com/photos"

    [archive]
    type = "s3"
    endpoint = "https://s3.eu-central-1.amazonaws.com"
    region = "eu-central-1"
    bucket = "archive"
    addressing = "virtual"
    path = "originals"
    access_key = "…"
    secret_key = "…"
    accounts = [1, 59402381760000]
    writable = true

Every account can read all pictures and documents of a storage, unless `accounts` lists those that can; for the others there is no such
storage. With `writable`, they can also have results written there, which replace what has the same name. `addressing` is `path`,
the default, or `virtual`: whether the bucket is in the path of a URL or in its host name. The hosts may be on private networks, as nobody
but the operator names them. A storage of type `s3` may have watches: `services.files.watches`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from services.files.presign import Presigner
from services.files.s3_client import S3Client
from services.files.watches import Watch, WatchId
from services.platform.bucket_address import Addressing, check_addressing
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_http import ObjectHttp

SCHEME = "storage://"
_RESERVED = "files"
"""The scheme by which surfaces name files of the account."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
_NO_SEGMENTS = ("", ".", "..")
_HTTP = r"^https?://[^/?#\s]+"
_SIGNED_SECONDS = 300
_LONGEST_KEY = 1024  # bytes; S3's limit
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class _Storage(BaseModel):
    """The common part of all kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    accounts: frozenset[int] | None = None
    """Those that can use it; None for all."""

    def is_for(self, account_id: int) -> bool:
        """Whether an account can use it."""
        return self.accounts is None or account_id in self.accounts


class WebFolder(_Storage):
    """A folder of a web server that anybody may read."""

    type: Literal["web_folder"]
    base_url: str = Field(pattern=_HTTP + r"[^?#\s]*$")

    @property
    def parameters(self) -> dict[str, str]:
        """The public description."""
        return {"base_url": self.base_url}

    def url(self, path: str) -> str:
        """Where a file is."""
        return f"{self.base_url.rstrip('/')}/{path}"


class Bucket(_Storage):
    """A bucket, or a folder of it, of an object storage that speaks S3."""

    type: Literal["s3"]
    endpoint: str = Field(pattern=_HTTP + "/?$")
    region: str = "us-east-1"
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,62}$")
    addressing: Addressing = "path"
    path: str = ""
    access_key: str = Field(min_length=1)
    secret_key: SecretStr = Field(min_length=1)
    writable: bool = False
    """Whether its accounts can have results written to it."""
    watches: dict[Annotated[str, StringConstraints(pattern=f"^{_NAME.pattern}$")], Watch] = {}
    """By name."""

    @field_validator("addressing")
    @classmethod
    def _fits_the_bucket(cls, addressing: Addressing, info: ValidationInfo) -> Addressing:
        if {"bucket", "endpoint"} <= info.data.keys():
            check_addressing(addressing, info.data["bucket"], info.data["endpoint"])
        return addressing

    @property
    def parameters(self) -> dict[str, str]:
        """The public description."""
        return {"bucket": self.bucket, "path": self.path}

    def url(self, path: str) -> str:
        """The place of a file, for anyone who has the URL, for five minutes."""
        return self._presigner.get(self._quoted_key(path), _SIGNED_SECONDS)

    def put_url(self, path: str, media_type: str) -> str:
        """Where to PUT a file of this type, for anyone who has the URL, for five minutes."""
        return self._presigner.put(self._quoted_key(quoted_path(path)), _SIGNED_SECONDS, media_type)

    def put_part_url(self, path: str, upload_id: str, number: int) -> str:
        """Where to PUT a part of a file, for anyone who has the URL, for five minutes."""
        return self._presigner.put_part(self._quoted_key(quoted_path(path)), upload_id, number, _SIGNED_SECONDS)

    def key(self, path: str) -> str:
        """The key of a file in the bucket, or of a folder, whose path ends in `/` or is empty."""
        folder = self.path.strip("/")
        return f"{folder}/{path}" if folder else path

    def is_same(self, other: Bucket) -> bool:
        """Whether it is another name for the same bucket, or a folder of it."""
        return (self.endpoint.rstrip("/"), self.bucket) == (other.endpoint.rstrip("/"), other.bucket)

    def client(self, http: ObjectHttp) -> S3Client:
        """A client that lists the bucket."""
        secret = self.secret_key.get_secret_value()
        return S3Client(http, self.endpoint, self.bucket, self.region, self.access_key, secret, self.addressing)

    def _quoted_key(self, path: str) -> str:
        folder = quote(self.path.strip("/"))
        return f"{folder}/{path}" if folder else path

    @property
    def _presigner(self) -> Presigner:
        secret = self.secret_key.get_secret_value()
        return Presigner(self.endpoint, self.bucket, self.region, self.access_key, secret, self.addressing)


Configured = WebFolder | Bucket
_CONFIGURED: TypeAdapter[dict[str, Configured]] = TypeAdapter(dict[str, Annotated[Configured, Field(discriminator="type")]])


@dataclass(frozen=True, slots=True)
class Place:
    """A file or a folder of a bucket."""

    storage: str
    """Its name."""
    bucket: Bucket
    path: str
    """Empty for all of the storage; else that of a folder ends in `/`."""

    @property
    def is_folder(self) -> bool:
        """Whether it is one."""
        return not self.path or self.path.endswith("/")

    @property
    def uri(self) -> str:
        """As requests name it."""
        return f"{SCHEME}{self.storage}/{self.path}"


@dataclass(frozen=True, slots=True)
class Storages:
    """The storages by name."""

    by_name: Mapping[str, Configured]

    @classmethod
    def read(cls, file: Path | None) -> Storages:
        """Those of a file; none without one. Raises ValueError that says what is wrong with it."""
        if file is None:
            return cls({})
        try:
            found = _CONFIGURED.validate_python(tomllib.loads(file.read_text()))
        except OSError as error:
            raise ValueError(f"{file}: {error.strerror}") from None
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{file}: {error}") from None
        except ValidationError as error:
            # Without the values, which may be secret.
            faults = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False, include_url=False)]
            raise ValueError(f"{file}: {'; '.join(faults)}") from None
        for name in found:
            if not _NAME.fullmatch(name) or name == _RESERVED:
                rule = f"has 1 to 50 letters, digits, - and _, begins with a letter or a digit, and is not {_RESERVED}"
                raise ValueError(f"{file}: {name}: a storage's name {rule}")
        storages = cls(dict(sorted(found.items())))
        if faults := [fault for each in storages.watches for fault in storages._faults_of(each)]:
            raise ValueError(f"{file}: {'; '.join(faults)}")
        return storages

    @property
    def watches(self) -> dict[WatchId, Watch]:
        """Those of all storages."""
        buckets = ((name, each) for name, each in self.by_name.items() if isinstance(each, Bucket))
        return {WatchId(name, watch): each.watches[watch] for name, each in buckets for watch in each.watches}

    def watched(self, watch_id: WatchId) -> Place:
        """The folder that a watch looks at. Raises FIELD_INVALID."""
        watch = self.watches[watch_id]
        return self.folder(watch.account, f"{SCHEME}{watch_id.storage}/{watch.prefix}", "prefix")

    def _faults_of(self, watch_id: WatchId) -> list[str]:
        """Problems of a watch with the storages that it names."""
        watch, faults, at = self.watches[watch_id], list[str](), f"{watch_id.storage}.watches.{watch_id.name}"
        try:
            self.watched(watch_id)
        except DarkroomError as error:
            faults.append(f"{at}.{error.message}")
        for field, text in (("destination", watch.destination), ("failed", watch.failed)):
            try:
                place = self.destination(watch.account, text, field) if text or field == "destination" else None
            except DarkroomError as error:
                faults.append(f"{at}.{error.message}")
                continue
            if place is not None and not place.is_folder:
                faults.append(f"{at}.{field}: must name a folder, which ends in /")
            elif place is not None and field == "destination":
                seeing = [f"{each.storage}.watches.{each.name}" for each in self._seeing(watch, place)]
                faults += [f"{at}.{field}: results may come to where {other} watches, and would be done again" for other in seeing]
        return faults

    def _seeing(self, watch: Watch, destination: Place) -> list[WatchId]:
        """The watches that may take the results of one."""
        key, found = destination.bucket.key(destination.path), []
        for watch_id, each in self.watches.items():
            bucket = self.by_name[watch_id.storage]
            if isinstance(bucket, Bucket) and bucket.is_same(destination.bucket):
                prefix = bucket.key(each.prefix)
                # Results for objects in folders lie in folders of the destination.
                if key == prefix or (each.recursive and key.startswith(prefix)) or (watch.recursive and prefix.startswith(key)):
                    found.append(watch_id)
        return found

    def of(self, account_id: int) -> dict[str, Configured]:
        """Those that an account can read, by name."""
        return {name: each for name, each in self.by_name.items() if each.is_for(account_id)}

    def url(self, account_id: int, text: str, field: str) -> str:
        """The http or https URL of `storage://NAME/path`, for an account. Raises FIELD_INVALID."""
        name, storage, path = self._find(account_id, text, field)
        if not _is_path(path):
            raise _refused(field, f"must name a file of the storage: {SCHEME}{name}/path/to/picture.jpg, without empty parts, . and ..")
        return storage.url(quoted_path(path))

    def destination(self, account_id: int, text: str, field: str) -> Place:
        """The file or folder of `storage://NAME/path` that results may be written to, for an account. Raises FIELD_INVALID."""
        writable = tuple(name for name, each in self.of(account_id).items() if isinstance(each, Bucket) and each.writable)
        name, storage, path = self._find(account_id, text, field, allowed=writable)
        if not isinstance(storage, Bucket) or not storage.writable:
            there = f"it may write to {', '.join(writable)}" if writable else "its operator has made none writable for this account"
            raise _refused(field, f"this server may not write to the storage {name!r}: {there}", writable)
        if path and not _is_path(path.removesuffix("/")):
            raise _refused(
                field,
                f"must name a file or a folder of the storage: {SCHEME}{name}/path/to/picture.jpg or {SCHEME}{name}/path/, "
                "without empty parts, . and ..",
            )
        if len(storage.key(path).encode()) > _LONGEST_KEY:
            raise _refused(field, f"its path may have at most {_LONGEST_KEY} bytes with that of the storage")
        return Place(name, storage, path)

    def folder(self, account_id: int, text: str, field: str) -> Place:
        """The folder `storage://NAME/path/` of a bucket, for an account. Raises FIELD_INVALID."""
        buckets = tuple(name for name, each in self.of(account_id).items() if isinstance(each, Bucket))
        name, storage, path = self._find(account_id, text, field)
        if not isinstance(storage, Bucket):
            raise _refused(field, f"the files of the storage {name!r} cannot be listed, since it is no bucket", buckets)
        if path and not (path.endswith("/") and _is_path(path.removesuffix("/"))):
            raise _refused(field, f"must name a folder of the storage: {SCHEME}{name}/path/, without empty parts, . and ..")
        return Place(name, storage, path)

    def _find(self, account_id: int, text: str, field: str, allowed: tuple[str, ...] | None = None) -> tuple[str, Configured, str]:
        """Name, storage and path. For an account there are but its own storages; `allowed` are those that an error names, if not all."""
        name, _, path = text.removeprefix(SCHEME).partition("/")
        own = self.of(account_id)
        if not text.startswith(SCHEME):
            raise _refused(field, f"must be {SCHEME}NAME/path of a storage of this server", allowed or ())
        storage = own.get(name)
        if storage is None:
            there = f"it has {', '.join(own)}" if own else "its operator has configured none for this account"
            raise _refused(field, f"this server has no storage {name[:50]!r}: {there}", tuple(own) if allowed is None else allowed)
        return name, storage, path


def quoted_path(path: str) -> str:
    """A path as part of a URL."""
    return "/".join(quote(segment, safe="") for segment in path.split("/"))


def _is_path(path: str) -> bool:
    return not (any(segment in _NO_SEGMENTS for segment in path.split("/")) or _CONTROL.search(path))


def _refused(field: str, problem: str, allowed: tuple[str, ...] = ()) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field, allowed=allowed)
