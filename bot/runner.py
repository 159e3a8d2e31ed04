"""`applecore run`: one bot from login to a clean end."""

import asyncio
import contextlib
import logging
import signal

import aiohttp
import discord

from bot import logs
from bot.checkup import LOGIN_REFUSED, SWITCH_ON, unreachable
from bot.client import Applecore, create_bot
from bot.errors import ApplecoreError
from bot.settings import Settings

log = logging.getLogger(__name__)

AUTHENTICATION_FAILED = 4004
"""Discord's close code for a token that it no longer takes (topics/opcodes-and-status-codes.mdx)."""


def run(settings: Settings) -> int:
    """Runs until SIGINT or SIGTERM; answers the exit code.

    Raises:
        ApplecoreError: the bot cannot work with these settings.
    """
    logs.configure(settings)
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows, where Ctrl+C ends asyncio.run
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    bot = create_bot(settings)
    try:
        await bot.database.open()  # before anything is asked of Discord
        await _until_stopped(bot, settings, stop)
    except discord.LoginFailure:
        raise ApplecoreError(f"token: {LOGIN_REFUSED}") from None
    except discord.PrivilegedIntentsRequired:
        raise ApplecoreError(f"message_content: Discord refuses the intent. {SWITCH_ON}") from None
    except discord.ConnectionClosed as error:
        if error.code == AUTHENTICATION_FAILED:
            raise ApplecoreError(f"token: {LOGIN_REFUSED}") from None
        raise ApplecoreError(
            f"Discord closed the connection (code {error.code}). Check shard_count and shard_ids: "
            "without them the bot asks Discord what is right."
        ) from None
    except (aiohttp.ClientError, TimeoutError, discord.HTTPException, discord.GatewayNotFound) as error:
        raise ApplecoreError(unreachable(settings.api_url, error)) from error
    finally:
        await bot.close()
    return 0


async def _until_stopped(bot: Applecore, settings: Settings, stop: asyncio.Event) -> None:
    token = settings.token.get_secret_value() if settings.token else ""
    running = asyncio.create_task(bot.start(token))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not stop.is_set():
        return await running
    log.info("stopping: finishing the step in hand")
    if bot.is_ready():
        await bot.close()
    running.cancel()  # where it waits for Discord, nothing else would end it
    await asyncio.wait((running,))
    return None
