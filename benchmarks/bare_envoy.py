"""The least configuration of Envoy that asks whether a call may pass, and forwards it: the edge of bare experiments."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from deploy.local.config import tool
from edge.render import arguments

SOCKET, DESCRIPTORS = "bare.sock", "descriptors.pb"
"""Names of files in an edge's folder."""
CHECKS = "/check"
"""What precedes the path of a call whose check is asked for over HTTP."""
_TYPES = "type.googleapis.com/envoy.extensions"


@asynccontextmanager
async def envoy(folder: str, port: int, protocol: str, service: str = "") -> AsyncIterator[int]:
    """An edge at `port` whose upstream listens at SOCKET of the folder, and speaks gRPC (`grpc`), or gRPC over HTTP/1.1 (`http`).

    With a service, its calls come as JSON, and DESCRIPTORS of the folder describe it. Yields the id of the process.
    """
    configuration = Path(folder) / "envoy.json"
    configuration.write_text(json.dumps(_configuration(folder, port, protocol, service)))
    process = await asyncio.create_subprocess_exec(tool("envoy"), *arguments(configuration))
    try:
        async with asyncio.timeout(30):
            while not await _listens(port):
                await asyncio.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _configuration(folder: str, port: int, protocol: str, service: str) -> dict[str, Any]:
    asked = {"uri": "bare", "cluster": "bare", "timeout": "10s"}
    check: dict[str, Any] = {"http_service": {"server_uri": asked, "path_prefix": CHECKS}}
    speaks: dict[str, Any] = {"http_protocol_options": {"enable_trailers": True}}
    if protocol == "grpc":
        check = {"transport_api_version": "V3", "grpc_service": {"envoy_grpc": {"cluster_name": "bare"}, "timeout": "10s"}}
        speaks = {"http2_protocol_options": {}}
    transcoding = {
        "proto_descriptor": f"{folder}/{DESCRIPTORS}",
        "services": [service],
        "print_options": {"preserve_proto_field_names": True},
        "ignore_unknown_query_parameters": True,
    }
    used: dict[str, dict[str, Any]] = {
        "ext_authz.v3.ExtAuthz": check,
        **({"grpc_json_transcoder.v3.GrpcJsonTranscoder": transcoding} if service else {}),
        "router.v3.Router": {},
    }
    filters = [{"name": name, "typed_config": {"@type": f"{_TYPES}.filters.http.{name}", **config}} for name, config in used.items()]
    routes = {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "bare"}}]}]}
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bare",
        "route_config": routes,
        "http_filters": filters,
    }
    listener = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    options = {"@type": f"{_TYPES}.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": speaks}
    endpoint = {"endpoint": {"address": {"pipe": {"path": f"{folder}/{SOCKET}"}}}}
    cluster = {
        "name": "bare",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        "load_assignment": {"cluster_name": "bare", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
