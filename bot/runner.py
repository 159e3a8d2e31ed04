"""`applecore run`: one bot from login to a clean end."""

import asyncio
import contextlib
import logging
import signal

import aiohttp
import discord

from bot import logs
from bot.client import Applecore, create_bot
from bot.errors import ApplecoreError
from bot.settings import Settings

log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Runs until SIGINT or SIGTERM; answers the exit code.

    Raises:
        ApplecoreError: the bot cannot work with these settings.
    """
    logs.configure(settings)
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    try:
        async with create_bot(settings) as bot:
            await _until_stopped(bot, settings)
    except discord.LoginFailure:
        raise ApplecoreError(
            "token: Discord refuses it; copy it anew from the developer portal (your application → Bot → Reset Token)."
        ) from None
    except discord.PrivilegedIntentsRequired:
        raise ApplecoreError(
            "message_content: Discord refuses the intent; switch on Message Content Intent in the developer portal "
            "(your application → Bot), or set message_content to false."
        ) from None
    except (aiohttp.ClientConnectorError, discord.GatewayNotFound) as error:
        raise ApplecoreError(f"Discord cannot be reached at {settings.api_url}: {error}") from None
    return 0


async def _until_stopped(bot: Applecore, settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers; Ctrl+C still ends the loop there
            loop.add_signal_handler(number, stop.set)
    token = settings.token.get_secret_value() if settings.token else ""
    running = asyncio.create_task(bot.start(token))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        log.info("stopping: finishing the step in hand")
        await bot.close()
    stopped.cancel()
    await running
