"""TLS in front of a PostgreSQL that was built without, as the one from PyPI is: what the clients see is a server with `ssl = on`.

Run as `python -m tests.cluster.database_front ADDRESS PORT SOCKET FOLDER`; the folder holds tls.crt and tls.key. Connections without TLS
are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import sys
from pathlib import Path

_ASKS_FOR_TLS = struct.pack("!ii", 8, 80877103)
_BLOCK = 1 << 16


async def _passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_BLOCK):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main() -> None:
    """Serve until killed."""
    address, port, socket, folder = sys.argv[1:]
    certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.load_cert_chain(Path(folder) / "tls.crt", Path(folder) / "tls.key")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(8) == _ASKS_FOR_TLS:
                writer.write(b"S")
                await writer.start_tls(certificate)
                behind = await asyncio.open_unix_connection(socket)
                await asyncio.gather(_passed_on(reader, behind[1]), _passed_on(behind[0], writer))
        writer.close()

    server = await asyncio.start_server(serve, address, int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
