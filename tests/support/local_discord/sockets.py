"""One gateway connection: ordered sending, and compression as the client asked for it."""

import asyncio
import json
import zlib
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from aiohttp import web


class _Compressor(Protocol):
    def __call__(self, text: str) -> bytes: ...


def compressor(asked: str | None) -> _Compressor | None:
    """A transport compression of Discord's; None where none was asked for or its library is missing."""
    if asked == "zlib-stream":
        stream = zlib.compressobj()
        return lambda text: stream.compress(text.encode()) + stream.flush(zlib.Z_SYNC_FLUSH)
    if asked == "zstd-stream":
        if find_spec("zstandard") is None:
            return None
        zstandard = import_module("zstandard")
        blocks = zstandard.ZstdCompressor().compressobj()
        return lambda text: blocks.compress(text.encode()) + blocks.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    return None


class Connection:
    """Frames go out in the order of the calls, which never wait."""

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest, compress: str | None) -> None:
        self._socket = socket
        self._request = request
        self._compress = compressor(compress)
        self._frames: asyncio.Queue[str | int] = asyncio.Queue()
        self.closing = False
        """Whether this side began to close it."""
        self._writer = asyncio.create_task(self._write())

    def send(self, frame: str) -> None:
        self._frames.put_nowait(frame)

    def op(self, op: int, data: Any) -> None:
        self.send(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def close(self, code: int) -> None:
        """Ends the connection after what was sent before."""
        self.closing = True
        self._frames.put_nowait(code)

    def cut(self) -> None:
        """Ends it at once, as a broken network would."""
        self.closing = True
        if self._request.transport is not None:
            self._request.transport.abort()

    async def done(self) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)

    async def _write(self) -> None:
        try:
            while True:
                frame = await self._frames.get()
                if isinstance(frame, int):
                    await self._socket.close(code=frame)
                    return
                if self._compress is None:
                    await self._socket.send_str(frame)
                else:
                    await self._socket.send_bytes(self._compress(frame))
        except ConnectionError:
            return  # the client is gone; its session keeps what it missed
