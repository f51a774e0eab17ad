"""Settings of the edge. Option `--x-y` overrides the environment variable `DARKROOM_X_Y`."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, create_model, field_validator
from pydantic_settings import SettingsConfigDict

from edge.addresses import Address, Endpoint, Upstream
from edge.topology import PUBLIC
from edge.worker_port import WorkerPortSettings
from services.platform import compatibility
from services.platform.bucket_address import Addressing, SignedFor, bucket_url, check_addressing

_DEFAULT_PORTS = {"http": 80, "https": 443}
_CONNECTIONS = 20_000
# Connections to object storage and, for unary calls, to a service (their circuit breakers), and Envoy's own.
_OTHER_FILES = 4096 + 8192 + 512


# A wildcard matches everything, or the start of a host name.
_ORIGIN = re.compile(r"\*|https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?")


def _listed(text: str) -> list[str]:
    return [origin.strip() for origin in text.split(",") if origin.strip()]


def _origin_pattern(origin: str) -> str:
    return ".*" if origin == "*" else re.escape(origin).replace(r"\*", "[a-z0-9.-]+")


def _address(text: str) -> str:
    Address.parse(text)
    return text


def _tcp(text: str) -> str:
    if Address.parse(text).path is not None:
        raise ValueError("must be host:port")
    return text


def _addresses(text: str) -> str:
    Upstream.parse(text)
    return text


def _surfaces(text: str) -> str:
    compatibility.parse_surfaces(text)
    return text


AddressText = Annotated[str, AfterValidator(_address)]
AddressesText = Annotated[str, AfterValidator(_addresses)]


class _EdgeSettings(WorkerPortSettings):
    """Write Envoy's configuration to a folder.

    Addresses are `unix:/path` or `host:port`; a host may be a DNS name. Those of a service may be several with commas between them, one for
    each replica; where DNS has several addresses for a name, each is a replica, too. Option `--x-y` can also be set as DARKROOM_X_Y.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_prefix="DARKROOM_",
        cli_prog_name="python -m edge.render",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )

    out: Path = Field(description="Folder for envoy.json and the files that belong to it; created if missing.")
    edge_listen: Annotated[str, AfterValidator(_tcp)] = Field(
        "0.0.0.0:8080",
        description="Address of the public port.",
    )
    edge_admin: AddressText | None = Field(
        None,
        description="Address of Envoy's admin interface: a Unix socket or a loopback address; by default OUT/admin.sock.",
    )
    edge_metrics_listen: Annotated[str, AfterValidator(_tcp)] | None = Field(
        None,
        description="host:port that serves /stats/prometheus (Envoy's metrics for Prometheus) and /ready, but nothing else of the admin "
        "interface. If unset, they are not served.",
    )
    surfaces: Annotated[str, AfterValidator(_surfaces)] | None = Field(None, description=compatibility.DESCRIPTION)
    authorization_address: AddressesText = Field(
        description="Listener of accounts that answers Envoy's ext_authz, over HTTP; of several replicas, with commas between them.",
    )
    s3_endpoint: str | None = Field(
        None,
        description="URL of the object storage to which /BUCKET/ is routed. If unset, there is no such route.",
    )
    s3_ca_file: Path | None = Field(
        None,
        description="PEM file with the authority that has signed the certificate of the object storage. If unset, public authorities are "
        "trusted.",
    )
    s3_bucket: str = Field(
        "darkroom",
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="Name of the bucket.",
    )
    s3_public_endpoint: str | None = Field(
        None,
        description="URL for which the files service signs (its setting of the same name). If unset, --public-url.",
    )
    s3_signed_for: SignedFor = Field(
        "public",
        description="The Host that presigned URLs are signed for, and that the storage is asked by (the files service's setting of the "
        "same name): public, that of --s3-public-endpoint, or storage, that of --s3-endpoint.",
    )
    s3_addressing: Addressing = Field(
        "path",
        description="Where the storage expects the bucket (the setting of the files service of the same name): path or virtual. With "
        "virtual, /BUCKET/ is routed only where URLs are signed for the storage; otherwise clients reach it themselves.",
    )
    public_url: str | None = Field(
        None,
        description="URL at which clients reach the public port if it is behind a proxy, such as https://media.example.com.",
    )
    edge_trusted_hops: int = Field(
        0,
        ge=0,
        le=10,
        description="Number of proxies in front of the public port whose X-Forwarded-For and X-Forwarded-Proto headers are trusted.",
    )
    internal_tls_dir: Path | None = Field(
        None,
        description="Folder with ca.crt, tls.crt and tls.key. If set, the services are reached by mutual TLS. Their certificates must be "
        "of this authority and name the services as DNS names; Envoy presents this one, which names envoy.",
    )
    tls_dir: Path | None = Field(
        None,
        description="Folder with tls.crt and tls.key. If set, the public port uses TLS (HTTP/1.1 and HTTP/2).",
    )
    otlp_endpoint: str | None = Field(
        None,
        description="OTLP/gRPC endpoint that receives traces, such as http://127.0.0.1:4317. If unset, nothing is traced.",
    )
    trace_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of requests to trace, 0 to 1.",
    )
    trace_clients: bool = Field(
        False,
        description="If a client sends a traceparent header, let its sampled flag decide whether the request is traced.",
    )
    edge_upload_limit: int = Field(
        2 * 1024**3,
        ge=1,
        lt=2**32,
        description="Largest PUT to object storage, in bytes.",
    )
    edge_body_limit: int = Field(
        1024**2,
        ge=1024,
        lt=2**32,
        description="Largest body of any other request, in bytes, unless the protos give a method a limit of its own.",
    )
    edge_drain_limit: int = Field(
        64 * 1024**2,
        ge=0,
        lt=2**32,
        description="Largest body, in bytes, that is read to its end although its size or an expired URL gets it refused. A longer one is "
        "refused at once, which clients that send all before they read see as a broken connection.",
    )
    edge_header_limit: int = Field(
        8192,
        ge=2048,
        le=32768,
        description="Largest request headers, the URL among them, in bytes. Object storage and pages take 60 KiB.",
    )
    edge_max_connections: int | None = Field(
        None,
        ge=1,
        description="Maximum number of client connections. By default 20,000, or fewer if the hard limit of open files leaves less room.",
    )
    edge_headers_timeout: int = Field(
        15,
        ge=1,
        description="Seconds for a new connection to send data and finish its TLS handshake, and for each request's headers to arrive.",
    )
    edge_idle_timeout: int = Field(
        300,
        ge=1,
        description="Seconds after which a connection without requests is closed. More than a load balancer in front keeps its own open.",
    )
    edge_request_timeout: int = Field(
        180,
        ge=1,
        description="Seconds for a whole call, from its headers to the end of the reply. Event streams have no limit.",
    )
    edge_transfer_timeout: int = Field(
        6 * 3600,
        ge=1,
        description="Seconds for a whole upload to or download from object storage.",
    )
    edge_transfer_idle_timeout: int = Field(
        60,
        ge=1,
        description="Seconds without data after which an upload or download is ended.",
    )

    edge_hsts_seconds: int = Field(
        31_536_000,
        ge=0,
        description="Seconds for which browsers use only HTTPS for the host (Strict-Transport-Security), where the public "
        "port has a certificate or the public URL begins with https; 0 for no such header.",
    )
    edge_log_reads: bool = Field(
        False,
        description="Also log calls that read, succeed and take less than a second. All others are logged in any case.",
    )
    edge_cors_origins: str = Field(
        "",
        description="Comma-separated list of origins whose pages may call the API from a browser: https://app.example.com, "
        "https://*.example.com, or * for all. Empty for none.",
    )

    @field_validator("edge_cors_origins")
    @classmethod
    def _origins(cls, text: str) -> str:
        for origin in _listed(text):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin}: must be *, or a scheme and host with an optional port, such as https://app.example.com")
        return text

    @field_validator("edge_admin")
    @classmethod
    def _admin_is_local(cls, text: str | None) -> str | None:
        if text is not None and not Address.parse(text).is_local:
            raise ValueError("must be a Unix socket or a loopback address: anyone who reaches it can stop Envoy")
        return text

    @field_validator("s3_endpoint", "otlp_endpoint")
    @classmethod
    def _endpoint(cls, url: str | None) -> str | None:
        if url is not None:
            Endpoint.parse(url)
        return url

    @field_validator("s3_addressing")
    @classmethod
    def _bucket_in_the_path(cls, addressing: Addressing, info: ValidationInfo) -> Addressing:
        direct = info.data.get("s3_signed_for") == "public"
        if addressing == "virtual" and direct and info.data.get("s3_public_endpoint") is None:
            raise ValueError("virtual needs --s3-public-endpoint, where clients reach the storage, or --s3-signed-for storage")
        return check_addressing(addressing, info.data.get("s3_bucket", ""))

    @field_validator("public_url", "s3_public_endpoint")
    @classmethod
    def _url(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "http://unset")
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise ValueError("must be http:// or https:// with a host, an optional port, and no path")
        return url

    @field_validator("tls_dir")
    @classmethod
    def _certificate(cls, folder: Path | None) -> Path | None:
        for name in ("tls.crt", "tls.key") if folder else ():
            if folder and not (folder / name).is_file():
                raise ValueError(f"holds no {name}")
        return folder.absolute() if folder else None

    @field_validator("s3_ca_file")
    @classmethod
    def _authority(cls, file: Path | None) -> Path | None:
        if file is not None and not file.is_file():
            raise ValueError("there is no such file")
        return file.absolute() if file else None

    @field_validator("internal_tls_dir")
    @classmethod
    def _internal_certificate(cls, folder: Path | None) -> Path | None:
        for name in ("ca.crt", "tls.crt", "tls.key") if folder else ():
            if folder and not (folder / name).is_file():
                raise ValueError(f"holds no {name}")
        return folder.absolute() if folder else None

    def upstream(self, service: str) -> Upstream:
        """The public listeners of a service. Raises LookupError if edge/topology.py does not list the service as public."""
        if service not in PUBLIC:
            raise LookupError(f"the protos say that {service} answers calls, but edge/topology.py does not list it as a public service")
        return Upstream.parse(getattr(self, f"edge_{service}"))

    @property
    def offered_surfaces(self) -> frozenset[str]:
        """The names of the compatibility surfaces that are on."""
        return compatibility.parse_surfaces(self.surfaces)

    @property
    def max_connections(self) -> int:
        """Maximum number of client connections. Envoy raises its limit of open files to the hard one, which is read here."""
        if self.edge_max_connections is not None:
            return self.edge_max_connections
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return _CONNECTIONS if files == resource.RLIM_INFINITY else min(_CONNECTIONS, max(files - _OTHER_FILES, files // 2))

    @property
    def cors_origin_patterns(self) -> list[str]:
        """Regular expressions that match whole origins; empty if no web page may call. A `*` in a host matches one or more labels."""
        return [_origin_pattern(origin) for origin in _listed(self.edge_cors_origins)]

    @property
    def admin_address(self) -> Address:
        """Address of Envoy's admin interface."""
        return Address.parse(self.edge_admin) if self.edge_admin else Address(path=str(self.out.absolute() / "admin.sock"))

    @property
    def hsts(self) -> str | None:
        """The value of Strict-Transport-Security; None where clients come by plain HTTP, or the operator wants none."""
        secure = self.tls_dir is not None or (self.public_url or "").startswith("https:")
        return f"max-age={self.edge_hsts_seconds}" if secure and self.edge_hsts_seconds else None

    @property
    def public_origin(self) -> str | None:
        """The public URL without a slash at its end."""
        return self.public_url.rstrip("/") if self.public_url is not None else None

    @property
    def public_authority(self) -> str | None:
        """The Host for which presigned URLs are signed, without the port if it is the scheme's default."""
        url = self.s3_public_endpoint or self.public_url
        if self.s3_signed_for == "storage":
            url = self.routed_storage
        return None if url is None else _host(url)

    @property
    def routed_storage(self) -> str | None:
        """URL of the object storage to which /BUCKET/ is routed; None where clients reach it themselves."""
        if self.s3_endpoint is None or self.s3_addressing == "path":
            return self.s3_endpoint
        return bucket_url(self.s3_endpoint, self.s3_bucket, "virtual") if self.s3_signed_for == "storage" else None

    @property
    def storage_origin(self) -> str:
        """The origin to which clients send uploads; empty if that is this edge."""
        if self.routed_storage is not None or self.s3_public_endpoint is None:
            return ""
        bucket = f"{self.s3_bucket}." if self.s3_addressing == "virtual" else ""
        return f"{urlsplit(self.s3_public_endpoint).scheme}://{bucket}{_host(self.s3_public_endpoint)}"


def _host(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else f"{parts.hostname}"
    return host if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{parts.port}"


if TYPE_CHECKING:
    EdgeSettings = _EdgeSettings
else:
    # One option for each service that the edge routes to.
    _listeners: dict[str, Any] = {
        f"edge_{name}": (AddressesText, Field(description=f"Public listener of {name}, or of its replicas.")) for name in PUBLIC
    }
    EdgeSettings = create_model("EdgeSettings", __base__=_EdgeSettings, __doc__=_EdgeSettings.__doc__, **_listeners)
