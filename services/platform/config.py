"""Settings: one typed class per service, read from environment variables with the prefix `DARKROOM_`."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from services.platform.compatibility import SurfaceSettings
from services.platform.database_address import DatabaseAddress, Pooler, knows_an_authority
from services.platform.environment import PREFIX, EnvironmentSettings
from services.platform.nats_servers import NatsServers, check_credentials
from services.platform.tls import FILES, MutualTls, authorities

Settings = TypeVar("Settings", bound=EnvironmentSettings)


class TlsSettings(EnvironmentSettings):
    """Settings of a process that speaks to other parts."""

    internal_tls_dir: Path | None = Field(
        None,
        description="Folder with ca.crt, tls.crt and tls.key. If set, all gRPC between the services and the edge is mutual TLS, and NATS "
        "gets the certificate where its URL is `tls://`. The certificate names the service as a DNS name.",
    )

    @field_validator("internal_tls_dir")
    @classmethod
    def _holds_certificates(cls, folder: Path | None) -> Path | None:
        for name in FILES if folder is not None else ():
            if folder is not None and not os.access(folder / name, os.R_OK):
                raise ValueError(f"holds no readable {name}")
        return folder

    @property
    def tls(self) -> MutualTls | None:
        """The certificates of this process; None without TLS."""
        return MutualTls(self.internal_tls_dir) if self.internal_tls_dir is not None else None


class NatsSettings(TlsSettings):
    """Settings of a process that connects to NATS."""

    nats_url: str = Field(
        description="NATS with JetStream, including credentials: `nats://user:password@host:port`; of a cluster, several such URLs with "
        "commas between them, of which only the first needs credentials. With `tls://` in place of `nats://`, over TLS."
    )
    nats_credentials_file: Path | None = Field(
        None,
        description="File with the JWT and NKey seed of this service's NATS user (`nsc generate creds`), where nats_url has no user. The "
        "user may subscribe to `_INBOX.SERVICE.>`.",
    )
    nats_ca_file: Path | None = Field(
        None,
        description="PEM file with the authority that has signed the certificates of NATS. If unset, that of internal_tls_dir, or without "
        "that public authorities.",
    )
    nats_tls_hostname: str | None = Field(
        None,
        min_length=1,
        description="The name in the certificate of NATS, if it is not the host of nats_url; also asked for by SNI.",
    )
    nats_tls_first: bool = Field(
        False,
        description="Whether to begin with TLS before NATS says anything, as a proxy needs that routes by SNI. NATS must have "
        "`handshake_first` set.",
    )

    @field_validator("nats_url")
    @classmethod
    def _names_servers(cls, url: str) -> str:
        NatsServers.parse(url)
        return url

    @field_validator("nats_credentials_file")
    @classmethod
    def _identify_a_user(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None:
            check_credentials(file)
            url = info.data.get("nats_url")
            if url is not None and NatsServers.parse(url).user is not None:
                raise ValueError("DARKROOM_NATS_URL has a user of its own; set only one of them")
        return file

    @field_validator("nats_ca_file")
    @classmethod
    def _holds_the_authority_of_nats(cls, file: Path | None) -> Path | None:
        if file is not None:
            authorities(file)
        return file

    @field_validator("nats_ca_file", "nats_tls_hostname", "nats_tls_first")
    @classmethod
    def _is_for_tls(cls, value: object, info: ValidationInfo) -> object:
        url = info.data.get("nats_url")
        if value and url is not None and NatsServers.parse(url).scheme != "tls":
            raise ValueError("is for TLS, and DARKROOM_NATS_URL does not begin with tls://")
        return value

    @property
    def nats(self) -> NatsServers:
        """Where NATS is, and how this process identifies itself to it."""
        return replace(
            NatsServers.parse(self.nats_url),
            credentials_file=self.nats_credentials_file,
            tls=self.tls,
            ca_file=self.nats_ca_file,
            tls_hostname=self.nats_tls_hostname,
            tls_first=self.nats_tls_first,
        )


class ProcessSettings(NatsSettings):
    """Settings of every process. Field `x_y` is read from `DARKROOM_X_Y`."""

    internal_listen: str = Field(description="Address of the internal gRPC listener, for other services only: `unix:/path` or `host:port`.")
    signing_key_file: Path = Field(description="File with this service's Ed25519 private key, in PEM format.")
    trusted_keys_file: Path = Field(description="JSON file that maps each issuer's name to its Ed25519 public key, in PEM format.")
    metrics_listen: str | None = Field(
        None,
        pattern=r"^\S+:\d+$",
        description="Address of the operator's HTTP listener (/metrics, /livez, /readyz): `host:port`. If unset, there is no listener.",
    )
    otlp_endpoint: str | None = Field(
        default_factory=lambda: os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"),
        pattern=r"^https?://\S+$",
        description="OTLP/gRPC endpoint that receives traces, such as `http://127.0.0.1:4317`. If unset, nothing is traced. "
        "Falls back to OTEL_EXPORTER_OTLP_ENDPOINT.",
    )
    trace_ratio: float = Field(
        1.0, ge=0, le=1, description="Share of requests to trace, 0 to 1, for requests that the edge has made no sampling decision on."
    )
    drain_calls: float = Field(
        5.0,
        ge=0,
        description="Seconds that a stopping process, which accepts no new calls, waits for calls in flight before it cancels them.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Minimum severity of log lines.")


class StreamSettings(EnvironmentSettings):
    """Settings of a process that holds clients' calls open."""

    max_streams_per_account: int = Field(
        500,
        ge=0,
        description="Streams and waiting calls that an account may have open at all replicas of a service, unless the operator has set "
        "another number for it; 0 for no limit.",
    )
    max_streams: int = Field(
        5000, ge=0, description="Streams and waiting calls of all accounts that may be open at one process; 0 for no limit."
    )


class ServiceSettings(ProcessSettings, StreamSettings, SurfaceSettings):
    """Settings of a service that the edge routes to."""

    listen: str = Field(
        description="Address of the public gRPC listener, which clients reach through the edge: `unix:/path` or `host:port`."
    )
    drain_notice: float = Field(
        5.0,
        ge=0,
        description="Seconds for which a stopping process keeps serving while it reports unready, so that callers move to other replicas.",
    )


class DiskSettings(EnvironmentSettings):
    """Settings of a service that accepts work which takes room on a disk."""

    disk_path: Path | None = Field(
        None,
        description="Folder on the disk that the platform's data fill up. While that disk is nearly full, no new tasks and uploads are "
        "accepted. If unset, nothing is looked at.",
    )
    disk_reserve_bytes: int = Field(1024**3, ge=0, description="Free bytes of that disk below which it counts as nearly full.")


class DatabaseSettings(EnvironmentSettings):
    """Settings of a service with a database."""

    database_url: str = Field(
        description="The service's own PostgreSQL database (version 15 or newer): `postgresql+asyncpg://user:password@host/name`; "
        "with a Unix socket: `…@/name?host=/folder`; with several servers, of which the one that takes writes is used: "
        "`…@host1:5432,host2:5432/name`; over TLS: `?ssl=verify-full`."
    )
    database_ca_file: Path | None = Field(
        None,
        description="PEM file with the authority that has signed the certificate of PostgreSQL, for `?ssl=verify-full` or `verify-ca`. If "
        "unset, libpq's PGSSLROOTCERT or ~/.postgresql/root.crt.",
    )
    database_pooler: Pooler = Field(
        "none",
        description="transaction: database_url leads to a pooler such as PgBouncer that gives out its connections for a transaction each. "
        "If that is so and this is none, calls fail with `prepared statement … does not exist` or `… already exists` as soon as there are "
        "several.",
    )
    database_pool: int = Field(10, ge=2, le=200, description="Maximum number of connections in the pool.")

    @field_validator("database_url")
    @classmethod
    def _names_a_database(cls, url: str) -> str:
        DatabaseAddress.parse(url)
        return url

    @field_validator("database_ca_file")
    @classmethod
    def _says_who_signs(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None:
            authorities(file)
        if (url := info.data.get("database_url")) is not None:
            verifies = DatabaseAddress.parse(url).verifies
            if file is not None and not verifies:
                raise ValueError("has no effect unless DARKROOM_DATABASE_URL ends with ?ssl=verify-full or ?ssl=verify-ca")
            if file is None and verifies and not knows_an_authority():
                raise ValueError("is required, because DARKROOM_DATABASE_URL asks to verify the server's certificate")
        return file

    @property
    def database(self) -> DatabaseAddress:
        """Where the database is, and how it is reached."""
        return DatabaseAddress.parse(self.database_url, self.database_ca_file, self.database_pooler)


class AuditSettings(EnvironmentSettings):
    """Settings of a service that keeps an audit log."""

    audit_days: int = Field(400, ge=1, le=36_500, description="How many days entries of the audit log are kept.")

    @property
    def audit_life(self) -> timedelta:
        """How long entries of the audit log are kept."""
        return timedelta(days=self.audit_days)


class StorageSettings(EnvironmentSettings):
    """Settings of a service that reads or writes object storage."""

    s3_ca_file: Path | None = Field(
        None,
        description="PEM file with the authority that has signed the certificate of the object storage. If unset, public authorities are "
        "trusted.",
    )

    @field_validator("s3_ca_file")
    @classmethod
    def _holds_an_authority(cls, file: Path | None) -> Path | None:
        if file is not None:
            authorities(file)
        return file

    @property
    def s3_authorities(self) -> ssl.SSLContext:
        """The authorities that may have signed the storage's certificate."""
        return authorities(self.s3_ca_file)


class PictureSettings(EnvironmentSettings):
    """Settings of a service that limits the size of pictures."""

    max_megapixels: float = Field(100.0, gt=0, description="Largest accepted picture, in megapixels per frame.")
    max_result_megapixels: float = Field(400.0, gt=0, description="Largest picture that a task may produce, in megapixels.")
    max_video_seconds: float = Field(60.0, gt=0, description="Longest accepted video, in seconds.")
    max_moving_megapixels: float = Field(
        4000.0,
        gt=0,
        description="Largest animation or video that is worked on or made, in megapixels of all frames together: a minute of 1920 x 1080 "
        "pixels with 30 frames a second has 3,732.",
    )
    operation_seconds: float = Field(
        900.0,
        gt=0,
        description="Longest time that upscale, remove_noise or restore_photo may take for a picture by its estimate, in seconds. If it "
        "would take longer, the operation does less, and a notice says so, or the task is refused.",
    )


def load(settings_class: type[Settings], *others: type[EnvironmentSettings]) -> Settings:
    """Read and validate the settings, and others that the same process reads later. If any are invalid, print all problems and exit with
    status 2."""
    classes: Sequence[type[EnvironmentSettings]] = (settings_class, *others)
    problems = {line: None for each in classes for line in _problems(each)}
    if problems:
        print(f"{settings_class.__name__}: {len(problems)} setting(s) need attention:", *problems, sep="\n  ", file=sys.stderr)
        raise SystemExit(2)
    return settings_class()


def _problems(settings_class: type[EnvironmentSettings]) -> Iterator[str]:
    try:
        settings_class()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in problem["loc"]).upper()
            field = settings_class.model_fields.get(str(problem["loc"][0])) if problem["loc"] else None
            meaning = f" ({field.description})" if field is not None and field.description else ""
            yield f"{PREFIX}{name}: {problem['msg']}{meaning}"
