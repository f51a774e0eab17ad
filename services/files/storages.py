"""Storages that the operator has configured, where files are fetched from as `storage://NAME/path`.

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

Every account can read all pictures and documents of a storage, unless `accounts` lists those that can; for the others there is no such
storage. `addressing` is `path`, the default, or `virtual`: whether the bucket is in the path of a URL or in its host name. The hosts may be
on private networks, since nobody but the operator names them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, ValidationInfo, field_validator

from services.files.presign import Presigner
from services.platform.bucket_address import Addressing, check_addressing
from services.platform.errors import DarkroomError, ErrorReason

SCHEME = "storage://"
_RESERVED = "files"
"""The scheme by which surfaces name files of the account."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
_NO_SEGMENTS = ("", ".", "..")
_HTTP = r"^https?://[^/?#\s]+"
_SIGNED_SECONDS = 300


class _Storage(BaseModel):
    """The common part of all kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    accounts: frozenset[int] | None = None
    """Those that can read it; None for all."""

    def is_for(self, account_id: int) -> bool:
        """Whether an account can read it."""
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
        secret = self.secret_key.get_secret_value()
        presigner = Presigner(self.endpoint, self.bucket, self.region, self.access_key, secret, self.addressing)
        folder = quote(self.path.strip("/"))
        return presigner.get(f"{folder}/{path}" if folder else path, _SIGNED_SECONDS)


Configured = WebFolder | Bucket
_CONFIGURED: TypeAdapter[dict[str, Configured]] = TypeAdapter(dict[str, Annotated[Configured, Field(discriminator="type")]])


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
        return cls(dict(sorted(found.items())))

    def of(self, account_id: int) -> dict[str, Configured]:
        """Those that an account can read, by name."""
        return {name: each for name, each in self.by_name.items() if each.is_for(account_id)}

    def url(self, account_id: int, text: str, field: str) -> str:
        """The http or https URL of `storage://NAME/path`, for an account. Raises FIELD_INVALID."""
        name, _, path = text.removeprefix(SCHEME).partition("/")
        own = self.of(account_id)
        storage = own.get(name)
        if storage is None:
            there = f"it has {', '.join(own)}" if own else "its operator has configured none for this account"
            raise _refused(field, f"this server has no storage {name[:50]!r}: {there}", tuple(own))
        segments = path.split("/")
        if any(segment in _NO_SEGMENTS for segment in segments):
            raise _refused(field, f"must name a file of the storage: {SCHEME}{name}/path/to/picture.jpg, without empty parts, . and ..")
        return storage.url("/".join(quote(segment, safe="") for segment in segments))


def _refused(field: str, problem: str, allowed: tuple[str, ...] = ()) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field, allowed=allowed)
