"""`python -m remixd.bench.nothing`: a grpc.aio server that does nothing, to compare with.

`/nothing/Echo` answers with what it was sent; `/nothing/Stream` sends a message every 20 ms, as a listener of
Opus gets them, without any sound behind it: when it was due, on the monotonic clock, and filling. Prints its
port.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
import grpc.aio

from remixd.errors import Unavailable

from .children import Child

EVERY_S: Final = 0.02
MESSAGE_BYTES: Final = 400
"""What a packet of Opus and its clock take."""

ECHO: Final = "/nothing/Echo"
STREAM: Final = "/nothing/Stream"
DUE: Final = struct.Struct("<d")


class Nothing(Child):
    """The server, in another process, while the block runs. Raises Unavailable if it does not start."""

    def __init__(self) -> None:
        super().__init__(__name__)

    def _begin(self) -> None:
        port = self._line()
        if not port:
            raise Unavailable("the server to compare with did not start")
        self.address = f"127.0.0.1:{port}"


async def _echo(request: bytes, _context: Any) -> bytes:
    return request


async def _stream(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
    due_s = time.monotonic()
    while True:
        due_s += EVERY_S
        await asyncio.sleep(max(due_s - time.monotonic(), 0.0))
        yield DUE.pack(due_s).ljust(MESSAGE_BYTES)


async def _serve() -> None:
    server = grpc.aio.server()
    handlers = {
        "Echo": grpc.unary_unary_rpc_method_handler(_echo),
        "Stream": grpc.unary_stream_rpc_method_handler(_stream),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("nothing", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until who started it is gone
    await server.stop(0)


if __name__ == "__main__":
    asyncio.run(_serve())
