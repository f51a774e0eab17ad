"""A gRPC server whose method is empty: `python -m benchmarks.floor_server SOCKET` prints a line when it is ready."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import grpc
import uvloop

METHOD = "/benchmark.Floor/Empty"


async def serve(socket: str, methods: Mapping[str, grpc.RpcMethodHandler[Any, Any]]) -> None:
    """Serve these methods at a Unix socket until the process is ended, and print a line first."""
    server = grpc.aio.server()
    for path, handler in methods.items():
        service, method = path.strip("/").split("/")
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    print(flush=True)
    await server.wait_for_termination()


async def _empty(_request: bytes, _context: object) -> bytes:
    return b""


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], {METHOD: grpc.unary_unary_rpc_method_handler(_empty)}))
