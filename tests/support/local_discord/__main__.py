"""`python -m tests.support.local_discord [OPTIONS AS JSON]`: serves until its standard input ends.

Prints one line of JSON with the port as soon as it listens. Options: `token`, `clock_file`, `interaction_seconds`,
`port` (any free one by default).
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from simcord.backend import cdn

from tests.support import openapi
from tests.support.local_discord import control, rest
from tests.support.local_discord.gateway import Gateway
from tests.support.local_discord.world import World
from tests.support.rest_only import TOKEN

HOST = "127.0.0.1"


async def serve(options: dict[str, Any]) -> None:
    token = options.get("token") or TOKEN
    file = options.get("clock_file")
    world = World(Path(file) if file else None, interaction_seconds=options.get("interaction_seconds", 3.0))
    gateway = Gateway(world, token)
    api = rest.Rest(world, gateway, token, validate=_validator())
    controls = control.Control(world, gateway, api)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(rest.PREFIX + "/"):
            return await api.serve(request)
        if request.path.startswith(control.PREFIX):
            return await controls.serve(request)
        if request.path.startswith("/gateway"):
            return await gateway.serve(request)
        blob = world.backend.cdn.get(cdn.CDN_BASE + request.path)
        return web.Response(status=404) if blob is None else web.Response(body=blob)

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, options.get("port", 0), backlog=1024).start()
    port = runner.addresses[0][1]
    gateway.url = f"ws://{HOST}:{port}/gateway"
    cdn.CDN_BASE = f"http://{HOST}:{port}"  # else nobody could read an attachment
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    await _stdin_ended()
    await runner.cleanup()


async def _stdin_ended() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def _validator() -> rest.Validate | None:
    document = openapi.load()
    return None if document is None else document.wrong


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}))
