"""Where Discord is: set once, before login."""

from typing import Any

import discord
import yarl
from discord.http import Route

from bot.settings import Settings


def use_addresses(client: discord.Client, settings: Settings) -> None:
    """Points discord.py at the addresses of the settings.

    The API's address is a class attribute, for the whole process. The gateway's comes from several places: from
    ``/gateway/bot`` at first, from a class attribute when a session is begun anew, from ``resume_gateway_url``
    of READY when one is resumed. All of them end in ``ws_connect``, so that is where ``gateway_url`` is set.
    """
    Route.BASE = settings.api_url
    if settings.gateway_url is None:
        return
    gateway, connect = yarl.URL(settings.gateway_url), client.http.ws_connect

    async def ws_connect(url: str, **options: Any) -> Any:
        # What is asked for in the query, version and compression, is discord.py's to choose.
        return await connect(str(gateway.with_query(yarl.URL(url).query)), **options)

    client.http.ws_connect = ws_connect  # type: ignore[method-assign]
