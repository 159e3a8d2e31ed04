"""Where Discord is: set once, before login."""

from typing import Any

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

from bot.settings import Settings


def use_addresses(client: discord.Client, settings: Settings) -> None:
    """Points discord.py at the addresses of the settings.

    The API's address is a class attribute for the whole process. The gateway's is asked for at ``/gateway/bot``
    and, when that is not available, taken from another class attribute; both follow ``gateway_url``.
    """
    Route.BASE = settings.api_url
    if settings.gateway_url is None:
        return
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway_url)
    client.http.get_bot_gateway = _answering(client.http, settings.gateway_url)  # type: ignore[method-assign]


def _answering(http: HTTPClient, gateway_url: str) -> Any:
    ask = http.get_bot_gateway

    async def get_bot_gateway() -> Any:
        shards, _, limits = await ask()
        return shards, gateway_url, limits

    return get_bot_gateway
