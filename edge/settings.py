"""Settings of the edge. Option `--x-y` is also read from the environment variable `DARKROOM_X_Y`; the option wins."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, create_model, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.topology import PUBLIC
from edge.addresses import Address, Endpoint

_DEFAULT_PORTS = {"http": 80, "https": 443}


# A wildcard stands for everything, or for the first label of a host.
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


AddressText = Annotated[str, AfterValidator(_address)]


class _EdgeSettings(BaseSettings):
    """Write Envoy's configuration to a folder.

    Addresses are `unix:/path` or `host:port`; a host may be a DNS name. Option `--x-y` is also read from DARKROOM_X_Y.
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

    out: Path = Field(description="Folder to write envoy.yaml and its files to; made if missing.")
    edge_listen: Annotated[str, AfterValidator(_tcp)] = Field(
        "0.0.0.0:8080",
        description="The one public port.",
    )
    edge_admin: AddressText | None = Field(
        None,
        description="Envoy's admin interface: a Unix socket or a loopback address; by default OUT/admin.sock.",
    )
    edge_metrics_listen: Annotated[str, AfterValidator(_tcp)] | None = Field(
        None,
        description="host:port that serves Envoy's metrics to Prometheus (/stats/prometheus) and /ready, and nothing else of the admin "
        "interface; without it nothing does.",
    )
    accounts_address: AddressText = Field(
        description="Internal listener of accounts, which answers ext_authz.",
    )
    s3_endpoint: str | None = Field(
        None,
        description="URL of the object storage that /BUCKET/ leads to. If unset, the route does not exist.",
    )
    s3_bucket: str = Field(
        "darkroom",
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="The bucket.",
    )
    public_url: str | None = Field(
        None,
        description="URL that clients reach this port by, such as https://media.example.com, when a proxy stands before it.",
    )
    edge_trusted_hops: int = Field(
        0,
        ge=0,
        le=10,
        description="Proxies before this port whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    tls_dir: Path | None = Field(
        None,
        description="Folder with tls.crt and tls.key: the public port then speaks TLS (HTTP/1.1 and HTTP/2).",
    )
    otlp_endpoint: str | None = Field(
        None,
        description="URL that traces are exported to by OTLP over gRPC, such as http://127.0.0.1:4317; without it nothing is traced.",
    )
    trace_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the requests that are traced.",
    )
    trace_clients: bool = Field(
        False,
        description="Let the sampled flag of a client's traceparent decide instead, where it sends one.",
    )
    edge_upload_limit: int = Field(
        2 * 1024**3,
        ge=1,
        lt=2**32,
        description="Largest PUT to object storage, bytes.",
    )
    edge_body_limit: int = Field(
        1024**2,
        ge=1024,
        lt=2**32,
        description="Largest body of any other request, bytes, except where the protos give a method a limit of its own.",
    )

    edge_cors_origins: str = Field(
        "",
        description="Origins whose pages may call the API from a browser, with commas between them: https://app.example.com, "
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
            raise ValueError("must be a Unix socket or a loopback address: whoever reaches it can stop Envoy")
        return text

    @field_validator("s3_endpoint", "otlp_endpoint")
    @classmethod
    def _endpoint(cls, url: str | None) -> str | None:
        if url is not None:
            Endpoint.parse(url)
        return url

    @field_validator("public_url")
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

    def upstream(self, service: str) -> Address:
        """The public listener of a service. Raises LookupError for one that deploy/topology.py does not list as public."""
        if service not in PUBLIC:
            raise LookupError(f"the protos say that {service} answers calls, and deploy/topology.py lists no such public service")
        return Address.parse(getattr(self, f"edge_{service}"))

    @property
    def cors_origin_patterns(self) -> list[str]:
        """Regular expressions for whole origins; empty when no web page may call. A `*` in a host stands for one or more labels."""
        return [_origin_pattern(origin) for origin in _listed(self.edge_cors_origins)]

    @property
    def admin_address(self) -> Address:
        """Where Envoy's admin interface listens."""
        return Address.parse(self.edge_admin) if self.edge_admin else Address(path=str(self.out.absolute() / "admin.sock"))

    @property
    def public_authority(self) -> str | None:
        """The Host that presigned URLs are signed for, without the port if it is the scheme's default."""
        if self.public_url is None:
            return None
        parts = urlsplit(self.public_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{parts.port}"


if TYPE_CHECKING:
    EdgeSettings = _EdgeSettings
else:
    # An option for each service that the edge routes to.
    _listeners: dict[str, Any] = {f"edge_{name}": (AddressText, Field(description=f"Public listener of {name}.")) for name in PUBLIC}
    EdgeSettings = create_model("EdgeSettings", __base__=_EdgeSettings, __doc__=_EdgeSettings.__doc__, **_listeners)
