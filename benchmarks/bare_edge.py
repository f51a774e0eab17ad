"""An Envoy that asks whether a request may pass, and forwards it, and what it asks: `python -m benchmarks.bare_edge SOCKET`.

The question is that of the platform's edge, one of HTTP/1.1 over a Unix socket; the answer is 200 to everything.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import psutil
import uvloop

from benchmarks.programs import module, program
from deploy.local.config import tool
from deploy.local.scratch.ports import free_port

_TYPES = "type.googleapis.com/envoy.extensions"
_AUTHORIZATION = "envoy.filters.http.ext_authz"
_YES = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

Message = dict[str, Any]


@asynccontextmanager
async def edge(
    folder: Path, server: Path, *, authorized: bool, storage: str = "", bucket: str = "", http2: bool = True
) -> AsyncIterator[tuple[int, list[psutil.Process]]]:
    """The port of an Envoy that forwards HTTP/2, or HTTP/1.1, to that socket, and its processes; `authorized`, when it has asked. With
    `storage`, what begins with the bucket's name goes there, unasked."""
    port = free_port()
    async with AsyncExitStack() as running:
        processes = []
        clusters = [_cluster("server", {"pipe": {"path": str(server)}}, http2=http2)]
        filters = [_typed("envoy.filters.http.router", "filters.http.router.v3.Router")]
        routes: list[Message] = [{"match": {"prefix": "/"}, "route": {"cluster": "server"}}]
        if authorized:
            socket = folder / "authorization"
            processes.append(await running.enter_async_context(module(__name__, str(socket))))
            clusters.append(_cluster("authorization", {"pipe": {"path": str(socket)}}))
            asked = {"server_uri": {"uri": "authorization", "cluster": "authorization", "timeout": "2s"}, "path_prefix": "/check"}
            filters.insert(0, _typed(_AUTHORIZATION, "filters.http.ext_authz.v3.ExtAuthz", http_service=asked))
        if storage:
            clusters.append(_cluster("storage", _address(urlsplit(storage).port or 80)))
            unasked: Message = {_AUTHORIZATION: {"@type": f"{_TYPES}.filters.http.ext_authz.v3.ExtAuthzPerRoute", "disabled": True}}
            to_storage: Message = {"match": {"prefix": f"/{bucket}/"}, "route": {"cluster": "storage"}}
            routes.insert(0, to_storage | ({"typed_per_filter_config": unasked} if authorized else {}))
        manager = _typed(
            "envoy.filters.network.http_connection_manager",
            "filters.network.http_connection_manager.v3.HttpConnectionManager",
            stat_prefix="floor",
            route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
            http_filters=filters,
        )
        listener = {"address": _address(port), "filter_chains": [{"filters": [manager]}]}
        config = folder / "envoy.json"
        config.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": clusters}}))
        command = (str(tool("envoy")), "-c", str(config), "--disable-hot-restart", "--log-level", "error")
        processes.append(await running.enter_async_context(program(*command)))
        yield port, processes


def _cluster(name: str, address: Message, *, http2: bool = False) -> Message:
    protocol = {"@type": f"{_TYPES}.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        **({"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol}} if http2 else {}),
    }


def _typed(name: str, kind: str, **config: object) -> Message:
    return {"name": name, "typed_config": {"@type": f"{_TYPES}.{kind}", **config}}


def _address(port: int) -> Message:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


class _Authorization(asyncio.Protocol):
    """Answers each question, which has no body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self._transport, self._received = cast("asyncio.Transport", transport), b""

    def data_received(self, data: bytes) -> None:
        *questions, self._received = (self._received + data).split(b"\r\n\r\n")
        self._transport.write(_YES * len(questions))


async def _authorize(socket: str) -> None:
    server = await asyncio.get_running_loop().create_unix_server(_Authorization, socket)
    print(flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_authorize(sys.argv[1]))
