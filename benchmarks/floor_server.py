"""A gRPC server whose method is empty: `python -m benchmarks.floor_server` prints its port."""

from __future__ import annotations

import asyncio

import grpc

METHOD = "/benchmark.Floor/Empty"


async def main() -> None:
    """Serve until the process is ended."""

    async def empty(_request: bytes, _context: object) -> bytes:
        return b""

    server = grpc.aio.server()
    service, method = METHOD.strip("/").split("/")
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: grpc.unary_unary_rpc_method_handler(empty)})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
