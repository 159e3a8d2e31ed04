"""discord.py clients of the test's own process on a local Discord."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.support.local_discord.handle import LocalDiscord

Client = TypeVar("Client", bound=discord.Client)


@contextmanager
def pointed_at(server: LocalDiscord) -> Iterator[None]:
    """discord.py's addresses are attributes of its classes, so of the whole process; afterwards they are as before."""
    api, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = server.api_url, yarl.URL(server.gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = api, gateway


@asynccontextmanager
async def running(server: LocalDiscord, client: Client) -> AsyncIterator[Client]:
    """Logs a client in, waits until it is ready, and closes it in the end.

    Give it ``guild_ready_timeout=0.1``, or it waits for more guilds for two seconds.
    """
    with pointed_at(server):
        await client.login(server.token)
        connection = asyncio.create_task(client.connect())
        ready = asyncio.create_task(client.wait_until_ready())
        await asyncio.wait((connection, ready), return_when=asyncio.FIRST_COMPLETED)
        if connection.done():
            ready.cancel()
            await connection
        try:
            yield client
        finally:
            await client.close()
            await connection


async def until(done: Callable[[], Any], timeout: float = 20.0) -> Any:  # noqa: ASYNC109 - a deadline of the test
    """Waits for a condition of the test's own process, and answers what it answered."""
    async with asyncio.timeout(timeout):
        while not (result := done()):  # noqa: ASYNC110 - the condition belongs to somebody else's code
            await asyncio.sleep(0.005)
    return result


async def post(server: LocalDiscord, channel: int, **body: object) -> tuple[int, dict[str, str], object]:
    """A message by a client that knows nothing of limits: status, headers, body."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bot {server.token}"}) as session,
        session.post(f"{server.api_url}/channels/{channel}/messages", json=body) as answer,
    ):
        data = await answer.json() if answer.content_type == "application/json" else await answer.text()
        return answer.status, dict(answer.headers), data
